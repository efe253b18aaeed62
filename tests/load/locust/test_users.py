"""Under the real locust each error of AWS or the connection is a failure by its code, never a traceback."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tests.load.locust.locusts import locust, only_run
from tests.load.locust.standin import stand_in

LOCUSTFILE = """
import gevent
from locust import constant, task

import harness.load.locust.record_runs
from harness.load.locust.boto3_user import Boto3User
from harness.load.locust.users import EndpointUser, FunctionUrlUser, LambdaUser


class Once:
    ended = 0

    def end(self):
        # The run ends with its last user, however long a busy machine takes.
        Once.ended += 1
        if Once.ended == self.environment.runner.target_user_count:
            gevent.spawn(self.environment.runner.quit)
        self.stop(force=True)


class Caller(Once, LambdaUser):
    wait_time = constant(0.02)
    read_timeout = 0.5

    @task
    def all(self):
        for name in ("good", "throttled", "denied", "unhandled", "reset", "garbage", "hangs"):
            answer = self.invoke(name, {"url": "x"}, log_tail=name != "denied")
            assert answer.ok == (name == "good"), name
        self.end()


class Asker(Once, EndpointUser):
    wait_time = constant(0.02)

    @task
    def all(self):
        for name in ("model-error", "fine", "fine", "fine"):
            answer = self.invoke_endpoint(name, b"jpeg", "image/jpeg", accept="application/json", name=name + "!")
        assert answer.body == b"[[0.5]]" and answer.status == 200
        self.end()


class Sdk(Once, Boto3User):
    read_timeout = 0.5

    @task
    def all(self):
        for name in ("good", "throttled", "denied", "unhandled", "reset", "garbage", "hangs"):
            answer = self.invoke(name, b'{"url": "x"}')
            assert answer.ok == (name == "good"), name
        for name in ("model-error", "fine"):
            answer = self.invoke_endpoint(name, b"jpeg", "image/jpeg", accept="application/json")
        assert answer.body == b"[[0.5]]" and answer.status == 200
        assert answer.header("x-amzn-invoked-production-variant") == "AllTraffic"
        self.end()


class Url(Once, FunctionUrlUser):
    @task
    def all(self):
        self.call(b"{}", path="/a/b/good/c", query="x=1&y=%20", headers={"Content-Type": "application/json"})
        self.call(b"{}", path="/a/b/throttled/c", name="too many")
        self.auth_type = "NONE"
        self.call(b"{}", path="/a/b/good/c", name="open")
        self.end()
