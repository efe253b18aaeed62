"""Web pages: whatever a page in the user's browser sends, to any port, changes nothing and reads nothing."""

from __future__ import annotations

import asyncio
import http.client
import json
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

import psutil
import pytest

from harness.local_aws.client import LocalAwsClient
from tests.browser import needs_a_browser, tab
from tests.robustness.small_stack import TwinStack, twin_stack
from tests.robustness.test_other_users import listeners

pytestmark = pytest.mark.unmeasured
REBOUND = "rebound.test"
"""A name of somebody else's, which the browser is told to be 127.0.0.1."""
LOADTESTS = Path(__file__).parents[2] / "loadtests"


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TwinStack]:
    with twin_stack(tmp_path_factory.mktemp("pages")) as stack:
        assert stack.function.invoke().error is None
        s3 = stack.aws.client("s3")
        s3.create_bucket(Bucket="secrets")
        s3.put_object(Bucket="secrets", Key="key", Body=b"the secret")
        yield stack


def answer(host: str, port: int, method: str, path: str, headers: dict[str, str], body: bytes = b"") -> tuple[int, str]:
    connection = http.client.HTTPConnection(host, port, timeout=30)
    try:
        connection.putrequest(method, path, skip_host="Host" in headers)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            connection.putheader(name, value)
        connection.endheaders(body)
        response = connection.getresponse()
        told = {name.lower() for name, _ in response.getheaders()}
        assert not any(name.startswith("access-control-") for name in told), told
        return response.status, response.read().decode("utf-8", "replace")
    finally:
        connection.close()


