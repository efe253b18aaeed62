"""What is scaled: the instances of variants, and provisioned concurrency, in the run's state and on its agenda."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from harness.functions.rules.concurrency import AccountConcurrency, FunctionConcurrency, ProvisionedConcurrency
from harness.hosting.rules.timeouts import DRAIN_SECONDS
from harness.simulator.agenda import Agenda, Priority
from harness.simulator.system import Delays


@dataclass(slots=True)
class TimeIntegral:
    """The integral of a number over time. Times are seconds of the requests' clock."""

    number: int
    since: float = 0.0
    total: float = 0.0

    def set(self, now: float, number: int) -> None:
        self.total += self.number * (now - self.since)
        self.since, self.number = now, number

    def take(self, now: float) -> float:
        """Returns the integral since the last call."""
        self.set(now, self.number)
        total, self.total = self.total, 0.0
        return total


@dataclass
class SimulatedEndpoint:
    """What an endpoint's variants share: only one update runs at a time."""

    agenda: Agenda
    delays: Delays
    speed: float
    updating: bool = False


@dataclass
class SimulatedVariant:
    """The instances of a variant.

    serve: sets how many of them take requests. take_down: ends the instances from one index up to another, together
    with the requests that they have. changes: each change as (second, desired capacity).
    served: integral of the instances that take requests. kept: integral of those that are not gone yet.
    """

    endpoint: SimulatedEndpoint
    current: int
    serve: Callable[[int, float], None]
    take_down: Callable[[int, int, float], None]
    takes_more: bool = field(default=False, init=False)
    desired: int = field(init=False)
    changes: list[tuple[float, int]] = field(default_factory=list, init=False)
    served: TimeIntegral = field(init=False)
    kept: TimeIntegral = field(init=False)

    def __post_init__(self) -> None:
        self.desired = self.current
        self.served, self.kept = TimeIntegral(self.current), TimeIntegral(self.current)

    @property
    def updatable(self) -> bool:
        return not self.endpoint.updating

    def set_capacity(self, now: float, capacity: int) -> None:
        """Acts as UpdateEndpointWeightsAndCapacities.

        The newest instances are removed. They take no more requests and have some time to finish those that they have,
        as in hosting.fleet, but no longer than the update lasts.
        """
        before, self.desired = self.current, capacity
        endpoint, delays = self.endpoint, self.endpoint.delays
        self.changes.append((now / endpoint.speed, capacity))
        endpoint.updating = True
        if capacity > before:
            endpoint.agenda.add(now + delays.provisioning, Priority.INSTANCES, self._added)
            return
        self._serve(now)
        drained = now + min(DRAIN_SECONDS, delays.removal)
        endpoint.agenda.add(
            drained, Priority.INSTANCES, lambda due: self.take_down(capacity, before, due / endpoint.speed)
        )
        endpoint.agenda.add(now + delays.removal, Priority.INSTANCES, self._settled)

    def _serve(self, now: float) -> None:
        second = now / self.endpoint.speed
        self.serve(self.desired, second)
        self.served.set(second, self.desired)

    def _added(self, now: float) -> None:
        self._serve(now)
        self._settled(now)

    def _settled(self, now: float) -> None:
        self.kept.set(now / self.endpoint.speed, self.desired)
        self.current, self.endpoint.updating = self.desired, False


class SimulatedAlias:
    """The provisioned concurrency of a function's alias. allocate: sets how many environments serve."""

    takes_more = True
    updatable = True

    def __init__(self, agenda: Agenda, speed: float, initial: int, allocate: Callable[[int], None]) -> None:
        self._agenda = agenda
        self._speed = speed
        self._allocate = allocate
        self._concurrency = ProvisionedConcurrency(FunctionConcurrency(AccountConcurrency()), initial)
        self._concurrency.allocate(initial)
        self.held = TimeIntegral(initial)
        allocate(initial)

    @property
    def current(self) -> int:
        return self._concurrency.allocated

    @property
    def desired(self) -> int:
        return self._concurrency.requested

    def set_capacity(self, now: float, capacity: int) -> None:
        """Acts as PutProvisionedConcurrencyConfig: a decrease holds at once, an increase when it is prepared."""
        concurrency = self._concurrency
        concurrency.request(capacity)
        if capacity <= concurrency.allocated:
            self._serve(now)
        else:
            ready = now + concurrency.allocation_seconds()
            self._agenda.add(ready, Priority.INSTANCES, lambda due: self._prepared(due, capacity, ready))
            self._ready = ready

    def _prepared(self, now: float, capacity: int, ready: float) -> None:
        # A later request for another capacity began the preparation anew.
        if capacity == self._concurrency.requested and ready == self._ready:
            self._concurrency.allocate(capacity)
            self._serve(now)

    def _serve(self, now: float) -> None:
        self._allocate(self._concurrency.allocated)
        self.held.set(now / self._speed, self._concurrency.allocated)
