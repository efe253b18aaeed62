"""The search space: candidates as settings that AWS accepts, and the neighbours of a candidate."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.load.traffic import read_traffic
from harness.planner.plan import Objective
from harness.planner.search.candidates import Candidate, PolicyKind, VariantProblem, settings_of
from harness.planner.search.demand import demand
from harness.planner.search.policy_kinds import FIXED, INVOCATIONS, KINDS, candidate_of
from harness.planner.search.space import SearchSpace, neighbours, spread, thumb
from harness.simulator.settings import (
    CONCURRENCY,
    FunctionSettings,
    ProvisionedScaling,
    Settings,
    Step,
    StepSettings,
    TrackingSettings,
    VariantSettings,
)
from tests.figures import plain
from tests.planner.search.stand_in import a_system

TRACKED = VariantSettings(
    instance_type="ml.m5.large",
    max_capacity=3,
    tracking=(TrackingSettings(target_value=25, scale_in_cooldown=300, scale_out_cooldown=30),),
)
OBJECTIVE = Objective(p99=0.5, errors=0.001)


def a_space(
    traffic: str = "daily:2/s..40/s", base: Settings | None = None, clock: float = 0.0, **members: object
) -> SearchSpace:
    base = base or Settings(variants=(TRACKED,), function=FunctionSettings())
    problem = VariantProblem(base, "AllTraffic", a_system(), demand(read_traffic(traffic)), clock)
    usual = {"types": ("ml.m5.large", "ml.m5.xlarge"), "max_instances": 20, **members}
    return SearchSpace(problem, OBJECTIVE, **usual)  # type: ignore[arg-type]


def a_kind(name: str) -> PolicyKind:
    return {kind.name: kind for kind in KINDS}[name]


def drawn(space: SearchSpace, count: int, seed: int = 0) -> list[Candidate]:
    return list(itertools.islice(spread(space, seed), count))


def test_the_spread_reaches_every_value_of_everything_that_may_be_varied() -> None:
    candidates = drawn(a_space(), 400)
    assert {candidate.policy for candidate in candidates} == set(KINDS)
    assert {kind.name for kind in KINDS} == {
        "fixed", "invocations", "concurrency", "step", "scheduled", "scheduled and invocations",
    }  # fmt: skip
    assert {candidate.instance_type for candidate in candidates} == {"ml.m5.large", "ml.m5.xlarge"}
    assert {candidate.routing for candidate in candidates} == {"RANDOM", "LEAST_OUTSTANDING_REQUESTS"}
    assert len({candidate.out_cooldown for candidate in candidates}) == 5
    assert len({candidate.in_cooldown for candidate in candidates}) == 5
    assert len({candidate.level for candidate in candidates}) > 30
    assert None in {candidate.reserved for candidate in candidates}
    assert any(candidate.provisioned for candidate in candidates)
    assert any(candidate.provisioned_scaling for candidate in candidates)
    assert len({(candidate.min_capacity, candidate.max_capacity) for candidate in candidates}) > 10


def test_the_spread_is_the_same_for_a_seed_and_another_for_another() -> None:
    assert drawn(a_space(), 50, 1) == drawn(a_space(), 50, 1)
    assert drawn(a_space(), 50, 1) != drawn(a_space(), 50, 2)


@pytest.mark.parametrize("traffic", ["daily:2/s..40/s", "constant:20/s:1h", "spike:1/s..300/s:3h"])
@pytest.mark.parametrize("seed", [0, 1])
def test_every_candidate_and_its_neighbours_can_be_deployed(traffic: str, seed: int) -> None:
    space = a_space(traffic)
    for candidate in drawn(space, 60, seed):
        for tried in (candidate, *(other for _, _, other in neighbours(space, candidate))):
            (variant,) = settings_of(space.problem, tried).variants
            assert 1 <= variant.min_capacity <= variant.initial_instance_count <= variant.max_capacity <= 20
            function = settings_of(space.problem, tried).function
            assert function is not None
            if function.reserved_concurrent_executions is not None:
                assert function.provisioned_concurrent_executions <= function.reserved_concurrent_executions <= 900


@pytest.mark.parametrize("most", [1, 20])
def test_a_policy_is_chosen_only_where_it_has_something_to_decide(most: int) -> None:
    space = a_space("constant:20/s:1h" if most > 1 else "daily:2/s..40/s", max_instances=most)
    for candidate in drawn(space, 60):
        for tried in (candidate, *(other for _, _, other in neighbours(space, candidate))):
            if tried.min_capacity == tried.max_capacity:
                assert tried.policy.name in ("fixed", "scheduled", "scheduled and invocations")


def test_without_a_function_none_of_its_settings_is_varied() -> None:
    space = a_space(base=Settings(variants=(TRACKED,)))
    candidates = drawn(space, 100)
    assert {(candidate.reserved, candidate.provisioned, candidate.provisioned_scaling) for candidate in candidates} == {
        (None, 0, None)
    }
    names = {name for candidate in candidates for name, _, _ in neighbours(space, candidate)}
    assert not names & {"reserved_concurrent_executions", "provisioned_scaling"}
    assert settings_of(space.problem, candidates[0]).function is None


def test_a_neighbour_differs_in_one_setting() -> None:
    space = a_space()
    candidate = Candidate("ml.m5.large", INVOCATIONS, 10.0, 2, 5, 60.0, 300.0)
    nearby = neighbours(space, candidate)
    assert {name for name, _, _ in nearby} == {
        "target_value", "scale_out_cooldown", "scale_in_cooldown", "min_capacity", "max_capacity", "policy",
        "instance_type", "routing_strategy", "reserved_concurrent_executions", "provisioned_concurrent_executions",
        "provisioned_scaling",
    }  # fmt: skip
    assert all(neighbour != candidate for _, _, neighbour in nearby)
    cooldowns = [(value, neighbour.out_cooldown) for name, value, neighbour in nearby if name == "scale_out_cooldown"]
    assert [(plain(value), seconds) for value, seconds in cooldowns] == [("30 s", 30.0), ("2 min", 120.0)]
    fixed = Candidate("ml.m5.large", FIXED, 10.0, 4, 4)
    assert {value for name, value, _ in neighbours(space, fixed) if name == "instances"} == {"3", "5"}


def test_policies_of_one_level_are_equivalent_whichever_metric_they_use() -> None:
    problem = a_space().problem

    def variant(kind: str) -> VariantSettings:
        return settings_of(problem, Candidate("ml.m5.large", a_kind(kind), 10.0, 1, 6, 60.0, 300.0)).variants[0]

    invocations = variant("invocations").tracking[0]
    assert (invocations.target_value, invocations.scale_out_cooldown) == (600.0, 60.0)
    concurrency = variant("concurrency").tracking[0]
    assert concurrency.metric == CONCURRENCY
    assert concurrency.target_value == pytest.approx(1.2, abs=0.3)  # 10/s for 0.1 s, and a little queueing
    out, back = variant("step").steps
    assert (out.threshold, out.above, back.threshold, back.above) == (600.0, True, 300.0, False)
    assert [(step.bound, step.adjustment) for step in out.steps] == [(0.0, 1), (300.0, 2)]
    assert [step.adjustment for step in back.steps] == [-1]
    fixed = variant("fixed")
    assert not fixed.scales
    assert fixed.initial_instance_count == 6


def test_a_schedule_holds_what_each_hour_takes_and_comes_ahead_of_a_rise() -> None:
    problem = a_space().problem
    (variant,) = settings_of(problem, Candidate("ml.m5.large", a_kind("scheduled"), 10.0, 1, 6)).variants
    assert variant.tracking == ()
    assert variant.initial_instance_count == 1
    actions = variant.schedule
    assert [action.min_capacity for action in actions] == [2, 3, 4, 3, 2, 1]
    assert all(action.min_capacity == action.max_capacity for action in actions)
    assert [action.second_of_day % 3600 for action in actions] == [3000, 3000, 3000, 0, 0, 0]  # up ten minutes before
    (with_policy,) = settings_of(
        problem, Candidate("ml.m5.large", a_kind("scheduled and invocations"), 10.0, 1, 6)
    ).variants
    assert {action.max_capacity for action in with_policy.schedule} == {6}
    assert with_policy.tracking


def test_a_stack_that_is_deployed_at_noon_begins_with_what_noon_takes() -> None:
    problem = a_space(clock=12 * 3600.0).problem
    (variant,) = settings_of(problem, Candidate("ml.m5.large", a_kind("scheduled"), 10.0, 1, 6)).variants
    assert variant.initial_instance_count == 4


def test_equal_hours_make_one_action() -> None:
    problem = a_space("constant:25/s:24h").problem
    for kind, most in (("scheduled", 3), ("scheduled and invocations", 6)):
        (variant,) = settings_of(problem, Candidate("ml.m5.large", a_kind(kind), 10.0, 1, 6)).variants
        assert [(action.min_capacity, action.max_capacity) for action in variant.schedule] == [(3, most)]


def test_a_stacks_own_settings_are_a_candidate_if_one_policy_tracks_invocations() -> None:
    function = FunctionSettings(
        reserved_concurrent_executions=5,
        provisioned_scaling=ProvisionedScaling(min_capacity=1, max_capacity=3, target_value=0.7),
        provisioned_concurrent_executions=1,
    )
    base = Settings(variants=(TRACKED,), function=function)
    space = a_space(base=base)
    candidate = candidate_of(space.problem, base)
    assert candidate is not None
    assert settings_of(space.problem, candidate).variants[0].tracking == TRACKED.tracking
    assert settings_of(space.problem, candidate).function == function
    fixed = Settings(variants=(VariantSettings(instance_type="ml.m5.large", initial_instance_count=4),))
    own = candidate_of(a_space(base=fixed).problem, fixed)
    assert own is not None
    assert (own.policy, own.min_capacity, own.max_capacity) == (FIXED, 4, 4)


@pytest.mark.parametrize(
    "variant",
    [
        VariantSettings(instance_type="ml.g5.xlarge"),
        TRACKED.model_copy(update={"steps": (StepSettings(threshold=1, above=True, steps=(Step(adjustment=1),)),)}),
        TRACKED.model_copy(update={"tracking": (TrackingSettings(target_value=2, metric=CONCURRENCY),)}),
        TRACKED.model_copy(update={"tracking": (TrackingSettings(target_value=2, disable_scale_in=True),)}),
    ],
)
def test_other_settings_of_a_stack_are_compared_but_are_no_candidate(variant: VariantSettings) -> None:
    base = Settings(variants=(variant,))
    assert candidate_of(a_space(base=base).problem, base) is None


def test_awss_rules_of_thumb() -> None:
    candidate = thumb(a_space("daily:2/s..100/s"), "ml.m5.large")
    (variant,) = settings_of(a_space().problem, candidate).variants
    assert variant.tracking[0].target_value == 20 * 0.5 * 60
    assert (variant.tracking[0].scale_in_cooldown, variant.tracking[0].scale_out_cooldown) == (300, 300)
    assert (variant.min_capacity, variant.max_capacity) == (1, 6)  # ceil(2 / 20), ceil(1.2 * 100 / 20)


@given(st.integers(0, 1000))
def test_another_variant_is_left_as_it_is(seed: int) -> None:
    other = VariantSettings(name="other", instance_type="ml.m5.xlarge", initial_instance_count=2)
    space = a_space(base=Settings(variants=(TRACKED, other)))
    chosen = settings_of(space.problem, drawn(space, 3, seed)[-1])
    assert chosen.variants[1] == other
