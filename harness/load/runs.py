"""The run store: a folder for each run, with ``manifest.json`` and the requests as they came, as Arrow IPC streams.

    runs/20260131T120000Z-LambdaUrlEvent-3f9a2c/manifest.json
                                               /requests.arrow (requests-0.arrow, ... from locust's workers)
                                               /generator.jsonl (how the generator fared; workers as above)
                                               /latency.hlog (HdrHistograms of all workers together)

A stream grows batch by batch, so a run that was killed stays readable up to its last complete batch.
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

from harness.core.errors import HarnessError, reason
from harness.load.generator_log import GeneratorLog, read_generator_logs

MANIFEST = "manifest.json"
FORMAT = 2

# Arrow's IPC format: every message begins with four bytes FF, and a stream ends with an empty message.
_BEGIN, _END = b"\xff" * 4, b"\xff" * 4 + b"\0" * 4
_LONGEST_REASON = 120  # characters of Arrow's own reason that somebody reads to the end

_word = pa.dictionary(pa.int32(), pa.string())
SCHEMA = pa.schema(
    [
        pa.field("start", pa.float64(), nullable=False),  # Unix seconds of the sending, or of the drop
        pa.field("intended", pa.float64()),  # Unix seconds of the schedule; null in a closed loop
        pa.field("late_s", pa.float64()),  # start - intended; null in a closed loop
        pa.field("name", _word, nullable=False),
        pa.field("kind", _word, nullable=False),  # as Observation.kind
        pa.field("response_s", pa.float64(), nullable=False),  # from the intended start, if any, to the last byte
        pa.field("service_s", pa.float64(), nullable=False),  # from the start to the last byte
        pa.field("status", pa.int16()),  # HTTP; null if no answer came
        pa.field("error", _word),  # as Observation.error; null for a success
        pa.field("message", pa.string()),
        pa.field("request_bytes", pa.int64(), nullable=False),
        pa.field("response_bytes", pa.int64(), nullable=False),
        pa.field("cold_init_s", pa.float64()),  # Init Duration; null if warm or unknown
        pa.field("function_s", pa.float64()),  # Lambda's own Duration
        pa.field("variant", _word),
        pa.field("users", pa.int32(), nullable=False),  # users running in the process that sent it
        pa.field("instance", pa.int16()),  # number of the variant's instance; null if unknown
    ],
    metadata={"format": str(FORMAT)},
)

Ending = Literal["finished", "stopped"]


@dataclass
class Manifest:
    """A description of a run: what was run, where and how.

    scenarios: names of the user classes.
    started, ended: Unix seconds; ended and ending are None while the run goes on, and stay so if it was killed.
    ending: ``finished`` after its run time or shape, ``stopped`` earlier by a person.
    options: locust's users, spawn_rate, run_time (s), host, workers, and the scenarios' own options.
    stack: the stack file's settings, if one was given.
    unrecorded: why recording broke off before the run's end, if it did.
    cut_short: why the harness itself ended the run early, if it did.
    lost_workers: number of locust's workers that went away in the middle, with their shares of the arrivals.
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
        """Replace the manifest in a folder in one step, so that it is never half written."""
        temporary = folder / f".{MANIFEST}.{os.getpid()}"
        try:
            temporary.write_text(json.dumps(asdict(self), indent=2) + "\n")
            temporary.replace(folder / MANIFEST)
        finally:
            temporary.unlink(missing_ok=True)

    @classmethod
    def read(cls, folder: Path) -> Manifest:
        """Read the manifest in a folder. Raises HarnessError if there is none of this version."""
        path = folder / MANIFEST
        try:
            members = json.loads(path.read_text())
        except FileNotFoundError:
            raise HarnessError(f"{folder} is not a run: it has no {MANIFEST}.") from None
        except (OSError, ValueError, RecursionError) as error:
            raise HarnessError(f"{path} cannot be read as a run's manifest: {reason(error)}.") from None
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

    requests: a table with SCHEMA's columns (words as strings), ordered by start.
    generators: how each process fared that sent requests.
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
    """A name such as ``20260131T120000Z-LambdaUrlEvent-3f9a2c``, which sorts by time and names the scenarios."""
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
    words = re.sub(r"[^A-Za-z0-9_+.]", "", "+".join(scenarios))[:60] or "run"
    return f"{stamp}-{words}-{secrets.token_hex(3)}"


