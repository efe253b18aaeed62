"""Imported before anything of locust in a test's own process: without its patching, which xdist does not survive."""

from __future__ import annotations

import pytest

with pytest.MonkeyPatch.context() as patch:
    patch.setenv("LOCUST_SKIP_MONKEY_PATCH", "1")
    import locust

__all__ = ["locust"]
