"""The end-to-end suite of the embedded mode. Only the endpoint differs."""

from tests.end_to_end.test_stack import *  # noqa: F403