PATHS = [
    ("GET", "/"),
    ("GET", "/_harness/health"),
    ("PUT", "/_harness/clock"),
    ("POST", "/_harness/reset"),
    ("OPTIONS", "/_harness/clock"),
    ("GET", "/_lambda-url/x/"),
    ("GET", "/secrets/key"),
    ("PUT", "/secrets/key"),
    ("OPTIONS", "/secrets/key"),
    ("POST", "/2015-03-31/functions/small/invocations"),
    ("GET", "/?Action=CreateUser&UserName=u&X-Amz-Credential=test/20260101/us-east-1/iam/aws4_request"),
    ("GET", "/2018-06-01/runtime/invocation/next"),
    ("POST", "/2018-06-01/runtime/init/error"),
    ("GET", "/ping"),
    ("POST", "/invocations"),
]
PAGES: list[dict[str, str]] = [
    {"Host": "rebound.test:4566"},
    {"Host": "rebound.test", "Sec-Fetch-Site": "same-origin"},
    {"Origin": "http://rebound.test"},
    {"Origin": "http://localhost:3000", "Sec-Fetch-Site": "same-site"},
    {"Origin": "http://127.0.0.1:3000"},
    {"Origin": "null"},
    {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"},
    {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"},
    {"Sec-Fetch-Site": "same-site"},
]


def test_every_port_refuses_every_request_of_a_page_with_a_sentence(stack: TwinStack) -> None:
    addresses = sorted(listeners(stack.processes()))
    assert len(addresses) >= 3  # the gateway, a Runtime API, a twin
    for host, port in addresses:
        for page in PAGES:
            for method, path in PATHS:
                preflight = {"Access-Control-Request-Method": "PUT"} if method == "OPTIONS" else {}
                status, body = answer(host, port, method, path, {**page, **preflight}, b"{}")
                assert status == 403, (host, port, page, method, path, body)
                assert "web page" in body or "CORSResponse" in body, (page, method, path, body)
    assert LocalAwsClient(stack.aws.url).clock()["speed"] == 1
    assert stack.aws.client("s3").get_object(Bucket="secrets", Key="key")["Body"].read() == b"the secret"
    assert stack.function.invoke().error is None


def test_programs_and_addresses_that_the_user_types_are_served(stack: TwinStack) -> None:
    address = urlsplit(stack.aws.url)
    for headers in (
        {},
        {"Host": "localhost:1"},
        {"Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "navigate"},
    ):
        status, _ = answer("127.0.0.1", address.port or 0, "GET", "/_harness/health", headers)
        assert status == 200, headers


@pytest.mark.parametrize("path", ["/_harness/clock", "/secrets/key", "/_lambda-url/another/"])
def test_a_page_that_the_port_serves_from_a_bucket_or_a_function_may_not_call_it(stack: TwinStack, path: str) -> None:
    address = urlsplit(stack.aws.url)
    for page in ("/secrets/page.html", "/_lambda-url/x/"):
        for headers in ({"Origin": f"http://{address.netloc}"}, {"Sec-Fetch-Site": "same-origin"}):
            referring = {**headers, "Referer": f"http://{address.netloc}{page}"}
            status, body = answer("127.0.0.1", address.port or 0, "GET", path, referring)
            assert status == 403
            assert "may not call it" in body


class TestBucketCors:
    """A bucket's own CORS configuration lets pages in, as on AWS (S3 user guide)."""

    def ask(self, stack: TwinStack, method: str, origin: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection(urlsplit(stack.aws.url).netloc, timeout=30)
        signed = "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0"
        more = {"Origin": origin, **{name.replace("_", "-"): value for name, value in headers.items()}}
        if method != "OPTIONS":
            more["Authorization"] = signed
        try:
            connection.request(method, "/shop/dog.jpg", headers=more)
            response = connection.getresponse()
            return response.status, {name.lower(): value for name, value in response.getheaders()}, response.read()
        finally:
            connection.close()

    @pytest.fixture
    def shop(self, stack: TwinStack) -> TwinStack:
        s3 = stack.aws.client("s3")
        s3.create_bucket(Bucket="shop")
        s3.put_object(Bucket="shop", Key="dog.jpg", Body=b"dog")
        rules = [
            {"AllowedOrigins": ["https://*.dogs.test"], "AllowedMethods": ["GET"], "AllowedHeaders": ["x-amz-*"],
             "ExposeHeaders": ["ETag"]},
            {"AllowedOrigins": ["*"], "AllowedMethods": ["HEAD", "PUT"]},
        ]  # fmt: skip
        s3.put_bucket_cors(Bucket="shop", CORSConfiguration={"CORSRules": rules})
        return stack

    def test_a_page_that_a_rule_names_reads_the_answer(self, shop: TwinStack) -> None:
        status, headers, body = self.ask(shop, "GET", "https://www.dogs.test", Sec_Fetch_Site="cross-site")
        assert (status, body) == (200, b"dog")
        assert headers["access-control-allow-origin"] == "https://www.dogs.test"
        assert headers["access-control-expose-headers"] == "ETag"

    def test_its_browser_asks_first_without_a_signature(self, shop: TwinStack) -> None:
        asked = {"Access_Control_Request_Method": "GET", "Access_Control_Request_Headers": "x-amz-date"}
        status, headers, _ = self.ask(shop, "OPTIONS", "https://www.dogs.test", **asked)
        assert (status, headers["access-control-allow-headers"]) == (200, "x-amz-date")
        status, headers, body = self.ask(shop, "OPTIONS", "https://cats.test", **asked)
        assert status == 403
        assert b"<Code>AccessForbidden</Code>" in body
        assert b"CORSResponse: This CORS request is not allowed." in body
        assert "access-control-allow-origin" not in headers

    def test_any_other_page_is_refused(self, shop: TwinStack) -> None:
        status, _, body = self.ask(shop, "GET", "https://cats.test")
        assert (status, b"<Code>AccessDenied</Code>" in body) == (403, True)

    def test_a_rule_for_every_site_does_not_open_the_well_known_key_to_every_site(self, shop: TwinStack) -> None:
        status, _, body = self.ask(shop, "PUT", "https://cats.test")
        assert status == 403
        assert b"may not use the well-known access key" in body


class _Page(BaseHTTPRequestHandler):
    """Somebody else's page."""

    def do_GET(self) -> None:
        body = b"<!doctype html><title>evil</title>"
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None: ...


@contextmanager
def other_site() -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Page)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def locust_page(folder: Path) -> Iterator[str]:
    """Locust's page, as ``locust -f loadtests`` opens it, but on a free port."""
    command = [sys.executable, "-m", "locust", "-f", str(LOADTESTS), "--class-picker", "--web-port", "0"]
    with (folder / "locust.log").open("wb") as log:
        process = subprocess.Popen([*command, "--host", "http://127.0.0.1:1"], cwd=folder, stdout=log, stderr=log)
    try:
        yield f"http://127.0.0.1:{_port(process.pid)}"
    finally:
        process.terminate()
        process.wait(30)


def _port(pid: int) -> int:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        for connection in psutil.Process(pid).net_connections("tcp"):
            if connection.status == psutil.CONN_LISTEN and connection.laddr.ip == "127.0.0.1":
                return int(connection.laddr.port)
        time.sleep(0.1)
    raise AssertionError("locust opened no page")


ATTACK = """
(async () => {
  const [aws, locust] = TARGETS;
  const query = s => `X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=test/20260101/us-east-1/${s}/aws4_request` +
    "&X-Amz-Date=20260101T000000Z&X-Amz-Expires=600&X-Amz-SignedHeaders=host&X-Amz-Signature=00";
  const headers = {"Content-Type": "application/x-www-form-urlencoded"};
  const read = [];
  const make = name => document.createElementNS("http://www.w3.org/1999/xhtml", name);
  const send = async (url, options) => {
    try {
      const answer = await fetch(url, options);
      if (answer.type !== "opaque" && answer.status !== 403) read.push([url, answer.status, await answer.text()]);
    } catch (error) {}
  };
  const form = (url, fields, method) => new Promise(done => {
    const frame = make("iframe"), form = make("form");
    frame.name = "f" + Math.random(); frame.onload = () => done(); document.documentElement.append(frame);
    Object.assign(form, {action: url, method: method || "POST", target: frame.name});
    for (const [name, value] of Object.entries(fields)) {
      const input = make("input"); Object.assign(input, {name, value}); form.append(input);
    }
    document.documentElement.append(form); form.submit(); setTimeout(done, 3000);
  });
  const image = url => new Promise(done => {
    const image = new Image();
    image.onload = () => { read.push([url, "image"]); done(); };
    image.onerror = () => done();
    image.src = url;
  });
  const body = JSON.stringify({FunctionName: "evil", Runtime: "python3.11", Role: "ROLE", Handler: "a.b",
    Code: {ZipFile: ""}});
  for (const mode of ["no-cors", "cors", "same-origin"]) {
    for (const credentials of ["omit", "include"]) {
      await send(`${aws}/2015-03-31/functions?${query("lambda")}`, {method: "POST", mode, credentials, body});
      await send(`${aws}/2015-03-31/functions/small/invocations?${query("lambda")}`, {method: "POST", mode});
      await send(`${aws}/?Action=CreateUser&UserName=evil&Version=2010-05-08&${query("iam")}`, {mode});
      await send(`${aws}/secrets/key?${query("s3")}`, {mode});
      await send(`${aws}/secrets/evil?${query("s3")}`, {method: "PUT", mode, body: "x"});
      await send(`${aws}/secrets?${query("s3")}`, {method: "POST", mode, body: "x"});
      await send(`${aws}/_harness/clock`, {method: "PUT", mode, body: '{"speed": 7}'});
      await send(`${aws}/_harness/access`, {mode});
      await send(`${aws}/moto-api/reset`, {method: "POST", mode});
      await send(`${aws}/`, {method: "POST", mode, headers,
        body: `Action=CreateUser&UserName=evil&Version=2010-05-08&${query("iam")}`});
      await send(`${locust}/swarm`, {method: "POST", mode, headers,
        body: "user_count=1&spawn_rate=1&host=http://127.0.0.1:1"});
      await send(`${locust}/stats/reset`, {mode});
    }
  }
  await send(`${aws}/secrets/key?${query("s3")}`, {headers: {Authorization: "AWS4-HMAC-SHA256"}});
  navigator.sendBeacon(`${aws}/secrets/evil?${query("s3")}`, "x");
  navigator.sendBeacon(`${locust}/swarm`, new URLSearchParams({user_count: 1, spawn_rate: 1}));
  await image(`${aws}/secrets/key?${query("s3")}`);
  await form(`${aws}/?${query("iam")}`, {Action: "CreateUser", UserName: "evil", Version: "2010-05-08"});
  await form(`${aws}/`, {Action: "CreateUser", UserName: "evil"}, "GET");
  await form(`${locust}/swarm`, {user_count: "1", spawn_rate: "1"});
  await new Promise(done => {
    const socket = new WebSocket(aws.replace("http", "ws") + "/_harness/health");
    socket.onopen = () => { read.push(["websocket", "open"]); done(); }; socket.onerror = () => done();
  });
  return read;
})()
"""


@needs_a_browser
def test_a_real_browser_gets_nothing_from_another_origin_nor_through_a_rebound_name(
    stack: TwinStack, tmp_path: Path
) -> None:
    aws_port = urlsplit(stack.aws.url).port
    with other_site() as evil, locust_page(tmp_path) as locust:
        locust_port = urlsplit(locust).port
        own = [stack.aws.url, locust]
        rebound = [f"http://{REBOUND}:{aws_port}", f"http://{REBOUND}:{locust_port}"]

        async def attack() -> dict[str, Any]:
            read: dict[str, Any] = {}
            async with tab(tmp_path / "profile", f"--host-resolver-rules=MAP {REBOUND} 127.0.0.1") as browser:
                for name, page, urls in (
                    ("another port", f"http://127.0.0.1:{evil}/", own),
                    ("another site", f"http://{REBOUND}:{evil}/", own),
                    ("a rebound gateway", f"http://{REBOUND}:{aws_port}/", rebound),
                    ("a rebound locust", f"http://{REBOUND}:{locust_port}/", rebound),
                ):
                    await browser.visit(page)
                    read[name] = await browser.value(ATTACK.replace("TARGETS", json.dumps(urls)))
                await browser.visit(locust)
                read["locust's own page"] = await browser.value("document.title")
            return read

        read = asyncio.run(attack())
        with urllib.request.urlopen(f"{locust}/stats/requests") as answer:
            state = json.loads(answer.read())["state"]
    assert read == {
        "another port": [], "another site": [], "a rebound gateway": [], "a rebound locust": [],
        "locust's own page": "Locust",
    }  # fmt: skip
    assert state == "ready"
    assert LocalAwsClient(stack.aws.url).clock()["speed"] == 1
    names = [function["FunctionName"] for function in stack.aws.client("lambda").list_functions()["Functions"]]
    assert names == ["small"]
    assert stack.aws.client("iam").list_users()["Users"] == []
    keys = [item["Key"] for item in stack.aws.client("s3").list_objects_v2(Bucket="secrets")["Contents"]]
    assert keys == ["key"]
