"""What replications say: intervals, costs, and which of two settings is the better."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from harness.core.prices import Prices
from harness.load.traffic_forms import constant
from harness.planner.plan import Objective
from harness.planner.search.estimates import figures, interval, shortfall, surely_more
from harness.planner.search.replication import Context, Replication, SimulationJob, Window, run
from harness.simulator.outcome import RESOLUTION
from harness.simulator.settings import FunctionSettings, Settings, VariantSettings
from tests.planner.search.stand_in import EDGES, a_system, simulate

SETTINGS = Settings(
    variants=(VariantSettings(instance_type="ml.m5.large", initial_instance_count=2),), function=FunctionSettings()
)
WINDOWS = {
    "whole": (Window(constant(10.0, 3600.0)),),
    "parts": (
        Window(constant(10.0, 600.0), weight=4.0, whole=False),
        Window(constant(30.0, 600.0), weight=2.0, whole=False),
    ),
}
CONTEXT = Context(WINDOWS, simulate)


def a_run(seed: int = 1, **members: object) -> Replication:
    return replace(run(CONTEXT, SimulationJob(SETTINGS, a_system(), "whole", seed)), **members)  # type: ignore[arg-type]


def test_an_interval_is_students_over_replications() -> None:
    estimate = interval([1.0, 2.0, 3.0])
    assert (estimate.value, estimate.low, estimate.high) == (
        2.0,
        0.0,
        pytest.approx(2.0 + 4.3027 / math.sqrt(3), rel=1e-4),
    )
    assert interval([5.0]).low is None
    assert interval([]).value is None
    assert interval([1.0, math.inf]).value is None


def test_values_are_surely_more_if_every_pair_says_so() -> None:
    assert surely_more([2.0, 2.1, 2.2], [1.0, 1.1, 1.2])
    assert not surely_more([1.0, 3.0, 1.0], [1.5, 1.5, 1.5])
    assert not surely_more([2.0], [1.0])


def test_windows_count_by_their_weights() -> None:
    replication = run(CONTEXT, SimulationJob(SETTINGS, a_system(), "parts", 1))
    assert replication.seconds == 6 * 600
    assert replication.requests == pytest.approx(4 * 6000 + 2 * 18_000, rel=0.05)
    assert replication.mean_instances == pytest.approx(2.0)
    assert replication.kept is None


def test_the_same_job_gives_the_same_answer_and_another_seed_another() -> None:
    jobs = [SimulationJob(SETTINGS, a_system(), "whole", seed) for seed in (1, 1, 2)]
    first, again, other = (run(CONTEXT, job) for job in jobs)
    assert np.array_equal(first.counts, again.counts)
    assert first.requests == again.requests
    assert not np.array_equal(first.counts, other.counts)


def test_an_outcome_is_kept_where_it_is_asked_for() -> None:
    assert run(CONTEXT, SimulationJob(SETTINGS, a_system(), "whole", 1, keep=True)).kept is not None


def test_outcomes_on_several_scales_are_not_added() -> None:
    def odd(*arguments: object, seed: int) -> object:
        outcome = simulate(*arguments, seed=seed)  # type: ignore[arg-type]
        edges = outcome.latencies.edges * (1 + seed)
        return replace(outcome, latencies=replace(outcome.latencies, edges=edges))

    with pytest.raises(ValueError, match="one scale of latencies"):
        run(Context(WINDOWS, odd), SimulationJob(SETTINGS, a_system(), "parts", 1))  # type: ignore[arg-type]


def test_a_percentile_is_the_bucket_that_a_share_reaches() -> None:
    counts = np.zeros(len(EDGES) - 1)
    counts[100], counts[200] = 99.0, 1.0
    replication = a_run(counts=counts)
    assert replication.percentile(0.99) == EDGES[101]
    assert replication.percentile(0.995) == EDGES[201]
    assert a_run(counts=np.zeros_like(counts)).percentile(0.5) == math.inf


def test_figures_are_means_with_intervals_and_the_cost_of_what_was_used() -> None:
    runs = [a_run(seed) for seed in (1, 2, 3)]
    simulated = figures(SETTINGS, runs, a_system(), Prices(), Objective(p99=1.0, errors=0.01))
    assert simulated.replications == 3
    assert simulated.meets
    assert simulated.cost.instances == pytest.approx(2 * 0.115)
    memory = 128 / 1024
    executing = sum(replication.function_seconds + 0.4 * replication.cold_starts for replication in runs) / 3
    assert simulated.cost.function == pytest.approx(executing * memory * 0.0000166667)
    assert simulated.p99.low is not None
    assert simulated.p99.value is not None
    assert simulated.p99.low <= simulated.p99.value


@pytest.mark.parametrize("objective", [Objective(p99=0.05, errors=0.01), Objective(p99=1.0, errors=0.0)])
def test_the_objective_is_met_by_the_upper_ends_alone(objective: Objective) -> None:
    runs = [a_run(seed, succeeded=35_000.0, requests=35_100.0) for seed in (1, 2, 3)]
    assert not figures(SETTINGS, runs, a_system(), Prices(), objective).meets


def test_a_single_run_meets_no_objective_since_it_has_no_interval() -> None:
    assert not figures(SETTINGS, [a_run()], a_system(), Prices(), Objective(p99=1.0, errors=1.0)).meets


def test_how_far_an_objective_is_missed_is_a_share_of_requests() -> None:
    replication = a_run(requests=100.0, succeeded=90.0)
    assert shortfall([replication], Objective(p99=1.0, errors=0.02)) == pytest.approx(0.08)
    assert shortfall([replication], Objective(p99=0.01, errors=0.1)) == pytest.approx(0.99)
    assert shortfall([replication], Objective(p99=1.0, errors=0.1)) == 0.0
    unanswered = a_run(counts=np.zeros_like(replication.counts))
    assert shortfall([unanswered], Objective(p99=1.0, errors=1.0)) == pytest.approx(0.99)


def test_replications_that_agree_on_a_bucket_are_as_far_apart_as_it_is_wide() -> None:
    estimate = interval([0.5, 0.5, 0.5], resolution=RESOLUTION)
    assert (estimate.low, estimate.value, estimate.high) == pytest.approx((0.495, 0.5, 0.505))
