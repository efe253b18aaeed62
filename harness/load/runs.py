"""The run store: one folder a run, with ``manifest.json`` and the requests as they came, as Arrow IPC streams.

    runs/20260131T120000Z-LambdaUrlEvent-3f9a2c/manifest.json
                                               /requests.arrow (or requests-0.arrow, ... of locust's workers)
                                               /generator.jsonl (likewise: how the generator fared)
                                               /latency.hlog (HdrHistograms of all workers together)

A stream is appended batch by batch, so that a run that was killed stays readable up to its last complete batch.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
from pydantic import TypeAdapter, ValidationError

from harness.core.errors import HarnessError
from harness.load.generator_log import GeneratorLog, read_generator_logs

MANIFEST = "manifest.json"
FORMAT = 2

_word = pa.dictionary(pa.int32(), pa.string())
SCHEMA = pa.schema(
    [
        pa.field("start", pa.float64(), nullable=False),  # Unix seconds at which it was sent, or dropped
        pa.field("intended", pa.float64()),  # Unix seconds at which the schedule said so; null in a closed loop
        pa.field("late_s", pa.float64()),  # start less intended; null in a closed loop
        pa.field("name", _word, nullable=False),
        pa.field("kind", _word, nullable=False),  # lambda, endpoint, or the request type of a user of locust's own
        pa.field("response_s", pa.float64(), nullable=False),  # from the intended start, if any, to the last byte
        pa.field("service_s", pa.float64(), nullable=False),  # from the start to the last byte
        pa.field("status", pa.int16()),  # HTTP; null where no answer came
        pa.field("error", _word),  # AWS's code, Unfinished or Dropped; null where all is well
        pa.field("message", pa.string()),
        pa.field("request_bytes", pa.int64(), nullable=False),
        pa.field("response_bytes", pa.int64(), nullable=False),
        pa.field("cold_init_s", pa.float64()),  # Init Duration; null where warm or unknown
        pa.field("function_s", pa.float64()),  # Lambda's own Duration
        pa.field("variant", _word),
        pa.field("users", pa.int32(), nullable=False),  # running in the process that sent it
        pa.field("instance", pa.int16()),  # number of the variant's instance; null where nobody told
    ],
    metadata={"format": str(FORMAT)},
)

Ending = Literal["finished", "stopped"]


@dataclass
class Manifest:
    """What was run, where and how.

    scenarios: names of the user classes.
    started, ended: Unix seconds; ended and ending are None while it runs, and for good when it was killed.
    ending: ``finished`` by its run time or shape, ``stopped`` before by a person.
    options: locust's users, spawn_rate, run_time (s), host, workers, and the scenarios' own.
    stack: the stack file's settings, where one was given.
    unrecorded: why recording broke off before the run's end, if it did.
    cut_short: why the harness itself ended the run before its time, if it did.
    lost_workers: how many of locust's workers went away in the middle, with their shares of the arrivals.
    """

    id: str
    scenarios: list[str]
    started: float
    seed: int
    command: list[str]
    options: dict[str, Any]
    versions: dict[str, str]
    machine: dict[str, str | int]
    stack: dict[str, Any] | None = None
    ended: float | None = None
    ending: Ending | None = None
    unrecorded: str | None = None
    cut_short: str | None = None
    lost_workers: int = 0
    format: int = field(default=FORMAT)

    def write(self, folder: Path) -> None:
        """Replace the folder's manifest in one step, so that it is never half written."""
        temporary = folder / f".{MANIFEST}.{os.getpid()}"
        try:
            temporary.write_text(json.dumps(asdict(self), indent=2) + "\n")
            temporary.replace(folder / MANIFEST)
        finally:
            temporary.unlink(missing_ok=True)

    @classmethod
    def read(cls, folder: Path) -> Manifest:
        path = folder / MANIFEST
        try:
            members = json.loads(path.read_text())
        except FileNotFoundError:
            raise HarnessError(f"{folder} is not a run: it has no {MANIFEST}.") from None
        except (OSError, ValueError, RecursionError) as error:
            raise HarnessError(f"{path} cannot be read as a run's manifest: {error}.") from None
        if not isinstance(members, dict) or members.get("format") != FORMAT:
            raise HarnessError(
                f"{path} is not a run of this version (format {FORMAT}): read it with the one that wrote it."
            )
        try:
            return TypeAdapter(cls).validate_python(members)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            where = ".".join(map(str, first["loc"]))
            raise HarnessError(f"{path} is not a run's manifest: {where}: {first['msg']}.") from None


