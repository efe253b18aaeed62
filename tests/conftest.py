"""Fixtures that several parts share: a local AWS of each worker's own, and boto3 clients of it."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.support import Aws, running_aws

# How long an example takes is the machine's business.
settings.register_profile("tests", deadline=None)
settings.load_profile("tests")


COVERAGE_VARIABLES = ("COVERAGE_PROCESS_START", "COVERAGE_PROCESS_CONFIG")
# None of harness/ runs in these tests' processes, or nothing of it that other tests do not run.
UNMEASURED_FOLDERS = tuple(str(Path(__file__).parent / name) + os.sep for name in ("model_server", "docs"))


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "unmeasured: without coverage, in this process and in those that it starts.")
    config.addinivalue_line("markers", "children_unmeasured: without coverage in the processes that it starts.")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if str(item.path).startswith(UNMEASURED_FOLDERS):
            item.add_marker(pytest.mark.unmeasured)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """The markers ``unmeasured`` and ``children_unmeasured``, for what computes long, or starts many processes, through
    lines that other tests cover: to trace a tight loop takes three to five times as long as to run it.

    Not pytest-cov's ``no_cover``, after which threads that go on (the session's local AWS) are never traced again.
    """
    whole = item.get_closest_marker("unmeasured") is not None
    if not whole and item.get_closest_marker("children_unmeasured") is None:
        return (yield)
    here, threads = sys.gettrace(), threading.gettrace()
    with pytest.MonkeyPatch.context() as patch:
        for name in COVERAGE_VARIABLES:
            patch.delenv(name, raising=False)
        if whole:
            sys.settrace(None)
            if "aws" not in getattr(item, "fixturenames", ()):  # which may start for all the session here
                threading.settrace(None)  # type: ignore[arg-type]
        try:
            return (yield)
        finally:
            threading.settrace(threads)  # type: ignore[arg-type]
            sys.settrace(here)


@pytest.fixture(scope="session", autouse=True)
def _no_foreign_aws() -> Iterator[None]:
    """No test reads the AWS configuration of whoever runs it."""
    patch = pytest.MonkeyPatch()
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        patch.delenv(name, raising=False)
    patch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    patch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
    patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    # moto keeps one account per process: whichever test brings it up first, it is a whole one.
    patch.setenv("MOTO_IAM_LOAD_MANAGED_POLICIES", "true")
    yield
    patch.undo()


@pytest.fixture(scope="session")
def aws() -> Iterator[Aws]:
    """A local AWS on a free port, shared by a worker's tests: each uses names of its own."""
    with running_aws() as one:
        yield one
