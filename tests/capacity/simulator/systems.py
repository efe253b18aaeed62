"""Small systems for tests of the simulator, classical queues among them: an endpoint's instance without a function."""

from __future__ import annotations

import math

from harness.capacity.settings import Settings, VariantSettings
from harness.capacity.system import Client, FunctionProfile, System
from harness.profile import ServiceTimes
from tests.profiles import a_profile

TYPE = "ml.m5.large"
PATIENT = 1e9  # seconds: a wait that nobody ends


def exponential(mean: float, points: int = 20_001) -> ServiceTimes:
    """An exponential distribution as a table of quantiles: each the mean of its own share of the probability, so that
    the table's mean is the distribution's."""
    edges = [-math.log1p(-index / points) for index in range(points)]
    quantiles = [mean * edge for edge in edges]
    return ServiceTimes(concurrency=1, quantiles=tuple(quantiles))


def a_queue(times: ServiceTimes, *, workers: int = 1, places: int = 10**6, **members: object) -> System:
    """One instance by itself."""
    profile = a_profile(workers=workers, queue_length=places, service_times=(times,))
    given = {
        "profiles": {TYPE: profile},
        "function": FunctionProfile(0.0, 0.0),
        "client": Client(timeout=PATIENT),
        "invocation_timeout": PATIENT,
        **members,
    }
    return System(**given)  # type: ignore[arg-type]


ONE = Settings(variants=(VariantSettings(instance_type=TYPE),))
