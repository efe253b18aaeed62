"""How many executions may run at once, and how fast they may grow.

Pure: no I/O and no clock of its own. Times are seconds on any clock that never runs backwards. The live service and the
simulator call the same rules, refilled() and admission(), which are plain arithmetic so that numba compiles them too.

Facts: Lambda guide, lambda-concurrency and scaling-behavior; botocore, PutFunctionConcurrency and ThrottleReason.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Literal

ACCOUNT_LIMIT = 1_000  # concurrent executions an account and region (Lambda guide)
UNRESERVED_MINIMUM = 100  # of them that no function may take for itself (botocore, PutFunctionConcurrency)
REQUESTS_PER_CONCURRENCY = 10  # requests a second to each unit of concurrency (Lambda guide, lambda-concurrency)
SCALING_STEP = 1_000  # environments that a function may gain ... (Lambda guide, scaling-behavior)
SCALING_SECONDS = 10.0  # ... in so many seconds, refilled continuously and never saved up
PREPARATION_SECONDS = 90.0  # before the first provisioned environment: "a minute or two" (Lambda guide)
IDLE_SECONDS = 600.0  # unverified: AWS publishes no time after which it ends an idle environment
PROVISIONING_RATE = 100.0  # provisioned environments a second: 6,000 a minute (Lambda guide, lambda-concurrency)

ThrottleReason = Literal[
    "ConcurrentInvocationLimitExceeded",
    "FunctionInvocationRateLimitExceeded",
    "ReservedFunctionConcurrentInvocationLimitExceeded",
    "ReservedFunctionInvocationRateLimitExceeded",
]


class Start(Enum):
    """Where an admitted execution runs."""

    PROVISIONED = "an environment that was provisioned"
    WARM = "an on-demand environment that is idle"
    COLD = "a new on-demand environment"


class Refusal(Enum):
    """The rule that throttled a request."""

    ACCOUNT_CONCURRENCY = "the account's unreserved concurrency"
    RESERVED_CONCURRENCY = "the function's reserved concurrency"
    ACCOUNT_RATE = "the account's requests a second"
    RESERVED_RATE = "the reserved concurrency's requests a second"
    SCALING_RATE = "the function's new environments in ten seconds"

    @property
    def reason(self) -> ThrottleReason:
        return _REASONS[self]


# The guide names no reason for the scaling rate; that of concurrency is unverified for it.
_REASONS: dict[Refusal, ThrottleReason] = {
    Refusal.ACCOUNT_CONCURRENCY: "ConcurrentInvocationLimitExceeded",
    Refusal.RESERVED_CONCURRENCY: "ReservedFunctionConcurrentInvocationLimitExceeded",
    Refusal.ACCOUNT_RATE: "FunctionInvocationRateLimitExceeded",
    Refusal.RESERVED_RATE: "ReservedFunctionInvocationRateLimitExceeded",
    Refusal.SCALING_RATE: "ConcurrentInvocationLimitExceeded",
}


WHOLE = 1.0 - 1e-9  # one, but for what adding up fractions loses


def refilled(left: float, limit: float, per_second: float, elapsed: float) -> float:
    """What an allowance has left after so many seconds.

    AWS says that its rates are refilled continuously and are not saved up; that a rate is a token bucket is inferred.
    """
    return min(limit, left + elapsed * per_second)


# What admission() answers: its place in _ADMISSIONS.
PROVISIONED, WARM, COLD, NO_RESERVED, NO_UNRESERVED, RESERVED_RATE, ACCOUNT_RATE, SCALING_RATE = range(8)
_ADMISSIONS: tuple[Start | Refusal, ...] = (
    Start.PROVISIONED,
    Start.WARM,
    Start.COLD,
    Refusal.RESERVED_CONCURRENCY,
    Refusal.ACCOUNT_CONCURRENCY,
    Refusal.RESERVED_RATE,
    Refusal.ACCOUNT_RATE,
    Refusal.SCALING_RATE,
)


def admission(
    provisioned: bool, room: int, reserved: bool, own_rate: bool, account_rate: bool, warm: bool, growth: bool
) -> int:
    """Where an execution runs, or the rule that has no place for it.

    provisioned: an environment of that kind is free. room: places that are left on demand. reserved: whether they are
    the function's own. own_rate, account_rate, growth: whether these allowances have one left.
    """
    if not provisioned and room <= 0:
        return NO_RESERVED if reserved else NO_UNRESERVED
    if reserved and not own_rate:
        return RESERVED_RATE
    if not account_rate:
        return ACCOUNT_RATE
    if provisioned:
        return PROVISIONED
    if warm:
        return WARM
    return COLD if growth else SCALING_RATE


class Allowance:
    """So many in a span of seconds, refilled continuously and never above that many."""

    __slots__ = ("_at", "_left", "_limit", "_per_second")

    def __init__(self, limit: float, seconds: float) -> None:
        self._limit = float(limit)
        self._per_second = limit / seconds
        self._left = self._limit
        self._at = 0.0

    def available(self, now: float) -> bool:
        """Whether one is left at this time."""
        if now > self._at:
            self._left = refilled(self._left, self._limit, self._per_second, now - self._at)
            self._at = now
        return self._left >= WHOLE

    def take(self) -> None:
        """Use one that available() has just found."""
        self._left -= 1.0


@dataclass(slots=True, eq=False)
class AccountConcurrency:
    """One account in one region.

    running: all executions. on_demand: those on unreserved concurrency. committed: what settings take from the others,
    reserved concurrency and the provisioned concurrency of functions without any. held: the same with what is
    allocated in place of what is requested, so that a function keeps working while its environments are prepared
    (inferred).
    """

    limit: int = ACCOUNT_LIMIT
    running: int = 0
    on_demand: int = 0
    committed: int = 0
    held: int = 0
    requests: Allowance = field(init=False)

    def __post_init__(self) -> None:
        self.requests = _requests(self.limit)

    @property
    def unreserved(self) -> int:
        """UnreservedConcurrentExecutions, as GetAccountSettings answers it."""
        return self.limit - self.committed


class FunctionConcurrency:
    """One function with all its versions.

    running: all its executions. on_demand: those outside provisioned concurrency. requested, allocated: provisioned
    concurrency, summed over its versions and aliases.
    """

    __slots__ = ("account", "allocated", "growth", "on_demand", "requested", "requests", "reserved", "running")

    def __init__(self, account: AccountConcurrency) -> None:
        self.account = account
        self.reserved: int | None = None
        self.running = 0
        self.on_demand = 0
        self.requested = 0
        self.allocated = 0
        self.requests = _requests(0)
        self.growth = Allowance(SCALING_STEP, SCALING_SECONDS)

    # ---- the hot path

    def admit(
        self, now: float, *, warm: bool, provisioned: ProvisionedConcurrency | None = None, synchronous: bool = True
    ) -> Start | Refusal:
        """Take a place for one execution, or say which rule has none.

        warm: an idle on-demand environment of the version exists. provisioned: the version's own. synchronous: only
        such requests count in the rates (Lambda guide, quotas).
        """
        account = self.account
        reserved = self.reserved
        start = _ADMISSIONS[
            admission(
                provisioned is not None
                and provisioned.running < provisioned.allocated
                and (not synchronous or provisioned.requests.available(now)),
                account.limit - account.held - account.on_demand
                if reserved is None
                else reserved - self.allocated - self.on_demand,
                reserved is not None,
                not synchronous or reserved is None or self.requests.available(now),
                not synchronous or account.requests.available(now),
                warm,
                warm or self.growth.available(now),
            )
        ]
        if isinstance(start, Refusal):
            return start
        if synchronous:
            account.requests.take()
            if reserved is not None:
                self.requests.take()
        self.running += 1
        account.running += 1
        if provisioned is not None and start is Start.PROVISIONED:
            provisioned.running += 1
            if synchronous:
                provisioned.requests.take()
            return start
        self.on_demand += 1
        if reserved is None:
            account.on_demand += 1
        if start is Start.COLD:
            self.growth.take()
        return start

    def done(self, start: Start, provisioned: ProvisionedConcurrency | None = None) -> None:
        """Give the place of one execution back; ``provisioned`` as it was admitted with."""
        if start is Start.PROVISIONED:
            if provisioned is None or provisioned.running == 0:
                raise ValueError("done() without an execution on this provisioned concurrency")
            provisioned.running -= 1
        else:
            if self.on_demand == 0:
                raise ValueError("done() without an admitted execution")
            self.on_demand -= 1
            if self.reserved is None:
                self.account.on_demand -= 1
        self.running -= 1
        self.account.running -= 1

    # ---- settings

    def reserve(self, executions: int | None) -> None:
        """Set reserved concurrency, or with None remove it. What runs goes on, above a new limit too."""
        self._share(-1)
        self.reserved = executions
        self.requests = _requests(executions or 0)
        self._share(1)

    @property
    def reservable(self) -> int:
        """The account's unreserved concurrency if this function took nothing of it away."""
        return self.account.unreserved + (self.requested if self.reserved is None else self.reserved)

    def provision(self, requested: int, allocated: int) -> None:
        """Change the sums over all its provisioned concurrency by so much."""
        self._share(-1)
        self.requested += requested
        self.allocated += allocated
        self._share(1)

    def _share(self, sign: int) -> None:
        """Count with the account (1), or no more (-1), what depends on whether concurrency is reserved."""
        account = self.account
        if self.reserved is None:
            account.on_demand += sign * self.on_demand
            account.committed += sign * self.requested
            account.held += sign * self.allocated
        else:
            account.committed += sign * self.reserved
            account.held += sign * self.reserved


