"""AWS's prices on what a run used."""

from __future__ import annotations

import pytest

from harness.core.errors import HarnessError
from harness.core.prices import Prices
from harness.planner.cost import BilledUsage, cost

PRICES = Prices()


def test_instances_are_billed_for_the_seconds_they_were_in_service() -> None:
    bill = cost(BilledUsage(7200.0, {"ml.m5.large": 3 * 7200.0, "ml.m5.xlarge": 3600.0}), 128, PRICES)
    assert bill.instances == pytest.approx(3 * 0.115 + 0.5 * 0.23)
    assert bill.hour == pytest.approx(bill.instances)
    assert (bill.day, bill.month) == (pytest.approx(24 * bill.hour), pytest.approx(730 * bill.hour))


def test_the_function_is_billed_for_execution_init_and_requests() -> None:
    used = BilledUsage(3600.0, {}, function_requests=1_000_000, function_seconds=100_000.0, init_seconds=20_000.0)
    bill = cost(used, 512, PRICES)
    assert bill.function == pytest.approx(120_000 * 0.5 * 0.0000166667)
    assert bill.requests == pytest.approx(0.20)


def test_provisioned_concurrency_is_billed_for_being_held_and_cheaper_than_on_demand_when_used() -> None:
    bill = cost(BilledUsage(3600.0, {}, provisioned_seconds=1000.0, held_seconds=36_000.0), 1024, PRICES)
    assert bill.provisioned == pytest.approx(36_000 * 0.0000041667 + 1000 * 0.0000097222)
    assert bill.function == 0


def test_a_type_without_a_price_is_an_error() -> None:
    with pytest.raises(HarnessError, match=r"There is no price of ml\.x9\.large in the table of .*: give one"):
        cost(BilledUsage(3600.0, {"ml.x9.large": 1.0}), 128, PRICES)
