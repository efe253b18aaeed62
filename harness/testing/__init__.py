"""The parts of the pytest plugin: a local AWS, deployed stacks, its clock, load, and assertions on policies.

``assert_allowed`` and ``assert_denied`` are plain functions: they need neither the plugin nor a local AWS.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness.testing.access import assert_allowed, assert_denied, policies_of

__all__ = ["assert_allowed", "assert_denied", "policies_of"]


def __getattr__(name: str) -> Any:
    # Loaded only when asked for: the fixtures do not need the evaluation of policies.
    if name in __all__:
        from harness.testing import access

        return getattr(access, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
