"""The end-to-end suite of the embedded mode, with nothing but the endpoint changed."""

from tests.end_to_end.test_stack import *  # noqa: F403
