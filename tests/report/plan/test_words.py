"""The sentences of a plan: what to run, what it gives, its margin, and what breaks first."""

from __future__ import annotations

from harness.planner.plan import BreakingPoint
from harness.report.plan.words import headline, recommendation, warnings, what_breaks
from tests.figures import plain
from tests.report.plan.plans import a_plan, candidate, figures, settings


def said(**changes: object) -> str:
    return plain(" ".join(recommendation(a_plan(**changes))))


def test_the_paragraph_says_what_to_run_what_it_gives_and_what_breaks_first() -> None:
    assert said() == (
        "Run 1 to 3 ml.m5.large, scaled at 690 invocations a minute per instance, with no reserved and no provisioned "
        "concurrency. On this traffic it answers 99 % of the requests within 410 ms (95 % interval 398–422 ms) with "
        "0.02 % errors, for $5.88 a day or $178.78 a month. It meets the objective (99 % of the requests within 500 ms "
        "and at most 0.1 % errors), with a p99 at least 15.5 % below the limit. At 1.62 times the traffic it misses "
        "the objective: max_capacity: three instances are not enough at the peak. The runner-up (target value 620) "
        "costs 9.39 % more for a p99 of 380 ms."
    )


def test_a_setting_that_misses_the_objective_is_called_so() -> None:
    assert "It misses the objective" in said(recommended=candidate("recommended", p99=0.9))


def test_one_replication_has_no_interval() -> None:
    without_interval = figures().model_copy(
        update={"p99": figures().p99.model_copy(update={"low": None, "high": None})}
    )
    alone = candidate("recommended").model_copy(update={"figures": without_interval})
    assert "within 410 ms with 0.02 % errors" in said(recommended=alone)
    assert "with a p99 at least 18 % below the limit" in said(recommended=alone)


def test_where_nothing_breaks_the_highest_multiple_tried_is_named() -> None:
    plan = a_plan(breaks=BreakingPoint(multiple=None, tried=4.0, limit="none"))
    assert what_breaks(plan) == "It still meets the objective at 4 times the traffic, the highest multiple tried."
    assert what_breaks(a_plan(breaks=None)) == ""


def test_a_runner_up_of_the_same_cost_is_said_to_cost_the_same_and_a_cheaper_one_less() -> None:
    assert "costs the same for" in said(runner_up=candidate("runner-up", settings(target=700)))
    assert "(target value 700) costs 6.43 % less for" in said(
        runner_up=candidate("runner-up", settings(target=700), instances=1.7631)
    )


def test_where_no_setting_serves_the_traffic_the_first_limit_is_named_and_nothing_recommended() -> None:
    limit = "50 instances (--max-instances) bear 1,150/s, and the peak is 4,000/s"
    nothing = a_plan(recommended=None, runner_up=None, first_limit=limit)
    assert plain(" ".join(recommendation(nothing))) == (
        "None of the 512 settings tried serves this traffic within the objective (99 % of the requests "
        f"within 500 ms and at most 0.1 % errors). The first limit that breaks: {limit}."
    )
    assert headline(nothing) == f"No setting serves this traffic: {limit}"
    untried = a_plan(recommended=None, runner_up=None, first_limit=None, explored=0)
    assert recommendation(untried)[0].startswith("No setting serves this traffic")


def test_a_plan_that_goes_beyond_the_measured_saturation_says_so() -> None:
    assert len(warnings(a_plan())) == 1
    beyond = candidate("recommended", beyond_saturation=125.0)
    assert plain(warnings(a_plan(recommended=beyond))[1]) == (
        "In the recommended setting, an instance gets more requests than the measured saturation rate of its profile "
        "for 2 min 5 s: the figures of that time are extrapolated."
    )


def test_an_invalid_confirmation_is_a_warning() -> None:
    confirmation = a_plan().confirmation
    assert confirmation is not None
    plan = a_plan(confirmation=confirmation.model_copy(update={"valid": False}))
    assert "is invalid" in warnings(plan)[1]


def test_the_headline_is_one_line() -> None:
    assert plain(headline(a_plan())) == (
        "1–3 ml.m5.large, target 690 a minute each | $178.78 a month, p99 410 ms, errors 0.02 %"
    )