class ProvisionedConcurrency:
    """The provisioned environments of one version. None of them serves before all that were asked for are allocated.

    running: executions on them. allocated: how many serve.
    """

    __slots__ = ("allocated", "function", "requested", "requests", "running")

    def __init__(self, function: FunctionConcurrency, requested: int) -> None:
        self.function = function
        self.requested = self.allocated = self.running = 0
        self.requests = _requests(0)
        self.request(requested)

    def request(self, executions: int) -> None:
        """Ask for so many; fewer than are allocated take effect at once."""
        self.function.provision(executions - self.requested, 0)
        self.requested = executions
        if executions < self.allocated:
            self.allocate(executions)

    def supersede(self) -> None:
        """Ask for none any more; what is allocated goes on serving until it is given back."""
        self.function.provision(-self.requested, 0)
        self.requested = 0

    def allocate(self, executions: int) -> None:
        """So many serve from now on."""
        self.function.provision(0, executions - self.allocated)
        self.allocated = executions
        self.requests = _requests(executions)

    def allocation_seconds(self, preparation: float = PREPARATION_SECONDS) -> float:
        """How long it takes until all that are asked for serve."""
        return preparation + max(0, self.requested - self.allocated) / PROVISIONING_RATE

    @property
    def utilization(self) -> float | None:
        """ProvisionedConcurrencyUtilization: the part of them that runs, 0 to 1; None where none serves."""
        return self.running / self.allocated if self.allocated else None


def _requests(concurrency: int) -> Allowance:
    return Allowance(concurrency * REQUESTS_PER_CONCURRENCY, 1.0)
