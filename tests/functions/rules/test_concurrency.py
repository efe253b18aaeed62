"""The rules of Lambda's concurrency: one test for each documented fact.

Sources: Lambda guide, lambda-concurrency; botocore.
"""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from harness.functions.rules import concurrency
from harness.functions.rules.concurrency import (
    AccountConcurrency,
    Allowance,
    FunctionConcurrency,
    ProvisionedConcurrency,
    Refusal,
    Start,
)


def admit(
    function: FunctionConcurrency, times: int, provisioned: ProvisionedConcurrency | None = None, now: float = 0.0
) -> Counter[Start | Refusal]:
    """The answers to cold requests that all arrive at the same time."""
    return Counter(function.admit(now, warm=False, provisioned=provisioned) for _ in range(times))


def test_an_account_runs_1000_executions_at_once_in_a_region() -> None:
    function = FunctionConcurrency(AccountConcurrency())
    assert admit(function, 1_001) == {Start.COLD: 1_000, Refusal.ACCOUNT_CONCURRENCY: 1}
    assert Refusal.ACCOUNT_CONCURRENCY.reason == "ConcurrentInvocationLimitExceeded"
    function.done(Start.COLD)
    assert function.admit(0, warm=True) is Start.WARM


def test_reserved_concurrency_is_a_cap() -> None:
    function = FunctionConcurrency(AccountConcurrency())
    function.reserve(3)
    assert admit(function, 5) == {Start.COLD: 3, Refusal.RESERVED_CONCURRENCY: 2}
    assert Refusal.RESERVED_CONCURRENCY.reason == "ReservedFunctionConcurrentInvocationLimitExceeded"


def test_reserved_concurrency_is_a_guarantee() -> None:
    account = AccountConcurrency()
    mine, other = FunctionConcurrency(account), FunctionConcurrency(account)
    mine.reserve(100)
    assert admit(other, 1_000) == {Start.COLD: 900, Refusal.ACCOUNT_CONCURRENCY: 100}
    assert admit(mine, 100) == {Start.COLD: 100}


def test_reserving_zero_stops_the_function() -> None:
    function = FunctionConcurrency(AccountConcurrency())
    function.reserve(0)
    assert admit(function, 1) == {Refusal.RESERVED_CONCURRENCY: 1}
    function.reserve(None)
    assert admit(function, 1) == {Start.COLD: 1}


def test_at_least_100_stay_unreserved() -> None:
    account = AccountConcurrency()
    first, second = FunctionConcurrency(account), FunctionConcurrency(account)
    first.reserve(600)
    assert account.unreserved == second.reservable == 400
    assert first.reservable == 1_000
    assert second.reservable - 301 < concurrency.UNRESERVED_MINIMUM


def test_provisioned_environments_serve_only_when_all_are_allocated() -> None:
    function = FunctionConcurrency(AccountConcurrency())
    provisioned = ProvisionedConcurrency(function, 5_000)
    # A minute or two of preparation, and 6,000 environments a minute.
    assert provisioned.allocation_seconds() == concurrency.PREPARATION_SECONDS + 50
    assert admit(function, 1, provisioned) == {Start.COLD: 1}
    provisioned.allocate(5_000)
    assert admit(function, 1, provisioned) == {Start.PROVISIONED: 1}


def test_requests_beyond_provisioned_concurrency_spill_over_to_on_demand() -> None:
    function = FunctionConcurrency(AccountConcurrency())
    provisioned = ProvisionedConcurrency(function, 2)
    provisioned.allocate(2)
    assert admit(function, 5, provisioned) == {Start.PROVISIONED: 2, Start.COLD: 3}
    assert provisioned.utilization == 1.0
    function.done(Start.PROVISIONED, provisioned)
    assert provisioned.utilization == 0.5
    assert admit(function, 1, provisioned) == {Start.PROVISIONED: 1}