@dataclass(frozen=True)
class Run:
    """A recorded run.

    requests: a table of SCHEMA's columns (words as strings) by start.
    generators: how each process that sent them fared.
    """

    folder: Path
    manifest: Manifest
    requests: pa.Table
    generators: tuple[GeneratorLog, ...] = ()

    @property
    def missing_workers(self) -> int:
        """Workers whose requests are not in the folder, because they ran on other machines."""
        return max(0, int(self.manifest.options.get("workers") or 0) - len(list(self.folder.glob("requests*.arrow"))))


def new_run_id(scenarios: Sequence[str], now: float) -> str:
    """``20260131T120000Z-LambdaUrlEvent-3f9a2c``: sorts by time, and says what it is."""
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
    words = re.sub(r"[^A-Za-z0-9_+.]", "", "+".join(scenarios))[:60] or "run"
    return f"{stamp}-{words}-{secrets.token_hex(3)}"


def read_run(folder: Path) -> Run:
    """The run in a folder, up to the last complete batch of each of its streams; HarnessError where there is none."""
    manifest = Manifest.read(folder)
    plain = pa.schema(
        [f.with_type(pa.string()) if pa.types.is_dictionary(f.type) else f for f in SCHEMA], metadata=SCHEMA.metadata
    )
    batches = [batch for path in sorted(folder.glob("requests*.arrow")) for batch in _complete_batches(path)]
    # Each batch brings its own dictionaries, so they are turned into words before they are put together.
    tables = [_whole(pa.Table.from_batches([batch])).cast(plain) for batch in batches]
    requests = pa.concat_tables(tables) if tables else plain.empty_table()
    return Run(folder, manifest, requests.sort_by("start"), read_generator_logs(folder))


def find_run(run: str, runs: Path) -> Path:
    """The folder of a run that is given as a path, an id, or the beginning of one."""
    if Path(run).is_dir():
        return Path(run)
    found = [folder for folder in list_runs(runs) if folder.name.startswith(run)]
    if len(found) != 1:
        many = "several runs begin" if found else "no run begins"
        raise HarnessError(f"In {runs}, {many} with {run}: `harness runs` lists them.")
    return found[0]


def list_runs(runs: Path) -> list[Path]:
    """The folders of all runs, oldest first."""
    return sorted((path.parent for path in runs.glob(f"*/{MANIFEST}")), key=_began)


def _began(folder: Path) -> tuple[str, float]:
    """By the second that its name begins with, and among the runs of one second by what their manifests say."""
    second, _, _ = folder.name.partition("-")
    try:
        return second, Manifest.read(folder).started
    except HarnessError:
        return second, 0.0


def _whole(table: pa.Table) -> pa.Table:
    """The columns that a run made before they were there has not, as nulls."""
    for field_ in SCHEMA:
        if field_.name not in table.schema.names:
            table = table.append_column(field_, pa.nulls(len(table), field_.type))
    return table


def _complete_batches(path: Path) -> list[pa.RecordBatch]:
    batches: list[pa.RecordBatch] = []
    try:
        with pa.OSFile(str(path), "rb") as source, pa.ipc.open_stream(source) as stream:
            batches.extend(iter(stream.read_next_batch, None))
    except (pa.ArrowInvalid, EOFError, OSError, StopIteration):
        # Cut off in the middle of a batch: what came before it is whole.
        pass
    return batches
