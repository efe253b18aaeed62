"""What a simulated run tells, and that a seed says all of it."""

from __future__ import annotations

import pickle

from harness.load.schedule import constant
from harness.simulator import simulate
from harness.simulator.settings import FunctionSettings, Settings, TrackingSettings, VariantSettings
from harness.simulator.system import System
from tests.profiles import a_profile
from tests.profiles import constant as always

SYSTEM = System({"ml.m5.large": a_profile(service_times=(always(0.1), always(0.12, 2)), saturation_rate=16.0)})


def fleet(**members: object) -> Settings:
    given = {
        "instance_type": "ml.m5.large",
        "initial_instance_count": 2,
        "max_capacity": 8,
        "tracking": (TrackingSettings(target_value=500.0),),
        **members,
    }
    return Settings(variants=(VariantSettings(**given),), function=FunctionSettings())  # type: ignore[arg-type]


def test_a_seed_says_all_of_a_run() -> None:
    first, second, other = (simulate(fleet(), SYSTEM, constant(20.0, 1800.0), seed=seed) for seed in (1, 1, 2))
    assert pickle.dumps(first) == pickle.dumps(second)
    assert pickle.dumps(first) != pickle.dumps(other)


def test_settings_meet_the_same_arrivals() -> None:
    few, many = (
        simulate(fleet(min_capacity=count, initial_instance_count=count), SYSTEM, constant(20.0, 1800.0), seed=1)
        for count in (1, 8)
    )
    assert list(few.series.arrivals) == list(many.series.arrivals)
    assert few.latencies.percentile(0.99) > many.latencies.percentile(0.99)


def test_every_request_ends_one_way() -> None:
    out = simulate(fleet(max_capacity=1, initial_instance_count=1), SYSTEM, constant(40.0, 600.0), seed=1)
    assert out.failures["queue_full"] > 0
    assert out.requests == out.succeeded + sum(out.failures.values())
    assert out.latencies.total == out.succeeded
