"""Other users of the machine: every port and every file of a running local AWS is closed to them."""

from __future__ import annotations

import contextlib
import json
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest

from harness.local_aws.client import LocalAwsClient
from harness.local_aws.options import LocalAwsOptions
from model_server.peers import can_tell
from tests.other_user import answers_to_nobody, get, needs_root, open_to_nobody
from tests.robustness.small_stack import TwinStack, twin_stack
from tests.support import running_aws

pytestmark = [
    pytest.mark.unmeasured,
    needs_root,
    pytest.mark.skipif(not can_tell(), reason="only Linux says whose a connection is"),
]


@pytest.fixture(scope="module")
def stack() -> Iterator[TwinStack]:
    """In a folder that everybody can enter, which pytest's own are not."""
    with tempfile.TemporaryDirectory(prefix="harness-users-") as folder:
        Path(folder).chmod(0o755)
        with twin_stack(Path(folder)) as stack:
            assert stack.function.invoke().error is None
            yield stack


def listeners(processes: list[psutil.Process]) -> set[tuple[str, int]]:
    """Where the processes listen for TCP."""
    addresses = set()
    for process in processes:
        with contextlib.suppress(psutil.Error):
            for connection in process.net_connections("tcp"):
                if connection.status == psutil.CONN_LISTEN:
                    addresses.add((connection.laddr.ip, connection.laddr.port))
    return addresses


REQUESTS = [
    get("/"),
    get("/_harness/health"),
    get("/_harness/clock", "PUT", '{"speed": 2}'),
    get("/bucket/key", "PUT", "x"),
    get("/_lambda-url/x/"),
    get("/2018-06-01/runtime/invocation/next"),
    get("/2018-06-01/runtime/invocation/x/response", "POST", "{}"),
    get("/2018-06-01/runtime/init/error", "POST", "{}"),
    get("/ping"),
    get("/invocations", "POST", "{}"),
]


def test_every_port_refuses_every_request_with_a_sentence(stack: TwinStack) -> None:
    addresses = listeners(stack.processes())
    assert len(addresses) >= 3  # the gateway, a Runtime API, a twin
    attempts = [(host, port, request) for host, port in sorted(addresses) for request in REQUESTS]
    for attempt, answer in zip(attempts, answers_to_nobody(attempts), strict=True):
        assert answer.startswith("HTTP/1.1 403 "), (attempt, answer)
        assert "This port is for root (user id 0) only, and nobody (user id 65534) may not use it." in answer, attempt
    assert LocalAwsClient(stack.aws.url).clock()["speed"] == 1
    assert stack.function.invoke().error is None  # its environment did not notice


@pytest.mark.parametrize("path", ["/", "/_harness/health", "/bucket?list-type=2"])
def test_the_gateway_refuses_in_the_words_of_the_service_and_says_how_to_open_it(stack: TwinStack, path: str) -> None:
    address = urlsplit(stack.aws.url)
    (answer,) = answers_to_nobody([(str(address.hostname), address.port or 0, get(path))])
    assert "`harness up --other-users` opens it to them." in answer


@pytest.mark.parametrize(
    "options", [LocalAwsOptions(port=0, other_users=True), LocalAwsOptions(port=0, host="0.0.0.0")]
)
def test_other_users_are_served_where_the_options_say_so(options: LocalAwsOptions) -> None:
    with running_aws(options) as aws:
        (answer,) = answers_to_nobody([("127.0.0.1", urlsplit(aws.url).port or 0, get("/_harness/health"))])
    assert json.loads(answer.partition("\r\n\r\n")[2])["status"] == "ok"


def test_no_file_or_folder_of_it_can_be_opened_and_none_has_a_mode_for_others(stack: TwinStack) -> None:
    assert open_to_nobody([str(stack.state.parent)]) == [str(stack.state.parent)]
    paths = [stack.state, *stack.state.rglob("*")]
    assert {path.name for path in paths} >= {"harness.log", "state.json", "app.py", "functions", "hosting", "model"}
    assert open_to_nobody([str(path) for path in paths]) == []
    wide = {str(path): oct(path.lstat().st_mode) for path in paths if stat.S_IMODE(path.lstat().st_mode) & 0o077}
    assert not wide


def test_no_command_line_has_a_secret_in_it(stack: TwinStack) -> None:
    """A command line can be read by everybody, the environment by the own user only."""
    credentials = set()
    for process in stack.processes():
        with contextlib.suppress(psutil.Error):
            environment = process.environ()
            names = ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
            credentials |= {environment[name] for name in names if environment.get(name, "test") != "test"}
    assert credentials  # the function's
    for process in stack.processes():
        line = " ".join(process.cmdline())
        assert not any(secret in line for secret in credentials), line
