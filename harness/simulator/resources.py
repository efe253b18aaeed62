"""What is scaled: the instances of variants and provisioned concurrency, in the run's state and on its agenda."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from harness.functions.rules.concurrency import AccountConcurrency, FunctionConcurrency, ProvisionedConcurrency
from harness.hosting.rules.timeouts import DRAIN_SECONDS
from harness.simulator.agenda import Agenda, Turn
from harness.simulator.system import Delays


@dataclass(slots=True)
class Area:
    """A number's integral over time. Times are seconds of the requests' clock."""

    number: int
    since: float = 0.0
    total: float = 0.0

    def set(self, now: float, number: int) -> None:
        self.total += self.number * (now - self.since)
        self.since, self.number = now, number

    def take(self, now: float) -> float:
        """The integral since it was last taken."""
        self.set(now, self.number)
        found, self.total = self.total, 0.0
        return found


@dataclass
class Endpoint:
    """What all variants have in common: only one update at a time."""

    agenda: Agenda
    delays: Delays
    speed: float
    updating: bool = False


@dataclass
class Variant:
    """A variant's instances.

    serve: has so many take requests; take_down: ends those from one place up to another with what they have in hand.
    changes: (second, desired capacity). served, kept: instances that take requests, and those that are not yet gone.
    """

    endpoint: Endpoint
    current: int
    serve: Callable[[int, float], None]
    take_down: Callable[[int, int, float], None]
    takes_more: bool = field(default=False, init=False)
    desired: int = field(init=False)
    changes: list[tuple[float, int]] = field(default_factory=list, init=False)
    served: Area = field(init=False)
    kept: Area = field(init=False)

    def __post_init__(self) -> None:
        self.desired = self.current
        self.served, self.kept = Area(self.current), Area(self.current)

    @property
    def updatable(self) -> bool:
        return not self.endpoint.updating

    def set_capacity(self, now: float, capacity: int) -> None:
        """UpdateEndpointWeightsAndCapacities. Removed ones, the newest, take no requests any more and have a while to
        finish what they have, as in hosting.fleet; not longer than the update."""
        before, self.desired = self.current, capacity
        endpoint, delays = self.endpoint, self.endpoint.delays
        self.changes.append((now / endpoint.speed, capacity))
        endpoint.updating = True
        if capacity > before:
            endpoint.agenda.add(now + delays.provisioning, Turn.INSTANCES, self._added)
            return
        self._serve(now)
        drained = now + min(DRAIN_SECONDS, delays.removal)
        endpoint.agenda.add(drained, Turn.INSTANCES, lambda at: self.take_down(capacity, before, at / endpoint.speed))
        endpoint.agenda.add(now + delays.removal, Turn.INSTANCES, self._removed)

    def _serve(self, now: float) -> None:
        second = now / self.endpoint.speed
        self.serve(self.desired, second)
        self.served.set(second, self.desired)

    def _added(self, now: float) -> None:
        self._serve(now)
        self._settled(now)

    def _removed(self, now: float) -> None:
        self._settled(now)

    def _settled(self, now: float) -> None:
        self.kept.set(now / self.endpoint.speed, self.desired)
        self.current, self.endpoint.updating = self.desired, False


class Alias:
    """A function's provisioned concurrency. allocate: has so many serve."""

    takes_more = True
    updatable = True

    def __init__(self, agenda: Agenda, speed: float, initial: int, allocate: Callable[[int], None]) -> None:
        self._agenda = agenda
        self._speed = speed
        self._allocate = allocate
        self._concurrency = ProvisionedConcurrency(FunctionConcurrency(AccountConcurrency()), initial)
        self._concurrency.allocate(initial)
        self.held = Area(initial)
        allocate(initial)

    @property
    def current(self) -> int:
        return self._concurrency.allocated

    @property
    def desired(self) -> int:
        return self._concurrency.requested

    def set_capacity(self, now: float, capacity: int) -> None:
        """PutProvisionedConcurrencyConfig: fewer at once, more when they are prepared."""
        concurrency = self._concurrency
        concurrency.request(capacity)
        if capacity <= concurrency.allocated:
            self._serve(now)
        else:
            ready = now + concurrency.allocation_seconds()
            self._agenda.add(ready, Turn.INSTANCES, lambda at: self._prepared(at, capacity, ready))
            self._ready = ready

    def _prepared(self, now: float, capacity: int, ready: float) -> None:
        # Another number may have been asked for since, which began the preparation anew.
        if capacity == self._concurrency.requested and ready == self._ready:
            self._concurrency.allocate(capacity)
            self._serve(now)

    def _serve(self, now: float) -> None:
        self._allocate(self._concurrency.allocated)
        self.held.set(now / self._speed, self._concurrency.allocated)
