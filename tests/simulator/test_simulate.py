"""The outcome of a simulated run, and that the seed determines it."""

from __future__ import annotations

import pickle

from harness.load.traffic_forms import constant
from harness.simulator import simulate
from harness.simulator.settings import FunctionSettings, Settings, TrackingSettings, VariantSettings
from harness.simulator.system import System
from tests.profiles import a_profile
from tests.profiles import constant as always

SYSTEM = System({"ml.m5.large": a_profile(service_times=(always(0.1), always(0.12, 2)), saturation_rate=16.0)})


def fleet(**members: object) -> Settings:
    members_of_variant = {
        "instance_type": "ml.m5.large",
        "initial_instance_count": 2,
        "max_capacity": 8,
        "tracking": (TrackingSettings(target_value=500.0),),
        **members,
    }
    return Settings(variants=(VariantSettings(**members_of_variant),), function=FunctionSettings())  # type: ignore[arg-type]


def test_the_seed_determines_the_run() -> None:
    first, second, other_seed = (simulate(fleet(), SYSTEM, constant(20.0, 1800.0), seed=seed) for seed in (1, 1, 2))
    assert pickle.dumps(first) == pickle.dumps(second)
    assert pickle.dumps(first) != pickle.dumps(other_seed)


def test_settings_meet_the_same_arrivals() -> None:
    few, many = (
        simulate(fleet(min_capacity=count, initial_instance_count=count), SYSTEM, constant(20.0, 1800.0), seed=1)
        for count in (1, 8)
    )
    assert list(few.series.arrivals) == list(many.series.arrivals)
    assert few.latencies.percentile(0.99) > many.latencies.percentile(0.99)


def test_every_request_ends_in_exactly_one_way() -> None:
    out = simulate(fleet(max_capacity=1, initial_instance_count=1), SYSTEM, constant(40.0, 600.0), seed=1)
    assert out.failures["queue_full"] > 0
    assert out.requests == out.succeeded + sum(out.failures.values())
    assert out.latencies.total == out.succeeded
