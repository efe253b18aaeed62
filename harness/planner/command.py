"""`harness plan`: makes a plan, confirms it by a live run, and writes it to a folder."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path

from harness.core.errors import HarnessError
from harness.core.progress import Steps
from harness.planner.confirmation.confirm import ConfirmationOptions, confirm
from harness.planner.document import plan_of
from harness.planner.plan import Plan
from harness.planner.problem import PreparedProblem
from harness.planner.search import engine
from harness.planner.search.find import find
from harness.planner.search.replication import Context, Simulate

Engine = AbstractContextManager[engine.Engine]


def make_plan(
    prepared: PreparedProblem, steps: Steps, *, jobs: int | None = None, dask: str | None = None, simulate: Simulate
) -> Plan:
    """Searches on ``jobs`` processes, by default one for each core, or on a Dask scheduler's workers."""

    def engines(context: Context) -> Engine:
        return engine.dask(context, dask) if dask is not None else engine.processes(context, jobs)

    result = find(prepared.problem, simulate, engines, steps.counted)
    return plan_of(prepared, result, datetime.now(UTC).replace(microsecond=0))


def confirmed(
    plan: Plan, prepared: PreparedProblem, simulate: Simulate, live: ConfirmationOptions, steps: Steps
) -> Plan:
    """The plan with the result of a live run, or with a warning that says why there is none."""
    problem = prepared.problem
    try:
        confirmation = confirm(plan, prepared.stack, problem.system, problem.traffic, simulate, live, steps)
    except HarnessError as error:
        return plan.model_copy(
            update={"warnings": (*plan.warnings, f"The plan was not confirmed by a live run: {error}")}
        )
    return plan.model_copy(update={"confirmation": confirmation})


@contextlib.contextmanager
def plan_folder(stack: str, out: Path | None) -> Iterator[Path]:
    """Makes the folder for a plan, before anything is computed for it. Raises HarnessError if that fails.

    If the plan ends before anything is written, by an error or an interrupt, the folders that it made go with it.
    """
    folder = out or Path("plans") / f"{stack}-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}"
    made = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise HarnessError(
                f"The plan cannot be written to {folder} ({error.strerror}): name another with --out."
            ) from None
        yield folder
    except BaseException:
        with contextlib.suppress(OSError):  # one that is not empty stays, and so do those above it
            for path in made:
                path.rmdir()
        raise


def write_plan(plan: Plan, folder: Path) -> Path:
    """Replaces the folder's plan.json in one step."""
    file, draft = folder / "plan.json", folder / ".plan.json.new"
    try:
        draft.write_text(plan.model_dump_json(indent=1) + "\n", encoding="utf-8")
        draft.replace(file)
    finally:
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)
    return file
