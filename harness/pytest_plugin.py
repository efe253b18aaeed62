"""The pytest plugin: fixtures for tests of one's own stack. It costs nothing until a fixture of it is asked for.

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
    from harness.testing.stacks import DeployedStack, Deployments, Endpoint, Function

MARKER = (
    "stack(file, *, instances='twin', answer=None): the stack file that the test's fixtures deploy, relative to the "
    "test's own file or to pytest's rootdir. instances: what stands in for an ML instance, 'process' for the real "
    "model server. answer: what a twin answers, anything that JSON has."
)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", MARKER)


@pytest.fixture(scope="session")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aws]:
    """A local AWS on a free port for the whole session, each xdist worker's its own.

    boto3 clients made without an endpoint go to it too, for the environment names it while it is up.
    """
    from harness.testing.aws import local_aws

    with local_aws(tmp_path_factory.mktemp("local-aws") / "state") as running:
        yield running


@pytest.fixture(scope="session")
def _deployments(aws: Aws) -> Deployments:
    from harness.testing.stacks import Deployments

    return Deployments(aws)


@pytest.fixture
def deployed_stack(request: pytest.FixtureRequest, _deployments: Deployments) -> DeployedStack:
    """The stack that the marker ``stack`` names, deployed once a session; twins stand in for its instances."""
    from harness.core.errors import HarnessError

    marker = request.node.get_closest_marker("stack")
    if marker is None or len(marker.args) != 1:
        raise pytest.UsageError(
            f"{request.node.nodeid} deploys a stack and does not say which: give it @pytest.mark.stack('stack.toml')."
        )
    try:
        return _deployments.get(_stack_file(request, marker.args[0]), **marker.kwargs)
    except HarnessError as error:
        pytest.fail(str(error), pytrace=False)


@pytest.fixture
def endpoint(deployed_stack: DeployedStack) -> Endpoint:
    """The deployed stack's endpoint: ``endpoint.invoke(body, content_type)``."""
    return deployed_stack.endpoint


@pytest.fixture
def function(deployed_stack: DeployedStack) -> Function:
    """The deployed stack's function: ``function.invoke(event)``."""
    return deployed_stack.function


@pytest.fixture
def clock(aws: Aws) -> Iterator[HarnessClock]:
    """The local AWS's clock: ``clock.advance(seconds)``, ``clock.speed = 10``. It runs at its own speed again after."""
    before = aws.clock.speed
    yield aws.clock
    aws.clock.speed = before


@pytest.fixture
def load(deployed_stack: DeployedStack, tmp_path: Path) -> Load:
    """Loads the deployed stack: ``load(rate=20, seconds=10).assert_within(p95=0.2, errors=0.01)``."""
    from harness.testing.load import Load

    return Load(deployed_stack, tmp_path / "runs")


def _stack_file(request: pytest.FixtureRequest, given: Any) -> Path:
    file = Path(given)
    beside = request.node.path.parent / file
    return beside if file.is_absolute() or beside.exists() else request.config.rootpath / file
