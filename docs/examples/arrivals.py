"""Read a traffic expression as a schedule, and draw its arrivals: the same for the same seed.

python docs/examples/arrivals.py ramp:0/s..20/s:10min 7
"""

import sys
from itertools import islice

from harness.load.schedule import poisson
from harness.load.traffic import read_traffic

expression, seed = sys.argv[1], int(sys.argv[2])
schedule = read_traffic(expression).schedule
print(f"{schedule.expected:,.0f} requests expected in {schedule.seconds:,.0f} s, at most {schedule.peak:g}/s")
for second in islice(poisson(schedule, seed), 5):
    print(f"a request starts at {second:.3f} s")