"""


@pytest.fixture
def locustfile(tmp_path: Path) -> Path:
    path = tmp_path / "locustfile.py"
    path.write_text(LOCUSTFILE)
    return path


def test_every_answer_is_recorded_by_its_code(tmp_path: Path, locustfile: Path) -> None:
    with stand_in() as server:
        arguments = ["-f", str(locustfile), "-u", "2", "-r", "2", "-t", "60s", "--host", server.url, "Caller", "Asker"]
        done = locust(*arguments, runs=tmp_path / "runs", cwd=tmp_path)
    assert "Traceback" not in done.stdout + done.stderr
    assert done.returncode == 1
    rows = only_run(tmp_path / "runs").requests.to_pylist()
    assert Counter((row["name"], row["error"]) for row in rows) == {
        ("good", None): 1,
        ("throttled", "TooManyRequestsException(ReservedFunctionConcurrentInvocationLimitExceeded)"): 1,
        ("denied", "AccessDeniedException"): 1,
        ("unhandled", "FunctionError:Unhandled"): 1,
        ("reset", "Connection:reset"): 1,
        ("garbage", "Connection:broken answer"): 1,
        ("hangs", "Connection:timeout"): 1,
        ("model-error!", "ModelError(500)"): 1,
        ("fine!", None): 3,
    }
    by_name = {row["name"]: row for row in rows}
    good = by_name["good"]
    assert (good["cold_init_s"], good["function_s"], good["status"]) == (0.34388, 0.0125, 200)
    assert (good["kind"], good["request_bytes"], good["response_bytes"]) == ("lambda", 12, 19)
    assert by_name["unhandled"]["message"] == "boom"
    assert by_name["reset"]["status"] is None
    assert 0.45 < by_name["hangs"]["response_s"] < 2
    assert (by_name["fine!"]["variant"], by_name["fine!"]["instance"]) == ("AllTraffic", 2)
    # Locust's own table groups by the same code.
    assert "FunctionError:Unhandled" in done.stdout + done.stderr
    # Each user keeps its connection, and a broken one is replaced, without a second try of the request.
    assert sorted(server.connections, key=len, reverse=True) == [
        ["good", "throttled", "denied", "unhandled", "reset"],
        ["model-error", "fine", "fine", "fine"],
        ["garbage"],
        ["hangs"],
    ]
    sent = [{name.lower(): value for name, value in headers.items()} for headers in server.headers]
    assert all("/us-east-1/" in headers["authorization"] for headers in sent)
    assert {headers["authorization"].split("/")[3] for headers in sent} == {"lambda", "sagemaker"}
    assert [headers for headers in sent if headers.get("x-amz-log-type") == "Tail"]
    assert {headers.get("accept") for headers in sent} == {None, "application/json"}


def test_boto3_gives_the_same_errors_by_the_same_codes(tmp_path: Path, locustfile: Path) -> None:
    with stand_in() as server:
        arguments = ["-f", str(locustfile), "-u", "1", "-t", "60s", "--host", server.url, "Sdk"]
        done = locust(*arguments, runs=tmp_path / "runs", cwd=tmp_path)
    assert "Traceback" not in done.stdout + done.stderr
    rows = {row["name"]: row for row in only_run(tmp_path / "runs").requests.to_pylist()}
    assert {name: row["error"] for name, row in rows.items()} == {
        "good": None,
        "throttled": "TooManyRequestsException(ReservedFunctionConcurrentInvocationLimitExceeded)",
        "denied": "AccessDeniedException",
        "unhandled": "FunctionError:Unhandled",
        "reset": "Connection:reset",
        "garbage": "Connection:reset",
        "hangs": "Connection:timeout",
        "model-error": "ModelError(500)",
        "fine": None,
    }
    good, fine = rows["good"], rows["fine"]
    assert (good["function_s"], good["request_bytes"], good["response_bytes"]) == (0.0125, 12, 19)
    assert (fine["variant"], fine["instance"], fine["kind"], fine["status"]) == ("AllTraffic", 2, "endpoint", 200)
    # No request was tried twice.
    names = [name for connection in server.connections for name in connection]
    assert sorted(names) == sorted(rows)


def test_a_function_url_is_signed_for_lambda(tmp_path: Path, locustfile: Path) -> None:
    with stand_in() as server:
        arguments = ["-f", str(locustfile), "-u", "1", "-t", "60s", "--host", server.url, "Url"]
        done = locust(*arguments, runs=tmp_path / "runs", cwd=tmp_path)
    assert "Traceback" not in done.stdout + done.stderr
    rows = {row["name"]: row for row in only_run(tmp_path / "runs").requests.to_pylist()}
    assert {name: (row["kind"], row["status"]) for name, row in rows.items()} == {
        "/a/b/good/c": ("function-url", 200),
        "too many": ("function-url", 429),
        "open": ("function-url", 200),
    }
    signatures = [headers.get("Authorization") for headers in server.headers]
    assert [signature and signature.split("/")[3] for signature in signatures] == ["lambda", "lambda", None]


def test_a_refused_connection_is_a_failure_by_its_code(tmp_path: Path, locustfile: Path) -> None:
    with stand_in() as server:
        url = server.url
    done = locust(
        "-f", str(locustfile), "-u", "1", "-t", "4s", "--host", url, "Asker", runs=tmp_path / "runs", cwd=tmp_path
    )  # fmt: skip
    assert "Nothing listens there: bring the local AWS up" in done.stdout
    assert "Connection:refused" in only_run(tmp_path / "runs").requests["error"].to_pylist()


@pytest.mark.parametrize(
    ("environment", "sentence"),
    [
        ({}, "There is no target: set AWS_ENDPOINT_URL"),
        ({"AWS_ENDPOINT_URL": "http://127.0.0.1:1", "AWS_SECRET_ACCESS_KEY": ""}, "without AWS_SECRET_ACCESS_KEY"),
        ({"AWS_ENDPOINT_URL": "https://runtime.sagemaker.us-east-1.amazonaws.com"}, "is not this machine"),
    ],
)
def test_a_missing_setting_is_named_in_one_sentence(
    tmp_path: Path, locustfile: Path, environment: dict[str, str], sentence: str
) -> None:
    done = locust("-f", str(locustfile), "-u", "1", "-t", "1s", runs=tmp_path / "runs", cwd=tmp_path, **environment)
    assert done.returncode == 1
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr
    assert list((tmp_path / "runs").glob("*")) == []
