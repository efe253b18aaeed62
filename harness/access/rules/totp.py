"""The codes of MFA devices: TOTP (RFC 6238) with AWS's settings: HMAC-SHA1, 30 seconds, six digits."""

from __future__ import annotations

import hmac
from collections.abc import Iterator

STEP_SECONDS = 30
_DIGITS = 6
SKEW_STEPS = 1
"""How many steps a device's clock may be off: RFC 6238, section 5.2, recommends one. AWS's figure is not published."""


def code_at(seed: bytes, step: int) -> str:
    """The code of a time step (RFC 4226, section 5.3)."""
    digest = hmac.digest(seed, step.to_bytes(8, "big"), "sha1")
    offset = digest[-1] & 0x0F
    number = int.from_bytes(digest[offset : offset + 4], "big") & 0x7FFFFFFF
    return f"{number % 10**_DIGITS:0{_DIGITS}d}"


def step_of(now: float) -> int:
    """The time step at a time in seconds since 1970."""
    return int(now // STEP_SECONDS)


def find_step(seed: bytes, code: str, now: float, after: int, skew: int = SKEW_STEPS) -> int | None:
    """The time step whose code this is; None if it is no code of now.

    after: the step of the last code that was accepted: a code is good once.
    """
    return next((step for step in _steps(now, after, skew) if hmac.compare_digest(code_at(seed, step), code)), None)


def find_step_of_two(seed: bytes, codes: tuple[str, str], now: float, after: int, skew: int) -> int | None:
    """The time step of the second of two codes of one step after the other; None if they are none."""
    first, second = codes
    for step in _steps(now, after, skew):
        if hmac.compare_digest(code_at(seed, step), first) and hmac.compare_digest(code_at(seed, step + 1), second):
            return step + 1
    return None


def _steps(now: float, after: int, skew: int) -> Iterator[int]:
    present = step_of(now)
    return (step for step in range(present - skew, present + skew + 1) if step > after)
