"""What the pytest plugin gives to a test: a local AWS, deployed stacks, its clock, and load with assertions.

``assert_allowed`` and ``assert_denied`` are functions, which need neither the plugin nor a local AWS.
"""

from harness.testing.access import assert_allowed, assert_denied, policies_of

__all__ = ["assert_allowed", "assert_denied", "policies_of"]