def test_provisioned_concurrency_counts_inside_reserved() -> None:
    # The write-up's reserved 3 and provisioned 1: four callers at once.
    function = FunctionConcurrency(AccountConcurrency())
    function.reserve(3)
    provisioned = ProvisionedConcurrency(function, 1)
    provisioned.allocate(1)
    assert admit(function, 4, provisioned) == {Start.PROVISIONED: 1, Start.COLD: 2, Refusal.RESERVED_CONCURRENCY: 1}


def test_provisioned_concurrency_that_adds_up_to_reserved_throttles_the_unpublished_version() -> None:
    function = FunctionConcurrency(AccountConcurrency())
    function.reserve(2)
    provisioned = ProvisionedConcurrency(function, 2)
    provisioned.allocate(2)
    assert admit(function, 1) == {Refusal.RESERVED_CONCURRENCY: 1}
    assert admit(function, 1, provisioned) == {Start.PROVISIONED: 1}


def test_provisioned_concurrency_is_not_available_to_other_functions() -> None:
    account = AccountConcurrency()
    mine, other = FunctionConcurrency(account), FunctionConcurrency(account)
    ProvisionedConcurrency(mine, 400).allocate(400)
    assert account.unreserved == 600
    assert admit(other, 1_000) == {Start.COLD: 600, Refusal.ACCOUNT_CONCURRENCY: 400}


def test_a_function_gains_1000_environments_in_10_seconds() -> None:
    function = FunctionConcurrency(AccountConcurrency(limit=10_000))
    assert admit(function, 1_500) == {Start.COLD: 1_000, Refusal.SCALING_RATE: 500}
    assert function.admit(0, warm=True) is Start.WARM
    # Refilled continuously, and never saved up.
    assert admit(function, 200, now=1) == {Start.COLD: 100, Refusal.SCALING_RATE: 100}
    assert admit(function, 2_000, now=100) == {Start.COLD: 1_000, Refusal.SCALING_RATE: 1_000}


def test_the_scaling_rate_is_each_functions_own() -> None:
    account = AccountConcurrency(limit=10_000)
    for _ in range(2):
        assert admit(FunctionConcurrency(account), 1_000) == {Start.COLD: 1_000}


def short_requests(
    function: FunctionConcurrency, times: int, provisioned: ProvisionedConcurrency | None = None, **options: bool
) -> Counter[Start | Refusal]:
    """The answers to requests of no duration, one after the other at the same time."""
    answers: Counter[Start | Refusal] = Counter()
    for _ in range(times):
        answer = function.admit(0, warm=True, provisioned=provisioned, **options)
        answers[answer] += 1
        if isinstance(answer, Start):
            function.done(answer, provisioned)
    return answers


def test_an_account_takes_ten_requests_a_second_for_each_unit_of_concurrency() -> None:
    function = FunctionConcurrency(AccountConcurrency())
    assert short_requests(function, 10_001) == {Start.WARM: 10_000, Refusal.ACCOUNT_RATE: 1}
    assert Refusal.ACCOUNT_RATE.reason == "FunctionInvocationRateLimitExceeded"
    assert function.admit(0.1, warm=True) is Start.WARM


def test_reserved_concurrency_has_its_own_request_rate() -> None:
    function = FunctionConcurrency(AccountConcurrency())
    function.reserve(2)
    assert short_requests(function, 21) == {Start.WARM: 20, Refusal.RESERVED_RATE: 1}
    assert Refusal.RESERVED_RATE.reason == "ReservedFunctionInvocationRateLimitExceeded"


def test_ten_provisioned_spill_over_after_100_requests_a_second() -> None:
    # The guide's own example.
    function = FunctionConcurrency(AccountConcurrency())
    provisioned = ProvisionedConcurrency(function, 10)
    provisioned.allocate(10)
    assert short_requests(function, 101, provisioned) == {Start.PROVISIONED: 100, Start.WARM: 1}


def test_asynchronous_requests_have_no_rate() -> None:
    # Lambda guide, quotas: only concurrency limits them.
    function = FunctionConcurrency(AccountConcurrency())
    function.reserve(1)
    assert short_requests(function, 100, synchronous=False) == {Start.WARM: 100}


