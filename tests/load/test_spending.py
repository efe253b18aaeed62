"""A run on AWS says before it starts what it could cost, and stays within its caps."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.core.errors import HarnessError
from harness.core.prices import Prices, read_prices
from harness.load.spending import BilledFunction, Bound, Budget, Caps, bound, confirmation_code

PRICES = Prices()
FUNCTION = BilledFunction(memory_size=128, timeout=60)


def test_in_the_bound_each_invocation_lasts_as_long_as_the_timeout() -> None:
    estimate = bound(
        invocations=1000, endpoint_requests=500, seconds=1800, function=FUNCTION,
        instances=[("ml.m5.large", 2)], prices=PRICES,
    )  # fmt: skip
    assert estimate.requests == 1500
    requests = 1000 * (0.2e-6 + 0.125 * 60 * 0.0000166667)
    assert [dollars for _, dollars in estimate.lines] == pytest.approx([requests, 0.115])
    assert estimate.dollars == pytest.approx(requests + 0.115)


def test_provisioned_concurrency_is_billed_while_it_is_held() -> None:
    estimate = bound(
        invocations=0, endpoint_requests=0, seconds=3600, function=FUNCTION, instances=[], provisioned=4, prices=PRICES
    )
    ((description, dollars),) = estimate.lines
    assert description == "4 x 128 MB of provisioned concurrency for 3,600 s, used or not"
    assert dollars == pytest.approx(4 * 0.125 * 3600 * 0.0000041667)


def test_a_bound_above_a_cap_is_refused() -> None:
    estimate = Bound(100, [("x", 2.0)])
    estimate.check(Caps(100, 2.0))
    with pytest.raises(HarnessError, match=r"100 requests, more than its cap of 99: .*--max-requests"):
        estimate.check(Caps(99, 2.0))
    with pytest.raises(HarnessError, match=r"could cost \$2.00, more than its cap of \$1.99: .*--max-cost"):
        estimate.check(Caps(100, 1.99))


def test_invocations_without_a_function_have_no_price() -> None:
    with pytest.raises(HarnessError, match="has no function"):
        bound(invocations=1, endpoint_requests=0, seconds=1, function=None, instances=[], prices=PRICES)


@given(st.lists(st.tuples(st.booleans(), st.floats(0, 60)), max_size=60), st.integers(0, 40), st.floats(0, 0.004))
def test_a_budget_is_never_overspent(calls: list[tuple[bool, float]], requests: int, dollars: float) -> None:
    budget = Budget(Caps(requests, dollars), PRICES, FUNCTION, fixed=0.0)
    spent = 0.0
    for invocation, seconds in calls:
        if budget.take(invocation) is None and invocation:
            budget.settle(seconds)
            spent += PRICES.invocation(128, seconds)
    assert budget.requests <= requests
    assert spent <= dollars + 1e-12
    assert budget.dollars == pytest.approx(spent, abs=1e-9)


def test_a_budget_says_which_cap_is_reached() -> None:
    budget = Budget(Caps(1, 1.0), PRICES, FUNCTION, fixed=0.0)
    assert budget.take(False) is None
    assert budget.take(False) == "the cap of 1 requests is reached"
    assert Budget(Caps(9, 1.0), PRICES, FUNCTION, fixed=1.0).take(True) == "the cap of $1.00 is reached"


def test_a_confirmation_is_of_these_settings_alone() -> None:
    assert confirmation_code("a", 1) == confirmation_code("a", 1)
    assert confirmation_code("a", 1) != confirmation_code("a", 2)
    assert len(confirmation_code()) == 6


def test_prices_can_be_replaced_one_by_one(tmp_path: Path) -> None:
    file = tmp_path / "prices.toml"
    file.write_text('as_of = "2027-01-01"\nlambda_request = 1\n[instance_hour]\n"ml.x.large" = 9.5\n')
    prices = read_prices(file)
    assert (prices.as_of, prices.lambda_request, prices.instance("ml.x.large")) == ("2027-01-01", 1, 9.5)
    assert prices.instance("ml.m5.large") == 0.115


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("x", "cannot be read"),
        ("lambda = 1", "lambda is not a price; there are: as_of"),
        ('lambda_request = "a"', "lambda_request must be a float"),
    ],
)
def test_wrong_prices_are_refused_in_a_sentence(tmp_path: Path, text: str, sentence: str) -> None:
    file = tmp_path / "prices.toml"
    file.write_text(text)
    with pytest.raises(HarnessError, match=sentence):
        read_prices(file)


def test_an_instance_without_a_price_is_named() -> None:
    with pytest.raises(HarnessError, match=r"no price of ml.p5.48xlarge .* \[instance_hour\]"):
        PRICES.instance("ml.p5.48xlarge")
