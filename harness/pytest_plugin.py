"""The pytest plugin: fixtures for tests of your own stack. It costs nothing until a test asks for a fixture.

@pytest.mark.stack("stack.toml")
def test_it_answers(function, clock, load):
    assert function.invoke({"url": "https://..."}).payload["statusCode"] == 200
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from harness.testing.aws import Aws
    from harness.testing.clock import HarnessClock
    from harness.testing.load import Load
    from harness.testing.stacks import EndpointUnderTest, FunctionUnderTest, StackDeployer, StackUnderTest

MARKER = (
    "stack(file, *, instances='twin', answer=None): the stack file that the test's fixtures deploy, relative to the "
    "test's own file or to pytest's rootdir. instances: what runs in place of an ML instance, 'process' for the real "
    "model server. answer: what a twin answers, any JSON value."
)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", MARKER)


@pytest.fixture(scope="session")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aws]:
    """A local AWS on a free port for the whole session; each xdist worker has its own.

    boto3 clients made without an endpoint go to it too, because the environment names it while it is up.
    """
    from harness.testing.aws import local_aws

    with local_aws(tmp_path_factory.mktemp("local-aws") / "state") as running:
        yield running


@pytest.fixture
def empty_aws(aws: Aws, _stack_deployer: StackDeployer) -> Iterator[Aws]:
    """The local AWS, empty at the beginning of the test and at its end. What other tests deployed is deployed again."""

    def reset() -> None:
        aws.reset()
        _stack_deployer.forget()

    reset()
    yield aws
    reset()


@pytest.fixture(scope="session")
def _stack_deployer(aws: Aws) -> StackDeployer:
    from harness.testing.stacks import StackDeployer

    return StackDeployer(aws)


@pytest.fixture
def deployed_stack(request: pytest.FixtureRequest, _stack_deployer: StackDeployer) -> StackUnderTest:
    """The stack that the marker ``stack`` names, deployed once a session, by default on twins."""
    from harness.core.errors import HarnessError

    marker = request.node.get_closest_marker("stack")
    if marker is None or len(marker.args) != 1:
        raise pytest.UsageError(
            f"{request.node.nodeid} deploys a stack and does not say which: give it @pytest.mark.stack('stack.toml')."
        )
    if not isinstance(marker.args[0], str | Path) or not marker.kwargs.keys() <= {"instances", "answer"}:
        raise pytest.UsageError(
            f"{request.node.nodeid}: the marker stack takes the stack file, and by name instances and answer; see "
            "`pytest --markers`."
        )
    try:
        return _stack_deployer.get(_stack_file(request, marker.args[0]), **marker.kwargs)
    except HarnessError as error:
        pytest.fail(str(error), pytrace=False)


@pytest.fixture
def endpoint(deployed_stack: StackUnderTest) -> EndpointUnderTest:
    """The deployed stack's endpoint: ``endpoint.invoke(body, content_type)``."""
    return deployed_stack.endpoint


@pytest.fixture
def function(deployed_stack: StackUnderTest) -> FunctionUnderTest:
    """The deployed stack's function: ``function.invoke(event)``."""
    return deployed_stack.function


@pytest.fixture
def clock(aws: Aws) -> Iterator[HarnessClock]:
    """The local AWS's clock: ``clock.advance(seconds)``, ``clock.speed = 10``. After the test it has its old speed."""
    before = aws.clock.speed
    yield aws.clock
    aws.clock.speed = before


@pytest.fixture
def load(deployed_stack: StackUnderTest, tmp_path: Path) -> Load:
    """Load on the deployed stack: ``load(rate=20, seconds=10).assert_within(p95=0.2, errors=0.01)``."""
    from harness.testing.load import Load

    return Load(deployed_stack, tmp_path / "runs")


def _stack_file(request: pytest.FixtureRequest, name: Any) -> Path:
    file = Path(name)
    beside = request.node.path.parent / file
    return beside if file.is_absolute() or beside.exists() else request.config.rootpath / file
