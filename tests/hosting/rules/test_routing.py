"""Variants by weight, instances by strategy (botocore, ProductionVariant)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.hosting.rules.routing import choose_by_weight, choose_instance, copies, traffic_share

draws = st.floats(0, 1, exclude_max=True)


@given(st.lists(st.floats(0, 100), min_size=1, max_size=6), draws)
def test_a_variant_of_weight_zero_gets_nothing_unless_all_are_zero(weights: list[float], draw: float) -> None:
    chosen = choose_by_weight(weights, draw)
    assert weights[chosen] > 0 or not any(weights)


def test_a_variants_share_is_its_weight_over_the_sum() -> None:
    picks = [choose_by_weight([1, 3, 0], step / 1000) for step in range(1000)]
    assert [picks.count(index) for index in range(3)] == [250, 750, 0]
    assert [traffic_share(weight, [1, 3, 0]) for weight in (1, 3, 0)] == [0.25, 0.75, 0]


def test_variants_whose_weights_are_all_zero_share_equally() -> None:
    picks = [choose_by_weight([0, 0], step / 100) for step in range(100)]
    assert (picks.count(0), picks.count(1)) == (50, 50)
    assert traffic_share(0, [0, 0]) == 0.5


@given(st.lists(st.integers(0, 5), min_size=1, max_size=6), draws)
def test_least_outstanding_requests_takes_one_of_the_least_loaded(outstanding: list[int], draw: float) -> None:
    chosen = choose_instance(outstanding, "LEAST_OUTSTANDING_REQUESTS", draw)
    assert outstanding[chosen] == min(outstanding)


def test_random_takes_all_instances_equally_whatever_their_load() -> None:
    picks = [choose_instance([9, 0], "RANDOM", step / 100) for step in range(100)]
    assert (picks.count(0), picks.count(1)) == (50, 50)


def test_ties_are_shared() -> None:
    picks = [choose_instance([1, 0, 0], "LEAST_OUTSTANDING_REQUESTS", step / 100) for step in range(100)]
    assert (picks.count(1), picks.count(2)) == (50, 50)


def test_nothing_to_choose_from() -> None:
    with pytest.raises(ValueError, match="nothing to choose"):
        choose_by_weight([], 0.5)
    with pytest.raises(ValueError, match="no instance"):
        choose_instance([], "RANDOM", 0.5)


@pytest.mark.parametrize(
    ("shadow", "production", "share"), [(1, 1, 1), (1, 2, 0.5), (0, 1, 0), (3, 1, 1), (1, 0, 1), (0, 0, 0)]
)
def test_a_shadows_share_is_its_weight_over_the_variants(shadow: float, production: float, share: float) -> None:
    copied = [copies(shadow, production, step / 100) for step in range(100)]
    assert copied.count(True) == share * 100
