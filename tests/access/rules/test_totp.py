"""The codes of MFA devices. The vectors are RFC 6238's (appendix B), of which AWS's codes are the last six digits."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.access.rules.totp import code_at, find_step, find_step_of_two, step_of

SEED = b"12345678901234567890"


@pytest.mark.parametrize(
    ("seconds", "code"),
    [
        (59, "287082"),
        (1111111109, "081804"),
        (1111111111, "050471"),
        (1234567890, "005924"),
        (2000000000, "279037"),
        (20000000000, "353130"),
    ],
)
def test_the_rfcs_vectors(seconds: int, code: str) -> None:
    assert code_at(SEED, step_of(seconds)) == code


@given(now=st.integers(10**6, 10**10), off=st.integers(-3, 3), seed=st.binary(min_size=32, max_size=64))
def test_a_code_is_good_for_one_step_before_and_after_its_own(now: int, off: int, seed: bytes) -> None:
    step = find_step(seed, code_at(seed, step_of(now) + off), now, after=-1)
    if abs(off) <= 1:
        assert step is not None
    else:  # two codes of six digits may be equal by chance
        assert step is None or code_at(seed, step) == code_at(seed, step_of(now) + off)


def test_a_code_is_good_once() -> None:
    step = find_step(SEED, code_at(SEED, 10), 300, after=-1)
    assert step == 10
    assert find_step(SEED, code_at(SEED, 10), 300, after=step) is None
    assert find_step(SEED, code_at(SEED, 11), 330, after=step) == 11


def test_two_codes_have_to_follow_each_other() -> None:
    codes = [code_at(SEED, step) for step in range(20)]
    assert find_step_of_two(SEED, (codes[9], codes[10]), 300, after=-1, skew=1) == 10
    assert find_step_of_two(SEED, (codes[10], codes[9]), 300, after=-1, skew=1) is None
    assert find_step_of_two(SEED, (codes[10], codes[10]), 300, after=-1, skew=1) is None
    assert find_step_of_two(SEED, (codes[2], codes[3]), 300, after=-1, skew=1) is None
