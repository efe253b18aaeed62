"""Bounds what a run on a real account sends and costs, and keeps it within its caps.

Every figure is an upper bound: an invocation counts with the function's timeout until its answer says how long it took.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256

from harness.core import figures as text
from harness.core.errors import HarnessError
from harness.core.prices import Prices


@dataclass(frozen=True, slots=True)
class BilledFunction:
    """The settings of a function that the price of an invocation depends on. memory_size: MB; timeout: seconds."""

    memory_size: int
    timeout: int


@dataclass(frozen=True, slots=True)
class Caps:
    """Requests and US dollars at which a run is stopped."""

    requests: int
    dollars: float


@dataclass(frozen=True)
class Bound:
    """The most that a run sends and costs. lines: a description of each part of the cost, and its US dollars."""

    requests: int
    lines: list[tuple[str, float]]

    @property
    def dollars(self) -> float:
        return sum(dollars for _, dollars in self.lines)

    def check(self, caps: Caps, lower: str = "--rate or --run-time") -> None:
        """Raise HarnessError if the run could exceed its caps. lower: the options that make the run smaller."""
        if self.requests > caps.requests:
            raise HarnessError(
                f"The run would send {self.requests:,} requests, more than its cap of {caps.requests:,}: "
                f"lower {lower}, or raise --max-requests."
            )
        if self.dollars > caps.dollars:
            raise HarnessError(
                f"The run could cost {text.dollars(self.dollars)}, more than its cap of {text.dollars(caps.dollars)}: "
                f"lower {lower}, or raise --max-cost."
            )


def bound(
    *,
    invocations: int,
    endpoint_requests: int,
    seconds: float,
    function: BilledFunction | None,
    instances: list[tuple[str, int]],
    prices: Prices,
    provisioned: int = 0,
) -> Bound:
    """The most that a run sends and costs. Raises HarnessError if there are invocations and no function.

    invocations: of the function. seconds: the run's length. instances: the endpoint's instance types, and at most how
    many there are of each. provisioned: the function's provisioned concurrency, at most.
    """
    lines = []
    if invocations:
        if function is None:
            raise HarnessError("The stack file has no function, so that its invocations have no price.")
        price = prices.invocation(function.memory_size, function.timeout)
        description = f"{invocations:,} invocations of {function.memory_size} MB, {function.timeout} s each at most"
        lines.append((description, invocations * price))
    for instance_type, number in instances:
        hours = seconds / 3600
        description = f"{number} x {instance_type} for {seconds:,.0f} s, which are billed with or without load"
        lines.append((description, number * hours * prices.instance(instance_type)))
    if provisioned and function is not None:
        gigabytes = provisioned * function.memory_size / 1024
        description = (
            f"{provisioned} x {function.memory_size} MB of provisioned concurrency for {seconds:,.0f} s, used or not"
        )
        lines.append((description, gigabytes * seconds * prices.provisioned_gb_second_held))
    return Bound(invocations + endpoint_requests, lines)


def confirmation_code(*settings: object) -> str:
    """Six characters that stand for these settings: a dry run prints them, and the run requires them."""
    return sha256(repr(settings).encode()).hexdigest()[:6]


class Budget:
    """Keeps a run within its caps. An invocation is charged its bound when it is sent; the rest is given back later."""

    def __init__(self, caps: Caps, prices: Prices, function: BilledFunction | None, fixed: float) -> None:
        """Begin with nothing sent. fixed: dollars that are billed with or without load."""
        self.caps = caps
        self.requests = 0
        self.dollars = fixed
        self._prices = prices
        self._function = function

    def take(self, invocation: bool) -> str | None:
        """Charge a request that is about to be sent. Returns the reason if a cap forbids it, else None."""
        price = self._most() if invocation else 0.0
        if self.requests + 1 > self.caps.requests:
            return f"the cap of {self.caps.requests:,} requests is reached"
        if self.dollars + price > self.caps.dollars:
            return f"the cap of {text.dollars(self.caps.dollars)} is reached"
        self.requests += 1
        self.dollars += price
        return None

    def settle(self, function_seconds: float) -> None:
        """Give back what an invocation did not use of its bound. function_seconds: how long it lasted."""
        if self._function is not None:
            self.dollars -= self._most() - self._prices.invocation(self._function.memory_size, function_seconds)

    def _most(self) -> float:
        return self._prices.invocation(self._function.memory_size, self._function.timeout) if self._function else 0.0