def read_run(folder: Path) -> Run:
    """The run in a folder, up to the last complete batch of each stream.

    Raises HarnessError if there is no run, and for a stream that is damaged. A stream that merely ends in the middle of
    a batch is not: that is how a process leaves it that was killed.
    """
    manifest = Manifest.read(folder)
    # The process that ended the run and wrote so in the manifest had closed its own stream before.
    closed = manifest.ended is not None and manifest.unrecorded is None and not manifest.options.get("workers")
    # SCHEMA with plain strings.
    plain = pa.schema(
        [column.with_type(pa.string()) if pa.types.is_dictionary(column.type) else column for column in SCHEMA],
        metadata=SCHEMA.metadata,
    )
    paths, tables = sorted(folder.glob("requests*.arrow")), []
    if closed and not paths:
        raise HarnessError(f"{folder} has lost its requests.arrow: the run's requests cannot be read.")
    for path in paths:
        try:
            # Each batch has dictionaries of its own, so they become strings before the batches are concatenated.
            tables += [
                _with_all_columns(pa.Table.from_batches([batch])).cast(plain)
                for batch in _complete_batches(path, closed=closed)
            ]
        except (pa.ArrowException, ValueError, OverflowError) as error:  # of a schema that is not SCHEMA, or of words
            raise _damaged(path, str(error)) from None
    requests = pa.concat_tables(tables) if tables else plain.empty_table()
    return Run(folder, manifest, requests.sort_by("start"), read_generator_logs(folder))


def find_run(run: str, runs: Path) -> Path:
    """The folder of a run. run: its path, its id, or the beginning of its id. Raises HarnessError if it is not one."""
    if Path(run).is_dir():
        return Path(run)
    matching = [folder for folder in list_runs(runs) if folder.name.startswith(run)]
    if len(matching) != 1:
        many = "several runs begin" if matching else "no run begins"
        raise HarnessError(f"In {runs}, {many} with {run}: `harness runs` lists them.")
    return matching[0]


def list_runs(runs: Path) -> list[Path]:
    """The folders of all runs, oldest first."""
    return sorted((path.parent for path in runs.glob(f"*/{MANIFEST}")), key=_began)


def _began(folder: Path) -> tuple[str, float]:
    """When a run began: the second that its name begins with, then the exact time in its manifest."""
    second, _, _ = folder.name.partition("-")
    try:
        return second, Manifest.read(folder).started
    except HarnessError:
        return second, 0.0


def _with_all_columns(table: pa.Table) -> pa.Table:
    """Add the columns that did not exist yet when the run was recorded, as nulls."""
    for column in SCHEMA:
        if column.name not in table.schema.names:
            table = table.append_column(column, pa.nulls(len(table), column.type))
    return table


def _complete_batches(path: Path, *, closed: bool) -> list[pa.RecordBatch]:
    """The whole batches of a stream. closed: whether its process ended it. Raises HarnessError if it is damaged."""
    batches: list[pa.RecordBatch] = []
    with pa.OSFile(str(path), "rb") as source:
        size = source.size()
        if closed and (size < len(_END) or source.read_at(len(_END), size - len(_END)) != _END):
            raise _damaged(path, "it has no end, and the run ended")
        if not _BEGIN.startswith(start := source.read_at(min(size, len(_BEGIN)), 0)):
            raise _damaged(path, f"it begins with {start!r}")
        source.seek(0)
        try:
            with pa.ipc.open_stream(source) as stream:
                for batch in iter(stream.read_next_batch, None):  # ends with its StopIteration
                    batch.validate(full=True)
                    batches.append(batch)
        except (pa.ArrowException, EOFError, OSError) as error:
            if closed or source.tell() < size:
                raise _damaged(path, str(error)) from None
        else:
            if source.tell() < size:
                raise _damaged(path, "it ends before its file does")
    return batches


def _damaged(path: Path, why: str) -> HarnessError:
    reason = " ".join(why.split())[:_LONGEST_REASON].rstrip(".")
    return HarnessError(f"{path} is damaged ({reason}): the run's requests cannot be read.")
