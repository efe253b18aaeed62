"""What the pytest plugin gives to a test: a local AWS, deployed stacks, its clock, and load with assertions.

``assert_allowed`` and ``assert_denied`` are functions, which need neither the plugin nor a local AWS.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness.testing.access import assert_allowed, assert_denied, policies_of

__all__ = ["assert_allowed", "assert_denied", "policies_of"]


def __getattr__(name: str) -> Any:
    # The fixtures need nothing of IAM's evaluation: it is loaded for who asks for it.
    if name in __all__:
        from harness.testing import access

        return getattr(access, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
