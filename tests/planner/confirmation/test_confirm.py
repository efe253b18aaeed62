"""A plan's settings run live on twins: what was sent is what was simulated, and both tell the same of it."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from harness.core.progress import Steps
from harness.load.schedule import Piece, Schedule
from harness.load.traffic import read_traffic
from harness.load.traffic_forms import constant as traffic_sent
from harness.planner.confirmation.confirm import ConfirmationOptions, confirm
from harness.planner.confirmation.live import live_figures
from harness.planner.plan import ConfirmedFigure
from harness.simulator import arrivals, simulate
from harness.simulator.settings import FunctionSettings, Settings, VariantSettings
from harness.simulator.system import Delays, FunctionProfile, System
from harness.stack.file import load_stack
from tests.load.test_validity import a_run
from tests.planner.apply.plans import plan_of
from tests.planner.files import a_profile_file, a_stack_file
from tests.profiles import a_profile, constant
from tests.simulator.arrivals import arrivals_of

SYSTEM = System(
    {"ml.m5.large": a_profile(service_times=(constant(0.05),))},
    FunctionProfile(0.005, 0.4),
    delays=Delays(provisioning=20.0),
)
STACK = Settings(variants=(VariantSettings(instance_type="ml.m5.large"),), function=FunctionSettings())
RISING = Schedule((Piece(20.0, 2.0, 8.0), Piece(10.0, 8.0, 8.0)))


def test_the_arrivals_of_a_seed_can_be_sent() -> None:
    assert arrivals(STACK, SYSTEM, RISING, seed=7) == pytest.approx(arrivals_of(RISING, 7))


def test_runs_of_several_seeds_meet_the_arrivals_of_one() -> None:
    runs = [simulate(STACK, SYSTEM, RISING, seed=seed, arrivals=7) for seed in range(3)]
    assert {run.requests for run in runs} == {len(arrivals_of(RISING, 7))}
    assert len({simulate(STACK, SYSTEM, RISING, seed=seed).requests for seed in range(3)}) > 1


def test_environments_that_are_warm_at_the_beginning_do_not_start() -> None:
    cold, warm = (simulate(STACK, replace(SYSTEM, warm_environments=count), RISING, seed=1) for count in (0, 1000))
    assert cold.cold_starts > 0
    assert warm.cold_starts == 0
    assert warm.latencies.percentile(1.0) < cold.latencies.percentile(1.0)


def test_a_live_run_on_twins_stands_beside_its_prediction(tmp_path: Path) -> None:
    """Wide bounds: the machine of a test has other work. The figures themselves are measured by hand on a quiet one."""
    stack = load_stack(a_stack_file(tmp_path, twins=a_profile_file(tmp_path)))
    assert stack.function is not None
    names = {"endpoint": stack.endpoint.name, "function": stack.function.name, "alias": None}
    plan = plan_of(STACK, **names, runner_up=None)
    traffic = read_traffic("constant:6/s:1h")
    live = ConfirmationOptions(speed=10.0, seconds=8.0)
    confirmation = confirm(plan, stack, SYSTEM, traffic, simulate, live, Steps(Console(file=io.StringIO())))
    assert confirmation.requests == len(arrivals_of(traffic_sent(6.0, live.seconds), plan.evidence.seed))
    figures = {figure.figure: figure for figure in confirmation.figures}
    assert within(figures["p50"], 0.5), figures["p50"]
    assert figures["p50"].low <= figures["p50"].predicted <= figures["p50"].high  # type: ignore[operator]
    assert figures["errors"].measured == figures["errors"].predicted == 0
    assert figures["mean instances"].measured == 1


def test_a_run_without_requests_measured_nothing_and_says_so(tmp_path: Path) -> None:
    figures = live_figures(a_run(tmp_path, []), 3260, [], None)
    assert (figures.errors, figures.throttles, figures.p99, figures.mean_instances) == (None,) * 4
    assert figures.reasons == (
        "Nothing was measured: of 3,260 requests none was finished, so the load never reached the stack of twins. Run "
        "the plan again, or with --no-confirm.",
    )


def within(figure: ConfirmedFigure, share: float) -> bool:
    assert figure.predicted is not None
    assert figure.measured is not None
    return abs(figure.measured / figure.predicted - 1) <= share
