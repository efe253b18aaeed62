"""Limits on the number of concurrent executions and on how fast that number may grow.

Times are seconds on any clock that never runs backwards. The live service and the simulator share the rules refilled()
and admission(), which are plain arithmetic so that numba can compile them.

Facts: Lambda guide, lambda-concurrency and scaling-behavior; botocore, PutFunctionConcurrency and ThrottleReason.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Literal

ACCOUNT_LIMIT = 1_000  # concurrent executions of an account in a region (Lambda guide)
UNRESERVED_MINIMUM = 100  # of them that functions cannot reserve (botocore, PutFunctionConcurrency)
REQUESTS_PER_CONCURRENCY = 10  # requests a second for each unit of concurrency (Lambda guide, lambda-concurrency)
SCALING_STEP = 1_000  # environments that a function may gain ... (Lambda guide, scaling-behavior)
SCALING_SECONDS = 10.0  # ... in this many seconds; refilled continuously and never saved up
PREPARATION_SECONDS = 90.0  # before the first provisioned environment: "a minute or two" (Lambda guide)
IDLE_SECONDS = 600.0  # unverified: AWS does not publish when it ends an idle environment
PROVISIONING_RATE = 100.0  # provisioned environments a second: 6,000 a minute (Lambda guide, lambda-concurrency)

ThrottleReason = Literal[
    "ConcurrentInvocationLimitExceeded",
    "FunctionInvocationRateLimitExceeded",
    "ReservedFunctionConcurrentInvocationLimitExceeded",
    "ReservedFunctionInvocationRateLimitExceeded",
]


class Start(Enum):
    """The kind of environment in which an admitted execution runs."""

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


# The guide names no reason for the scaling rate. Using that of the concurrency limit is unverified.
_REASONS: dict[Refusal, ThrottleReason] = {
    Refusal.ACCOUNT_CONCURRENCY: "ConcurrentInvocationLimitExceeded",
    Refusal.RESERVED_CONCURRENCY: "ReservedFunctionConcurrentInvocationLimitExceeded",
    Refusal.ACCOUNT_RATE: "FunctionInvocationRateLimitExceeded",
    Refusal.RESERVED_RATE: "ReservedFunctionInvocationRateLimitExceeded",
    Refusal.SCALING_RATE: "ConcurrentInvocationLimitExceeded",
}


WHOLE = 1.0 - 1e-9  # one, less the rounding error of adding fractions


def refilled(left: float, limit: float, per_second: float, elapsed: float) -> float:
    """The content of an allowance after ``elapsed`` seconds of refilling.

    AWS says that its rates are refilled continuously and are not saved up. That a rate is a token bucket is inferred.
    """
    return min(limit, left + elapsed * per_second)


# The results of admission(): indexes of _ADMISSIONS.
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
    """Decide where an execution runs, or which rule throttles it.

    provisioned: whether a provisioned environment is free. room: number of further on-demand executions. reserved:
    whether that number comes from the function's reserved concurrency. own_rate, account_rate, growth: whether these
    allowances permit one more. warm: whether an on-demand environment is idle.
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
    """A token bucket: ``limit`` tokens per ``seconds``, refilled continuously and never above ``limit``."""

    __slots__ = ("_at", "_left", "_limit", "_per_second")

    def __init__(self, limit: float, seconds: float) -> None:
        self._limit = float(limit)
        self._per_second = limit / seconds
        self._left = self._limit
        self._at = 0.0

    def available(self, now: float) -> bool:
        """Whether a token is left at this time."""
        if now > self._at:
            self._left = refilled(self._left, self._limit, self._per_second, now - self._at)
            self._at = now
        return self._left >= WHOLE

    def take(self) -> None:
        """Take a token. Call available() first."""
        self._left -= 1.0


@dataclass(slots=True, eq=False)
class AccountConcurrency:
    """The concurrency of one account in one region.

    running: all executions. on_demand: executions on unreserved concurrency. committed: concurrency that settings take
    from the other functions: reserved concurrency, and the provisioned concurrency requested for functions that reserve
    none. held: the same, but with allocated instead of requested provisioned concurrency, so that a function keeps
    working while its environments are prepared (inferred).
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
        """UnreservedConcurrentExecutions in the answer of GetAccountSettings."""
        return self.limit - self.committed


class FunctionConcurrency:
    """The concurrency of one function, all versions included.

    running: all its executions. on_demand: executions outside provisioned concurrency. requested, allocated:
    provisioned concurrency, summed over its versions and aliases.
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
        """Admit one execution and count it, or return the rule that throttles it.

        warm: whether an idle on-demand environment of the version exists. provisioned: the version's provisioned
        concurrency. synchronous: only synchronous requests count towards the request rates (Lambda guide, quotas).
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
        """Count one execution as ended. provisioned: the same object as at admit()."""
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
        """Set reserved concurrency, or remove it with None. Running executions go on, even above a new limit."""
        self._share(-1)
        self.reserved = executions
        self.requests = _requests(executions or 0)
        self._share(1)

    @property
    def reservable(self) -> int:
        """The unreserved concurrency that the account would have without this function's settings."""
        return self.account.unreserved + (self.requested if self.reserved is None else self.reserved)

    def provision(self, requested: int, allocated: int) -> None:
        """Add to the sums over all its provisioned concurrency."""
        self._share(-1)
        self.requested += requested
        self.allocated += allocated
        self._share(1)

    def _share(self, sign: int) -> None:
        """Add to the account (1) or subtract from it (-1) all counts that depend on whether concurrency is reserved."""
        account = self.account
        if self.reserved is None:
            account.on_demand += sign * self.on_demand
            account.committed += sign * self.requested
            account.held += sign * self.allocated
        else:
            account.committed += sign * self.reserved
            account.held += sign * self.reserved


class ProvisionedConcurrency:
    """The provisioned environments of one version. None of them serves before all requested ones are allocated.

    running: executions on them. allocated: number of environments that serve.
    """

    __slots__ = ("allocated", "function", "requested", "requests", "running")

    def __init__(self, function: FunctionConcurrency, requested: int) -> None:
        self.function = function
        self.requested = self.allocated = self.running = 0
        self.requests = _requests(0)
        self.request(requested)

    def request(self, executions: int) -> None:
        """Set the requested number. A number below the allocated one takes effect at once."""
        self.function.provision(executions - self.requested, 0)
        self.requested = executions
        if executions < self.allocated:
            self.allocate(executions)

    def supersede(self) -> None:
        """Set the requested number to none. The allocated environments serve until allocate(0)."""
        self.function.provision(-self.requested, 0)
        self.requested = 0

    def allocate(self, executions: int) -> None:
        """Set the number of environments that serve."""
        self.function.provision(0, executions - self.allocated)
        self.allocated = executions
        self.requests = _requests(executions)

    def allocation_seconds(self, preparation: float = PREPARATION_SECONDS) -> float:
        """Seconds until all requested environments serve."""
        return preparation + max(0, self.requested - self.allocated) / PROVISIONING_RATE

    @property
    def utilization(self) -> float | None:
        """ProvisionedConcurrencyUtilization: the share of them that is busy, 0 to 1; None if no environment serves."""
        return self.running / self.allocated if self.allocated else None


def _requests(concurrency: int) -> Allowance:
    return Allowance(concurrency * REQUESTS_PER_CONCURRENCY, 1.0)
