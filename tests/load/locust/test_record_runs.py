"""Runs of the real locust are recorded while they go on, however they end."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import requests

from harness.load.runs import Run, list_runs, read_run
from tests.load.locust.locusts import LOADTESTS, OPEN_LOOP, command, environment, locust, only_run
from tests.load.locust.standin import StandIn, stand_in
from tests.other_user import answers_to_nobody, get


@pytest.fixture
def server() -> Iterator[StandIn]:
    with stand_in() as running:
        yield running


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    """Arguments for ``locust`` that make the scenarios in loadtests/ send our own bytes."""
    (tmp_path / "event.json").write_text('{"url": "x"}')
    (tmp_path / "photo.jpg").write_bytes(b"\xff\xd8\xff")
    return ["-f", str(LOADTESTS), "--event", str(tmp_path / "event.json"), "--image", str(tmp_path / "photo.jpg")]


@pytest.fixture
def scenario(files: list[str]) -> list[str]:
    """Both closed-loop scenarios."""
    return [*files, "LambdaUrlEvent", "EndpointJpeg"]


def started(arguments: list[str], runs: Path, url: str, *more: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command(*arguments, *more), env=environment(runs, AWS_ENDPOINT_URL=url), cwd=runs.parent,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip


def wait_for_requests(runs: Path, at_least: int = 1) -> Run:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        for folder in list_runs(runs):
            run = read_run(folder)
            if run.requests.num_rows >= at_least:
                return run
        time.sleep(0.05)
    raise AssertionError("no request was recorded within 30 s")


def test_the_manifest_describes_the_run(tmp_path: Path, server: StandIn, scenario: list[str]) -> None:
    stack = tmp_path / "stack.toml"
    stack.write_text('[endpoint]\ninstance_type = "ml.m5.large"\n[function.environment]\nAPI_TOKEN = "hidden"\n')
    done = locust(
        *scenario, "-u", "2", "-r", "2", "-t", "4s", "--stack", str(stack), "--seed", "11",
        runs=tmp_path / "runs", cwd=tmp_path, AWS_ENDPOINT_URL=server.url,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    run = only_run(tmp_path / "runs")
    manifest = run.manifest
    assert manifest.scenarios == ["EndpointJpeg", "LambdaUrlEvent"]
    assert (manifest.seed, manifest.ending, manifest.unrecorded) == (11, "finished", None)
    assert manifest.ended is not None
    assert manifest.ended - manifest.started > 1.5
    assert manifest.options["users"] == 2
    assert manifest.options["run_time"] == 4
    assert manifest.options["function_name"] == "dog-breed"
    assert manifest.options["endpoint_name"] == "dog-breed-endpoint"
    assert manifest.stack == {
        "endpoint": {"instance_type": "ml.m5.large"},
        "function": {"environment": {"API_TOKEN": "***"}},
    }
    assert manifest.versions["locust"]
    assert manifest.machine["cores"]
    assert "hidden" not in (run.folder / "manifest.json").read_text()
    assert set(run.requests["name"].to_pylist()) == {"dog-breed", "dog-breed-endpoint"}
    assert set(run.requests["users"].to_pylist()) <= {1, 2}
    # Milliseconds are not rounded to whole ones, as locust's own statistics are.
    assert any((seconds * 1000) % 1 for seconds in run.requests["response_s"].to_pylist())
    shown = run.folder.relative_to(tmp_path)
    assert f"The run is recorded in {shown}; for its report: harness report {shown}" in done.stdout


def test_the_folder_offers_every_scenario(tmp_path: Path, files: list[str]) -> None:
    done = locust(*files, "--list", runs=tmp_path / "runs", cwd=tmp_path)
    assert set(done.stdout.split()) >= {"EndpointJpeg", "LambdaUrlEvent"} | OPEN_LOOP


def test_one_scenario_and_names_by_environment(tmp_path: Path, server: StandIn, files: list[str]) -> None:
    locust(
        *files, "LambdaUrlEvent", "-u", "1", "-t", "3s", runs=tmp_path / "runs", cwd=tmp_path,
        AWS_ENDPOINT_URL=server.url, LOCUST_FUNCTION_NAME="other",
    )  # fmt: skip
    run = only_run(tmp_path / "runs")
    assert run.manifest.scenarios == ["LambdaUrlEvent"]
    assert set(run.requests["name"].to_pylist()) == {"other"}


def test_a_killed_run_loses_at_most_a_second(tmp_path: Path, server: StandIn, scenario: list[str]) -> None:
    runs = tmp_path / "runs"
    process = started([*scenario, "--headless", "-u", "2", "-r", "2"], runs, server.url)
    wait_for_requests(runs, 100)
    time.sleep(0.5)
    killed = time.time()
    process.send_signal(signal.SIGKILL)
    process.communicate()
    run = only_run(runs)
    assert run.manifest.ended is None
    assert max(run.requests["start"].to_pylist()) > killed - 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_is_complete_and_says_so(
    tmp_path: Path, server: StandIn, scenario: list[str], number: signal.Signals
) -> None:
    runs = tmp_path / "runs"
    process = started([*scenario, "--headless", "-u", "2", "-r", "2", "-t", "60s"], runs, server.url)
    wait_for_requests(runs)
    process.send_signal(number)
    output, _ = process.communicate(timeout=30)
    assert "Traceback" not in output, output
    assert "The run is recorded in" in output
    manifest = only_run(runs).manifest
    assert manifest.ending == "stopped"
    assert manifest.ended is not None


def test_requests_under_way_at_the_end_are_unfinished(tmp_path: Path, server: StandIn, files: list[str]) -> None:
    done = locust(
        *files, "LambdaUrlEvent", "-u", "1", "-t", "3s", "--function-name", "hangs",
        runs=tmp_path / "runs", cwd=tmp_path, AWS_ENDPOINT_URL=server.url,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert only_run(tmp_path / "runs").requests["error"].to_pylist() == ["Unfinished"]


def test_workers_write_one_run_together(tmp_path: Path, server: StandIn, scenario: list[str]) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    done = locust(
        *scenario, "-u", "4", "-r", "4", "-t", "3s", "--processes", "2", "--master-bind-host", "127.0.0.1",
        "--master-bind-port", port, "--master-port", port,
        runs=tmp_path / "runs", cwd=tmp_path, AWS_ENDPOINT_URL=server.url,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    run = only_run(tmp_path / "runs")
    assert sorted(path.name for path in run.folder.glob("*.arrow")) == ["requests-0.arrow", "requests-1.arrow"]
    assert run.manifest.options["workers"] == 2
    for path in (run.folder, *run.folder.iterdir()):  # for this user only, whatever the umask here
        assert path.stat().st_mode & 0o077 == 0
    assert set(run.requests["users"].to_pylist()) <= {1, 2}
    assert run.requests["start"].to_pylist() == sorted(run.requests["start"].to_pylist())
    assert done.stdout.count("The run is recorded in") == 1


def test_an_unusable_run_store_is_refused_before_the_start(
    tmp_path: Path, server: StandIn, scenario: list[str]
) -> None:
    (tmp_path / "file").write_text("")
    done = locust(*scenario, "-t", "1s", runs=tmp_path / "file" / "runs", cwd=tmp_path, AWS_ENDPOINT_URL=server.url)
    assert done.returncode == 1
    assert "Runs cannot be recorded in" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [(["--event", "none.json"], "none.json cannot be read"), (["--stack", "none.toml"], "The stack file none.toml")],
)
def test_a_missing_file_is_refused_before_the_start(
    tmp_path: Path, server: StandIn, scenario: list[str], arguments: list[str], sentence: str
) -> None:
    done = locust(*scenario, "-t", "1s", *arguments, runs=tmp_path / "runs", cwd=tmp_path, AWS_ENDPOINT_URL=server.url)
    assert done.returncode == 1
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr


def test_locusts_own_users_are_recorded_too(tmp_path: Path, server: StandIn) -> None:
    (tmp_path / "locustfile.py").write_text(
        "from locust import FastHttpUser, constant, task\n"
        "import harness.load.locust.record_runs\n"
        "class Plain(FastHttpUser):\n"
        "    wait_time = constant(0.05)\n"
        "    @task\n"
        "    def ask(self):\n"
        "        self.client.post('/endpoints/fine/invocations', data=b'x', name='fine')\n"
        "        self.client.post('/endpoints/denied/invocations', data=b'x', name='denied')\n"
    )
    locust("-u", "1", "-t", "4s", "--host", server.url, runs=tmp_path / "runs", cwd=tmp_path)
    run = only_run(tmp_path / "runs")
    assert set(run.requests["kind"].to_pylist()) == {"POST"}
    errors = dict(zip(run.requests["name"].to_pylist(), run.requests["error"].to_pylist(), strict=True))
    assert errors["fine"] is None
    assert "403" in errors["denied"]


def test_without_a_named_scenario_the_closed_loop_runs(tmp_path: Path, server: StandIn, files: list[str]) -> None:
    ended = locust(*files, "-u", "2", "-t", "4s", runs=tmp_path / "runs", cwd=tmp_path, AWS_ENDPOINT_URL=server.url)
    assert (
        "so these are run: EndpointJpeg, LambdaUrlEvent. To run one with a schedule, name it: ColdStartStorm"
        in ended.stderr
    )
    run = only_run(tmp_path / "runs")
    assert run.manifest.scenarios == ["EndpointJpeg", "LambdaUrlEvent"]
    assert run.requests.num_rows > 0


def stop(page: str) -> None:
    """Press Stop, and wait until the test has stopped."""
    assert requests.post(f"{page}/stop", timeout=30).ok


def wait_for_log(page: str, sentence: str) -> None:
    deadline = time.monotonic() + 30
    while sentence not in requests.get(f"{page}/logs", timeout=10).text:
        assert time.monotonic() < deadline, sentence
        time.sleep(0.1)


def test_each_start_on_the_web_page_is_a_run(tmp_path: Path, server: StandIn, files: list[str]) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    runs = tmp_path / "runs"
    page = f"http://127.0.0.1:{port}"
    process = started([*files, "--class-picker", "--web-port", str(port)], runs, server.url)
    try:
        deadline = time.monotonic() + 30
        while True:
            try:
                assert requests.get(page, timeout=5).ok
                break
            except requests.ConnectionError:
                assert time.monotonic() < deadline
                time.sleep(0.1)
        listening = psutil.Process(process.pid).net_connections("tcp")
        assert {connection.laddr.ip for connection in listening if connection.status == "LISTEN"} == {"127.0.0.1"}
        if os.geteuid() == 0:  # only root can become another user, to see one refused
            paths = [get("/"), get("/swarm", "POST"), get("/assets/x.js")]
            for answer in answers_to_nobody([("127.0.0.1", port, path) for path in paths]):
                assert answer.startswith("HTTP/1.1 403 ")
                assert answer.endswith("nobody (user id 65534) may not use it.")
        bad = {"user_count": 1, "spawn_rate": 1, "host": "http://example.com", "user_classes": "EndpointJpeg"}
        for form in (bad, {**bad, "host": server.url}):
            assert requests.post(f"{page}/swarm", data=form, timeout=10).json()["success"]
            if form is bad:
                wait_for_log(page, "is not this machine")
            else:
                wait_for_requests(runs)
            stop(page)
        both = {**bad, "host": server.url, "user_classes": ["Smoke", "Spike", "EndpointJpeg"]}
        refused = requests.post(f"{page}/swarm", data=both, timeout=10).json()
        assert refused["message"] == "Name one scenario: each of Smoke, Spike has a schedule of its own."
        assert not refused["success"], "the page shows it"
        # A scenario takes its rate, length and payload from the form as well.
        payload = tmp_path / "mine.json"
        payload.write_text('{"mine": 1}')
        scenario = {**bad, "host": server.url, "user_classes": "Smoke", "rate": "20", "payload": str(payload)}
        for run_time in ("1s", ""):
            form = {**scenario, "run_time": run_time, "spacing": "even", "max_outstanding": "7"}
            assert requests.post(f"{page}/swarm", data=form, timeout=10).json()["success"]
            time.sleep(2.5)
            stop(page)
    finally:
        process.send_signal(signal.SIGTERM)
        output, _ = process.communicate(timeout=30)
    assert "Traceback" not in output, output
    first, second, third, fourth = (read_run(folder) for folder in list_runs(runs))
    assert first.requests.num_rows == 0
    assert second.manifest.scenarios == ["EndpointJpeg"]
    assert second.manifest.ending == "stopped"
    assert (third.manifest.ending, third.requests.num_rows) == ("finished", 20)
    assert set(third.requests["request_bytes"].to_pylist()) == {len('{"mine": 1}')}
    assert third.manifest.options["max_outstanding"] == "7"
    assert (third.manifest.options["run_time"], fourth.manifest.options["run_time"]) == (1, None)
    assert 20 < fourth.requests.num_rows < 100
    assert len({run.manifest.seed for run in (second, third, fourth)}) == 3
    assert output.count("The run is recorded in") == 4


def test_the_page_and_the_master_s_port_are_on_loopback_unless_the_command_line_says_otherwise() -> None:
    program = (
        "import harness.load.locust.web_form; from locust.argument_parser import parse_options; import sys;"
        "options = parse_options(sys.argv[1:]); print(options.web_host, options.master_bind_host)"
    )
    for arguments, hosts in (([], "127.0.0.1 127.0.0.1"), (["--web-host", "::1", "--master-bind-host", "*"], "::1 *")):
        done = subprocess.run(
            [sys.executable, "-c", program, *arguments], capture_output=True, text=True, timeout=60, check=True
        )
        assert done.stdout.splitlines()[-1] == hosts


@pytest.mark.parametrize("order", ["import pyarrow, locust", "import locust, pyarrow"])
def test_arrow_works_before_and_after_locusts_patching(tmp_path: Path, order: str) -> None:
    script = (
        f"{order}, pyarrow.compute, gevent, sys; from pathlib import Path\n"
        "from harness.load.locust.request_stream import RequestStream; from harness.load.runs import read_run\n"
        "from tests.load.recorded import manifest; from tests.load.locust.test_request_stream import row\n"
        f"folder = Path({str(tmp_path)!r}); manifest().write(folder)\n"
        "stream = RequestStream(folder / 'requests.arrow', print, flush_every=0.01)\n"
        "[(stream.add(row()), gevent.sleep(0)) for _ in range(2000)]; stream.close()\n"
        "print(read_run(folder).requests.num_rows)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout.strip() == "2000"
