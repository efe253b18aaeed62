"""Classical queues for tests of the simulator, each an endpoint with one instance and no function, and what theory says
of them. Names are in Kendall's notation; ``places`` is the size of the waiting room."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

from harness.core.profile import ServiceTimes
from harness.simulator.outcome import SimulationOutcome
from harness.simulator.settings import Settings, VariantSettings
from harness.simulator.system import Client, FunctionProfile, System
from tests.profiles import a_profile, constant

TYPE = "ml.m5.large"
ONE = Settings(variants=(VariantSettings(instance_type=TYPE),))
_PATIENT = 1e9  # seconds: timeouts that never come


def exponential(mean: float, points: int = 20_001) -> ServiceTimes:
    """Returns the quantiles of an exponential distribution. The last one is chosen so that the mean is right."""
    cells = points - 1
    inner = [-math.log1p(-index / cells) for index in range(cells)]
    return ServiceTimes(concurrency=1, quantiles=tuple(mean * quantile for quantile in [*inner, math.log(cells) + 2]))


def bimodal(short: float, long: float, share: float) -> ServiceTimes:
    """Returns service times of which a share is long and the others are short, with one step of the table between."""
    points = 1001
    first = round((1 - share) * (points - 1))
    return ServiceTimes(concurrency=1, quantiles=(short,) * first + (long,) * (points - first))


def moments(times: ServiceTimes) -> tuple[float, float]:
    """Returns the mean and the mean square of a distribution that is linear between its quantiles."""
    pairs = list(itertools.pairwise(times.quantiles))
    return times.mean, sum(low**2 + low * high + high**2 for low, high in pairs) / 3 / len(pairs)


@dataclass(frozen=True)
class Queue:
    """A classical queue.

    rate: arrivals per second. waiting, refused: the mean number that waits and the share that finds no place, by
    theory. source: where the formula is from.
    """

    name: str
    system: System
    rate: float
    waiting: float
    refused: float
    source: str


def a_system(times: ServiceTimes, workers: int = 1, places: int = 10**6) -> System:
    return System(
        profiles={TYPE: a_profile(workers=workers, queue_length=places, service_times=(times,))},
        function=FunctionProfile(0.0, 0.0),
        client=Client(timeout=_PATIENT),
        invocation_timeout=_PATIENT,
    )


def _erlang_c(workers: int, load: float) -> float:
    """Returns the share that waits in M/M/c."""
    terms = [load**n / math.factorial(n) for n in range(workers)]
    last = load**workers / math.factorial(workers) * workers / (workers - load)
    return last / (sum(terms) + last)


def mmc(workers: int, load: float) -> Queue:
    """load: the load of all workers together, in Erlang."""
    waiting = _erlang_c(workers, load) * load / (workers - load)
    system = a_system(exponential(0.1), workers)
    return Queue(f"M/M/{workers}", system, load / 0.1, waiting, 0.0, "Kleinrock, Queueing Systems I, 3.5")


def mg1(name: str, times: ServiceTimes, load: float) -> Queue:
    mean, square = moments(times)
    rate = load / mean
    waiting = rate**2 * square / (2 * (1 - load))
    return Queue(name, a_system(times), rate, waiting, 0.0, "Pollaczek and Khinchine; Kleinrock I, 5.6")


def mmck(workers: int, load: float, places: int) -> Queue:
    terms = [load**n / math.factorial(min(n, workers)) for n in range(workers + places + 1)]
    terms = [term / workers ** max(0, n - workers) for n, term in enumerate(terms)]
    shares = [term / sum(terms) for term in terms]
    waiting = sum(max(0, n - workers) * share for n, share in enumerate(shares))
    system = a_system(exponential(0.1), workers, places)
    name = f"M/M/{workers}/{workers + places}"
    return Queue(name, system, load / 0.1, waiting, shares[-1], "Kleinrock, Queueing Systems I, 3.6 and 3.7")


QUEUES = (
    mmc(1, 0.7),
    mmc(4, 3.2),
    mg1("M/D/1", constant(0.1), 0.8),
    mg1("M/G/1", bimodal(0.05, 0.55, 0.1), 0.6),
    mmck(2, 1.9, 8),
    mmck(3, 6.0, 20),
)


def waiting_and_refused(outcome: SimulationOutcome, warm_up: int = 0) -> tuple[float, float]:
    """Returns the mean number that waits and the share that is refused in a run, without its first minutes."""
    series = outcome.series
    refused = float(series.errors[warm_up:].sum() / series.arrivals[warm_up:].sum())
    return float(series.queued[warm_up:].mean()), refused
