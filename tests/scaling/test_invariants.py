"""Properties that hold for any load, settings and order."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from harness.scaling.rules.policies import TrackingPolicy
from harness.scaling.rules.target import CapacityChange, ScalableTarget
from harness.scaling.rules.tracking import TargetTrackingSettings
from tests.scaling.fleet import virtual_variant

LOADS = st.lists(st.floats(0, 5_000), min_size=1, max_size=30)
TRACKING = st.builds(
    TargetTrackingSettings,
    target_value=st.floats(1, 500),
    scale_out_cooldown=st.sampled_from([0, 10, 60, 300]),
    scale_in_cooldown=st.sampled_from([0, 10, 100, 300]),
    disable_scale_in=st.booleans(),
    period=st.sampled_from([10, 60]),
)
DATAPOINTS = st.lists(st.one_of(st.none(), st.floats(0, 100)), min_size=0, max_size=17)


@given(LOADS, TRACKING, st.integers(1, 5), st.integers(0, 20), st.sampled_from([10, 60, 400]))
@settings(max_examples=60, deadline=None)
def test_capacity_stays_within_its_bounds_and_changes_only_on_an_alarm(
    loads: list[float], tracking: TargetTrackingSettings, minimum: int, span: int, provisioning: float
) -> None:
    policy = TrackingPolicy.new("p", tracking)
    run = virtual_variant(
        policy,
        lambda now: loads[int(now // 180) % len(loads)],
        minimum=minimum,
        maximum=minimum + span,
        active=minimum,
        desired=minimum,
        provisioning=provisioning,
    )
    while run.now < 3600:
        before = run.desired
        run.run(run.now + 10)
        assert minimum <= run.desired <= minimum + span
        assert minimum <= run.active <= minimum + span
        if run.desired > before:
            assert policy.high.state == "ALARM"
        if run.desired < before:
            assert policy.low.state == "ALARM" and not tracking.disable_scale_in


@given(st.lists(st.tuples(TRACKING, DATAPOINTS), min_size=1, max_size=4), st.integers(1, 12), st.data())
def test_the_order_of_policies_does_not_matter(
    given_policies: list[tuple[TargetTrackingSettings, list[float | None]]], capacity: int, data: st.DataObject
) -> None:
    def decision(order: list[int]) -> tuple[int, str, str] | None:
        policies = []
        for number in order:
            policy = TrackingPolicy.new(f"p{number}", given_policies[number][0])
            policy.evaluate(0.0, given_policies[number][1])
            policies.append(policy)
        decided = ScalableTarget(1, 10, policies=policies).decide(0.0, capacity)
        return (
            (decided.capacity, decided.request.policy, decided.request.alarm)
            if isinstance(decided, CapacityChange)
            else None
        )

    numbers = list(range(len(given_policies)))
    assert decision(data.draw(st.permutations(numbers))) == decision(numbers)


@given(DATAPOINTS, TRACKING)
def test_a_repeated_evaluation_changes_nothing(
    datapoints: list[float | None], tracking: TargetTrackingSettings
) -> None:
    policy = TrackingPolicy.new("p", tracking)
    policy.evaluate(0.0, datapoints)
    states = policy.high.state, policy.low.state, policy.high.since
    policy.evaluate(60.0, datapoints)
    assert (policy.high.state, policy.low.state, policy.high.since) == states