def test_running_executions_continue_when_settings_change() -> None:
    account = AccountConcurrency(limit=200)
    function = FunctionConcurrency(account)
    provisioned = ProvisionedConcurrency(function, 5)
    provisioned.allocate(5)
    starts = [function.admit(0, warm=False, provisioned=provisioned) for _ in range(10)]
    function.reserve(20)
    assert account.on_demand == 0
    provisioned.request(1)
    function.reserve(None)
    assert (account.on_demand, account.running, account.unreserved) == (5, 10, 199)
    for start in starts:
        assert isinstance(start, Start)
        function.done(start, provisioned)
    assert (account.on_demand, account.running, function.running, provisioned.running) == (0, 0, 0, 0)


def test_only_an_admitted_execution_can_end() -> None:
    function = FunctionConcurrency(AccountConcurrency())
    with pytest.raises(ValueError, match="without an admitted execution"):
        function.done(Start.COLD)
    with pytest.raises(ValueError, match="without an execution on this provisioned"):
        function.done(Start.PROVISIONED, ProvisionedConcurrency(function, 1))


@given(st.lists(st.floats(0, 5), min_size=1, max_size=60), st.integers(1, 20), st.floats(0.5, 10))
def test_an_allowance_never_gives_more_than_its_limit_and_its_rate(
    pauses: list[float], limit: int, seconds: float
) -> None:
    allowance, now, taken = Allowance(limit, seconds), 0.0, 0
    for pause in pauses:
        now += pause
        while allowance.available(now):
            allowance.take()
            taken += 1
        assert taken <= limit + now * limit / seconds + 1e-6


class AnyTraffic(RuleBasedStateMachine):
    """Any requests and settings: limits hold for admitted executions, and each one is counted exactly once."""

    def __init__(self) -> None:
        super().__init__()
        self.account = AccountConcurrency(limit=110)
        self.functions = [FunctionConcurrency(self.account) for _ in range(3)]
        self.provisioned = [ProvisionedConcurrency(function, 0) for function in self.functions]
        self.running: list[tuple[int, Start]] = []
        self.now = 0.0

    @rule(index=st.integers(0, 2), warm=st.booleans(), pause=st.floats(0, 1))
    def ask(self, index: int, warm: bool, pause: float) -> None:
        self.now += pause
        function, provisioned = self.functions[index], self.provisioned[index]
        room = self.account.limit - self.account.held - self.account.on_demand
        answer = function.admit(self.now, warm=warm, provisioned=provisioned)
        if isinstance(answer, Refusal):
            return
        self.running.append((index, answer))
        if answer is not Start.PROVISIONED:
            assert function.reserved is not None or room > 0
            assert function.reserved is None or function.on_demand <= function.reserved - function.allocated
            assert (answer is Start.WARM) == warm
        else:
            assert provisioned.running <= provisioned.allocated

    @precondition(lambda self: self.running)
    @rule(data=st.data())
    def end(self, data: st.DataObject) -> None:
        index, start = self.running.pop(data.draw(st.integers(0, len(self.running) - 1)))
        self.functions[index].done(start, self.provisioned[index])

    @rule(index=st.integers(0, 2), executions=st.none() | st.integers(0, 5))
    def reserve(self, index: int, executions: int | None) -> None:
        self.functions[index].reserve(executions)

    @rule(index=st.integers(0, 2), executions=st.integers(0, 5), allocate=st.booleans())
    def provision(self, index: int, executions: int, allocate: bool) -> None:
        self.provisioned[index].request(executions)
        if allocate:
            self.provisioned[index].allocate(executions)

    @invariant()
    def counts_add_up(self) -> None:
        assert self.account.running == len(self.running)
        unreserved = [function for function in self.functions if function.reserved is None]
        reserved = sum(function.reserved or 0 for function in self.functions)
        assert self.account.on_demand == sum(function.on_demand for function in unreserved)
        assert self.account.committed == reserved + sum(function.requested for function in unreserved)
        assert self.account.held == reserved + sum(function.allocated for function in unreserved)


TestAnyTraffic = AnyTraffic.TestCase
