"""Fixtures that several parts share: a local AWS of each worker's own, and boto3 clients of it."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from hypothesis import settings

from tests.support import Aws, running_aws

# How long an example takes is the machine's business.
settings.register_profile("tests", deadline=None)
settings.load_profile("tests")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "torch: needs PyTorch and the model server's other packages (the extra `model`)."
    )
    config.addinivalue_line("markers", "unmeasured: without coverage in the processes that it starts.")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """``-m torch`` imports only the files that have the marker: importing all of them takes longer than some tests."""
    if config.getoption("markexpr") != "torch" or collection_path.suffix != ".py":
        return None
    return None if "mark.torch" in collection_path.read_text(encoding="utf-8") else True


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    # The containers' suite takes in tests of this one, and is never run by the marker.
    suite = [item for item in items if "compose" not in item.path.parts]
    marked = {item.path for item in suite if item.get_closest_marker("torch") is not None}
    unseen = [path for path in marked if "mark.torch" not in path.read_text(encoding="utf-8")]
    assert not unseen, f"-m torch would not find the marker in {unseen}: write pytest.mark.torch in the file itself"
    if find_spec("torch") is None:
        skip = pytest.mark.skip(reason="PyTorch is not installed for this Python: make test-torch runs it with another")
        for item in items:
            if item.get_closest_marker("torch") is not None:
                item.add_marker(skip)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """The marker ``unmeasured``: for tests that start many processes through lines that other tests cover, since each
    measured process takes a fifth of a second longer to start."""
    if item.get_closest_marker("unmeasured") is None:
        return (yield)
    with pytest.MonkeyPatch.context() as patch:
        for name in ("COVERAGE_PROCESS_START", "COVERAGE_PROCESS_CONFIG"):
            patch.delenv(name, raising=False)
        return (yield)


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
