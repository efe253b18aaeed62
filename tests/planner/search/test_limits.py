"""The first limit that breaks, in words."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.load.traffic import read_traffic
from harness.planner.plan import Objective
from harness.planner.search.candidates import VariantProblem
from harness.planner.search.demand import demand
from harness.planner.search.limits import broken, fast_enough, hopeless
from harness.planner.search.replication import Replication
from harness.simulator.settings import FunctionSettings, Settings, TrackingSettings, VariantSettings
from harness.simulator.system import FunctionProfile
from tests.figures import plain
from tests.planner.search.stand_in import LARGE, XLARGE, a_system
from tests.planner.search.test_estimates import a_run

TRACKED = Settings(
    variants=(
        VariantSettings(instance_type="ml.m5.large", max_capacity=3, tracking=(TrackingSettings(target_value=9),)),
    )
)


def a_variant_problem(traffic: str = "constant:20/s:1h", base: Settings = TRACKED, **system: object) -> VariantProblem:
    return VariantProblem(base, "AllTraffic", a_system(**system), demand(read_traffic(traffic)))


def test_an_objective_below_the_service_time_is_hopeless() -> None:
    limit = hopeless(a_variant_problem(), Objective(p99=0.05, errors=0.1), 50)
    assert limit is not None
    assert plain(limit).startswith(
        "Latency: even an idle ml.m5.large takes 80.0 ms for one request in a hundred, and 50 ms is asked for."
    )
    assert fast_enough(a_variant_problem(), Objective(p99=0.05, errors=0.1)) == []


def test_the_functions_own_part_counts_where_there_is_one() -> None:
    base = TRACKED.model_copy(update={"function": FunctionSettings()})
    problem = a_variant_problem(base=base, function=FunctionProfile(overhead=0.5))
    assert "takes 580 ms" in plain(hopeless(problem, Objective(p99=0.2, errors=0.1), 50))
    assert (
        hopeless(a_variant_problem(function=FunctionProfile(overhead=0.5)), Objective(p99=0.2, errors=0.1), 50) is None
    )


def test_a_model_that_errs_more_than_is_allowed_is_hopeless() -> None:
    faulty = {kind: profile.model_copy(update={"error_rate": 0.02}) for kind, profile in (("ml.m5.large", LARGE),)}
    limit = hopeless(a_variant_problem(profiles=faulty), Objective(p99=1.0, errors=0.001), 50)
    assert plain(limit).startswith("The model's own errors: 2 % of its answers")


def test_more_than_the_instances_allowed_can_answer_is_hopeless() -> None:
    limit = hopeless(a_variant_problem("constant:500/s:1h"), Objective(p99=1.0, errors=0.001), 10)
    assert str(limit) == (
        "Instances: 500/s takes 13 of ml.m5.xlarge at their saturation, and at most 10 are allowed (--max-instances)."
    )


def test_a_peak_too_short_to_matter_at_the_99th_percentile_is_not_hopeless() -> None:
    assert hopeless(a_variant_problem("spike:10/s..900/s:10h:5h:3s"), Objective(p99=1.0, errors=0.1), 1) is None


def test_lambdas_account_and_the_functions_timeout_are_limits_too() -> None:
    base = TRACKED.model_copy(update={"function": FunctionSettings()})
    problem = a_variant_problem("constant:20000/s:1h", base)
    assert "executions at once, and an account has 1,000" in str(
        hopeless(problem, Objective(p99=1, errors=0.001), 9999)
    )
    brief = TRACKED.model_copy(update={"function": FunctionSettings(timeout=0.05)})
    assert "timeout of 50 ms ends more than 0.1 %" in plain(
        hopeless(a_variant_problem(base=brief), Objective(p99=1, errors=0.001), 50)
    )


def failing(cause: str, at_maximum: float = 0.0) -> list[Replication]:
    replication = a_run()
    return [
        replace(
            replication,
            failures={cause: replication.requests * 0.1},
            succeeded=replication.requests * 0.9,
            at_maximum=at_maximum,
        )
    ]


STRICT = Objective(p99=1.0, errors=0.001)


@pytest.mark.parametrize(
    ("cause", "at_maximum", "says"),
    [
        ("queue_full", 600.0, "are full, as max_capacity of 3 is reached while more is asked for: 10 % of the"),
        ("queue_full", 0.0, "as new instances come too late for the rise of the traffic"),
        ("throttled", 0.0, "Lambda's concurrency: 10 % of the requests are throttled"),
        ("model_error", 0.0, "the model's own errors: 10 %"),
        ("invocation_timeout", 0.0, "the endpoint's 1 min"),
        ("function_timeout", 0.0, "the function's timeout"),
        ("client_timeout", 0.0, "the callers' patience"),
    ],
)  # fmt: skip
def test_the_cause_of_most_errors_is_the_limit(cause: str, at_maximum: float, says: str) -> None:
    assert says in plain(broken(TRACKED, "AllTraffic", failing(cause, at_maximum), STRICT))


def test_reserved_concurrency_is_named_with_what_holds_its_executions() -> None:
    settings = TRACKED.model_copy(update={"function": FunctionSettings(reserved_concurrent_executions=5)})
    limit = broken(settings, "AllTraffic", failing("throttled", 600.0), STRICT)
    assert limit.startswith(
        "the function's reserved concurrency of 5, whose executions wait for the endpoint, as max_cap"
    )


def test_slow_answers_are_the_queue_and_what_keeps_it_long() -> None:
    fixed = Settings(variants=(VariantSettings(instance_type="ml.m5.large", max_capacity=2, initial_instance_count=2),))
    assert broken(fixed, "AllTraffic", [a_run(failures={})], STRICT) == (
        "latency: requests queue in the model servers, as the fleet of 2 is fixed"
    )


def test_the_types_that_answer_in_time_are_left() -> None:
    slow = XLARGE.model_copy(update={"service_times": tuple(
        level.model_copy(update={"quantiles": tuple(9.0 for _ in level.quantiles)}) for level in XLARGE.service_times
    )})  # fmt: skip
    problem = a_variant_problem(profiles={"ml.m5.large": LARGE, "ml.m5.xlarge": slow})
    assert fast_enough(problem, Objective(p99=1.0, errors=0.1)) == ["ml.m5.large"]
