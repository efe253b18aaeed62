"""The harness's own calls: what they answer, and the one sentence where none answers."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from harness.local_aws.client import CallRefused, LocalAwsClient, NoHarness
from tests.support import ACCOUNT, Aws, unique


class AnotherProgram(BaseHTTPRequestHandler):
    """Answers as an AWS emulator does that has no /_harness/ paths."""

    def do_GET(self) -> None:
        body = b"<Error><Code>NoSuchBucket</Code></Error>"
        self.send_response(404 if self.path.startswith("/_harness/health") else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_PUT = do_GET  # noqa: N815 - the base class's name

    def log_message(self, format: str, *arguments: object) -> None:
        return


@pytest.fixture
def another_url() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), AnotherProgram) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_every_call_is_answered(aws: Aws) -> None:
    client = LocalAwsClient(aws.url)
    assert (client.health()["status"], client.health()["account"]) == ("ok", ACCOUNT)
    assert client.scaling().keys() == {"now", "targets", "functions"}
    assert "calls" in client.access()
    speed = client.clock()["speed"]
    client.set_speed(speed)
    assert client.clock()["speed"] == speed
    client.put_endpoint(unique("endpoint"), {"server": "asgi"})


def test_a_refusal_says_what_was_refused_and_why(aws: Aws) -> None:
    client = LocalAwsClient(aws.url)
    with pytest.raises(CallRefused, match=rf"The harness at {aws.url} refused \[local\]: .*vllm"):
        client.put_endpoint("endpoint", {"server": "vllm"})
    with pytest.raises(CallRefused, match="refused a speed of 0: A speed is a number above 0"):
        client.set_speed(0)
    with pytest.raises(CallRefused, match="refused the plan: "):
        client.put_plan("endpoint", {})


def test_nobody_at_the_url_is_one_sentence() -> None:
    with pytest.raises(NoHarness) as raised:
        LocalAwsClient("http://127.0.0.1:9/").health()
    assert str(raised.value) == "No harness answers at http://127.0.0.1:9: bring it up with `harness up`."
    assert not raised.value.something_else


def test_another_program_at_the_url_is_no_harness(another_url: str) -> None:
    client = LocalAwsClient(another_url)
    for call in (client.health, client.scaling, lambda: client.put_endpoint("endpoint", {})):
        with pytest.raises(NoHarness, match="No harness answers at") as raised:
            call()
        assert raised.value.something_else
