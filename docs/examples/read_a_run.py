"""Read the requests of a recorded run as a table: the slowest ones and what came of them.

python docs/examples/read_a_run.py runs/20260101T120000Z-steady-1a2b3c
"""

import sys
from pathlib import Path

from harness.load.runs import read_run

run = read_run(Path(sys.argv[1]))
print(f"{run.manifest.id}: {run.requests.num_rows:,} requests")
print("columns:", ", ".join(run.requests.column_names))
for row in run.requests.sort_by([("response_s", "descending")]).slice(0, 3).to_pylist():
    print(f"{row['response_s']:.3f} s  {row['kind']}  {row['name']}  {row['error'] or 'answered'}")
