"""From a problem to a recommendation with its evidence."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.load.traffic import read_traffic
from harness.planner.plan import EvaluatedSettings, Objective, SimulatedFigures
from harness.planner.search.engine import ThisProcess
from harness.planner.search.evaluator import FINAL, Evaluator, Trial
from harness.planner.search.find import OWN, RECOMMENDED, RUNNER_UP, THUMB, SearchResult, context, find
from harness.planner.search.racing import race
from harness.simulator.settings import Settings, TrackingSettings, VariantSettings
from tests.figures import plain
from tests.planner.search.problems import BASE, Watched, a_problem, here
from tests.planner.search.stand_in import LARGE, a_system, simulate


@pytest.fixture(scope="module")
def result() -> SearchResult:
    return find(a_problem(), simulate, here, Watched())


def p99(figures: SimulatedFigures) -> float:
    assert figures.p99.value is not None
    return figures.p99.value


def chosen(result: SearchResult) -> EvaluatedSettings:
    assert result.recommended is not None
    return result.recommended


def test_the_recommended_setting_meets_the_objective_and_nothing_raced_that_does_is_cheaper(
    result: SearchResult,
) -> None:
    best = chosen(result)
    assert (best.label, best.figures.meets, best.figures.replications) == (RECOMMENDED, True, 3)
    assert best.figures.p99.high is not None
    assert best.figures.p99.high <= 0.5
    meeting = [evaluated for evaluated in (*result.front, *result.compared) if evaluated.figures.meets]
    assert all(evaluated.figures.cost.hour >= best.figures.cost.hour * 0.999 for evaluated in meeting)
    assert result.first_limit is None
    assert result.explored == 60


def test_the_runner_up_meets_it_too_and_is_of_another_kind_where_there_is_one(result: SearchResult) -> None:
    second = result.runner_up
    assert second is not None
    assert (second.label, second.figures.meets) == (RUNNER_UP, True)
    assert second.settings != chosen(result).settings
    assert second.figures.cost.hour >= chosen(result).figures.cost.hour


def test_the_front_is_cheaper_only_for_a_higher_p99(result: SearchResult) -> None:
    points = [(evaluated.figures.cost.hour, p99(evaluated.figures)) for evaluated in result.front]
    assert len(points) > 2
    assert points == sorted(points)
    assert [p99 for _, p99 in points] == sorted((p99 for _, p99 in points), reverse=True)


def test_the_stacks_own_settings_and_awss_rule_stand_beside_it(result: SearchResult) -> None:
    assert [evaluated.label for evaluated in result.compared] == [OWN, THUMB]
    assert result.compared[0].settings == BASE
    assert result.compared[1].settings.variants[0].tracking[0].target_value == 600


def test_each_setting_is_changed_by_itself_under_the_same_draws(result: SearchResult) -> None:
    names = {entry.setting for entry in result.sensitivity}
    assert {"policy", "instance_type", "routing_strategy", "provisioned_concurrent_executions"} <= names
    assert all(sum(entry.setting == name for entry in result.sensitivity) <= 3 for name in names)
    assert all(entry.figures.replications == 3 for entry in result.sensitivity)


def test_what_breaks_it_first_is_in_words(result: SearchResult) -> None:
    assert result.breaks is not None
    assert result.breaks.multiple is not None
    assert 1 < result.breaks.multiple <= result.breaks.tried
    assert "requests" in result.breaks.limit


def test_minutes_and_latencies_are_kept_of_all_that_is_shown(result: SearchResult) -> None:
    labels = [RECOMMENDED, RUNNER_UP, OWN, THUMB]
    assert [shown.label for shown in result.minutes] == labels
    assert [shown.label for shown in result.distributions] == labels
    day = result.minutes[0]
    assert (day.step, len(day.arrivals)) == (60.0, 1440)
    assert sum(day.arrivals) == pytest.approx(21 * 86_400, rel=0.02)
    spread = result.distributions[0]
    assert spread.seconds == sorted(spread.seconds)
    assert dict(zip(spread.probabilities, spread.seconds, strict=True))[0.99] == pytest.approx(
        p99(chosen(result).figures), rel=0.03
    )


@pytest.mark.unmeasured
def test_the_same_seed_finds_the_same_and_another_seed_draws_others(result: SearchResult) -> None:
    again = find(a_problem(), simulate, here, Watched())
    assert again == result
    assert find(a_problem(seed=7), simulate, here, Watched()) != result


def test_every_job_of_every_step_is_told_as_it_ends() -> None:
    watched = Watched()
    find(a_problem("constant:10/s:1h", candidates=10), simulate, here, watched)
    assert [jobs for _, jobs in watched.steps] == watched.done
    titles = [title for title, _ in watched.steps]
    assert titles[0] == "Screening settings"
    assert {"Racing the best", "Looking for what breaks first", "Changing one setting at a time"} <= set(titles)


def test_hopeless_traffic_is_reported_without_a_search() -> None:
    result = find(a_problem(objective=Objective(p99=0.01, errors=0.001)), simulate, here, Watched())
    assert (result.recommended, result.runner_up, result.explored) == (None, None, 0)
    assert plain(result.first_limit).startswith("Latency: even an idle ml.m5.large takes 85.0 ms")
    assert [evaluated.label for evaluated in result.compared] == [OWN, THUMB]


def test_if_no_candidate_meets_the_objective_the_nearest_says_why() -> None:
    slow_start = a_problem("spike:1/s..100/s:2h:1h:20min", objective=Objective(p99=0.3, errors=0.0001), max_instances=3)
    result = find(replace(slow_start, candidates=30), simulate, here, Watched())
    assert result.recommended is None
    assert str(result.first_limit).startswith("None of 30 settings meets it; of the nearest (")
    assert result.breaks is None


@pytest.mark.unmeasured
def test_settings_that_are_compared_are_run_like_the_others() -> None:
    other = Settings(variants=(VariantSettings(instance_type="ml.m5.xlarge", initial_instance_count=1),))
    result = find(a_problem(candidates=10, compared=(("write-up", other),)), simulate, here, Watched())
    assert result.compared[-1].label == "write-up"
    assert result.compared[-1].settings == other
    assert result.compared[-1].figures.replications == 3


def test_traffic_of_very_many_requests_is_sampled_and_says_so() -> None:
    problem = a_problem("daily:50/s..400/s:3d", candidates=8, replications=3, max_instances=60)
    result = find(problem, simulate, here, Watched())
    assert result.sampled is not None
    assert result.sampled > 10
    assert result.minutes[0].step == 180.0
    assert len(result.minutes[0].arrivals) == 1440


def a_trial(count: int) -> Trial:
    return Trial(Settings(variants=(VariantSettings(instance_type="ml.m5.large", initial_instance_count=count),)))


def test_trials_that_surely_miss_or_cost_more_get_no_more_runs() -> None:
    problem = a_problem("constant:20/s:1h", base=a_trial(1).settings)
    held = context(problem, simulate)
    evaluator = Evaluator(ThisProcess(held), problem.system, problem.prices, problem.objective, 0, Watched())
    too_few, right, too_many = a_trial(1), a_trial(2), a_trial(9)
    race(evaluator, [too_few, right, too_many], 6)
    assert [len(trial.runs) for trial in (too_few, right, too_many)] == [3, 6, 3]


def test_runs_are_added_to_the_existing_ones() -> None:
    problem = a_problem("constant:20/s:1h")
    evaluator = Evaluator(
        ThisProcess(context(problem, simulate)), problem.system, problem.prices, problem.objective, 0, Watched()
    )
    trial, other = a_trial(2), a_trial(2)
    evaluator.run("", [trial], 2, traffic=FINAL)
    evaluator.run("", [trial, other], 3, traffic=FINAL)
    assert [run.requests for run in trial.runs] == [run.requests for run in other.runs]


def test_a_stack_that_no_policy_can_vary_is_planned_all_the_same() -> None:
    tracked = BASE.variants[0].model_copy(
        update={"tracking": (TrackingSettings(target_value=9, disable_scale_in=True),)}
    )
    problem = a_problem("constant:10/s:1h", base=Settings(variants=(tracked,)), candidates=8)
    assert find(problem, simulate, here, Watched()).recommended is not None


def test_one_instance_type_is_enough() -> None:
    problem = a_problem("constant:10/s:1h", system=a_system(profiles={"ml.m5.large": LARGE}), candidates=8)
    result = find(problem, simulate, here, Watched())
    assert not any(entry.setting == "instance_type" for entry in result.sensitivity)


def test_a_variants_demand_is_its_share_of_the_traffic() -> None:
    other = VariantSettings(name="other", instance_type="ml.m5.large", initial_variant_weight=3.0)
    problem = a_problem(base=Settings(variants=(*BASE.variants, other)))
    assert problem.of_variant.demand.peak == pytest.approx(10.0, rel=0.01)
    assert read_traffic("daily:2/s..40/s").schedule.peak == 40.0
