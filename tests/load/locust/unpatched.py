"""Imports locust into a test's own process without its patching, which xdist does not survive; import it first."""

from __future__ import annotations

import pytest

with pytest.MonkeyPatch.context() as patch:
    patch.setenv("LOCUST_SKIP_MONKEY_PATCH", "1")
    import locust

__all__ = ["locust"]
