"""Figures in tests are written with plain spaces."""

from __future__ import annotations

from harness.core.figures import NARROW


def plain(words: object) -> str:
    """The text with a plain space wherever a narrow one stands between a number and its unit."""
    return str(words).replace(NARROW, " ")
