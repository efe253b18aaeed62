"""Under the real locust a schedule is played once, to its end, by one process or several, and recorded so."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import pyarrow as pa
import pytest

from harness.load.latency_log import read_latency_log
from harness.load.validity import judge
from tests.load.locust.locusts import LOADTESTS, ROOT, command, environment, locust, only_run
from tests.load.locust.standin import StandIn, stand_in

LOCUSTFILE = """
from locust import FastHttpUser, task
import harness.load.locust.record_runs
from harness.load.locust.open_loop import OpenLoop
from harness.load.schedule import even
from harness.load.traffic_forms import constant
from harness.load.locust.users import EndpointUser


class Plain(OpenLoop, FastHttpUser):
    @classmethod
    def schedule(cls, environment):
        return constant(20, 1)

    @classmethod
    def arrivals(cls, environment, schedule, seed):
        return even(schedule)

    @task
    def ask(self):
        self.client.post("/endpoints/fine/invocations", data=b"x", name="first")
        self.client.post("/endpoints/fine/invocations", data=b"x", name="second")
"""


LATE = """
import gevent
from locust import FastHttpUser, task
import harness.load.locust.record_runs
from harness.load.locust.open_loop import OpenLoop
from harness.load.schedule import even
from harness.load.traffic_forms import constant


class Late(OpenLoop, FastHttpUser):
    @classmethod
    def schedule(cls, environment):
        return constant(10, SECONDS)

    @classmethod
    def arrivals(cls, environment, schedule, seed):
        return even(schedule)

    def on_start(self):
        gevent.sleep(0 if self.begun else 4)
        type(self).begun = True
        super().on_start()

    begun = False

    @task
    def ask(self):
        self.client.post("/endpoints/fine/invocations", data=b"x")
"""


@pytest.fixture
def server() -> Iterator[StandIn]:
    with stand_in() as running:
        yield running


@contextmanager
def known_latency(*arguments: float) -> Iterator[str]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.load.locust.known_latency", *map(str, arguments)],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
    finally:
        process.communicate()


def test_a_stall_shows_in_every_delayed_request(tmp_path: Path) -> None:
    """Latency counts from the intended start: a wait of 1.5 s in 3 delays a half of them, evenly from 0 to 1.5 s."""
    with known_latency(0.01, 1.5, 3) as url:
        done = locust(
            "-f", str(LOADTESTS), "Steady", "--rate", "50", "-t", "6s", "--spacing", "even", "--only-summary",
            runs=tmp_path / "runs", cwd=tmp_path, AWS_ENDPOINT_URL=url,
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    run = only_run(tmp_path / "runs")
    rows = run.requests.to_pylist()
    assert (run.manifest.ending, run.manifest.cut_short, len(rows)) == ("finished", None, 300)
    gaps = [second["intended"] - first["intended"] for first, second in pairwise(rows)]
    assert sum(gaps) == pytest.approx(299 * 0.02, abs=0.02)
    # The two clocks are read one after the other: on a busy machine a moment may pass in between.
    assert sum(gap == pytest.approx(0.02, abs=0.002) for gap in gaps) >= 0.9 * 299
    for row in rows:
        assert row["response_s"] == pytest.approx(row["late_s"] + row["service_s"], abs=1e-6)
        assert row["start"] - row["intended"] == pytest.approx(row["late_s"], abs=1e-5)
    latencies = sorted(row["response_s"] for row in rows)
    # Closed form: P(latency > x) = (1.5 - x) / 3 above the 10 ms that it always takes.
    for q in (0.6, 0.75, 0.9):
        assert latencies[int(q * 300)] == pytest.approx(0.01 + 3 * (q - 0.5), abs=0.12), q
    assert 0.3 < sum(seconds < 0.2 for seconds in latencies) / 300 < 0.65
    assert read_latency_log(run.folder)["lambda", "dog-breed"].total == 300
    health = judge(run)
    assert (health.arrivals, health.dropped) == (300, 0)
    assert health.overhead_p50 is not None
    assert health.cpu_mean is not None
    # Locust's own table counts from the intended start as well.
    table = next(line for line in done.stderr.splitlines() if "dog-breed" in line and line.count("|") == 2)
    assert int(table.split("|")[1].split()[2]) > 1300


def test_each_worker_plays_its_share_of_one_schedule(tmp_path: Path, server: StandIn) -> None:
    port = free_port()
    done = locust(
        "-f", str(LOADTESTS), "Steady", "--via", "endpoint", "--rate", "16", "-t", "5s", "--spacing", "even",
        "--processes", "2", "--master-bind-host", "127.0.0.1", "--master-bind-port", port, "--master-port", port,
        runs=tmp_path / "runs", cwd=tmp_path, AWS_ENDPOINT_URL=server.url,
    )  # fmt: skip
    assert "Traceback" not in done.stderr
    run = only_run(tmp_path / "runs")
    rows = run.requests.sort_by("intended").to_pylist()
    assert (len(rows), run.manifest.ending) == (80, "finished")
    gaps = [second["intended"] - first["intended"] for first, second in pairwise(rows)]
    # The workers' clocks are one machine's, and they begin at the same moment.
    assert gaps == pytest.approx([0.0625] * 79, abs=0.005)
    assert [len(log.samples) > 0 for log in run.generators] == [True, True]
    assert run.missing_workers == 0
    assert read_latency_log(run.folder)["endpoint", "dog-breed-endpoint"].total == 80


@pytest.mark.parametrize("processes", [1, 2])
@pytest.mark.parametrize(("seconds", "least", "most"), [(7, 70, 70), (60, 0, 40)])
def test_a_late_schedule_is_played_to_its_end_unless_it_exceeds_the_run_time(
    tmp_path: Path, server: StandIn, seconds: int, least: int, most: int, processes: int
) -> None:
    """Locust's timer starts with the users, here four seconds before the schedule; a busy machine has three more."""
    (tmp_path / "locustfile.py").write_text(LATE.replace("SECONDS", str(seconds)))
    port = free_port()
    several = ["--processes", "2", "--master-bind-host", "127.0.0.1", "--master-bind-port", port, "--master-port", port]
    done = locust(
        "-f", "locustfile.py", "-t", "7s", "-H", server.url, *(several if processes > 1 else ()),
        runs=tmp_path / "runs", cwd=tmp_path,
    )  # fmt: skip
    run = only_run(tmp_path / "runs")
    assert run.manifest.ending == "finished", done.stderr
    assert least <= run.requests.num_rows <= most


TWO_SCHEDULES = """
from locust import task
import harness.load.locust.record_runs
from harness.load.locust.open_loop import OpenLoop
from harness.load.traffic_forms import constant
from harness.load.locust.users import EndpointUser


class Base(OpenLoop, EndpointUser):
    abstract = True

    @classmethod
    def schedule(cls, environment):
        return constant(40, 4)

    @task
    def ask(self):
        self.invoke_endpoint("fine", b"x", "application/json")


class One(Base):
    pass


class Other(Base):
    pass
"""


def free_port() -> str:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return str(free.getsockname()[1])


def test_a_lost_worker_makes_the_run_invalid_and_does_not_delay_its_end(tmp_path: Path, server: StandIn) -> None:
    (tmp_path / "locustfile.py").write_text(TWO_SCHEDULES)
    runs, port = tmp_path / "runs", free_port()

    def begin(*arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            command(*arguments), env=environment(runs, AWS_ENDPOINT_URL=server.url), cwd=tmp_path,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip

    # Only the master is told which scenario to play.
    master = begin("One", "--master", "--headless", "--expect-workers", "2", "--master-bind-port", port, "--seed", "1")
    workers = [begin("--worker", "--master-port", port) for _ in range(2)]
    try:
        deadline = time.monotonic() + 30
        while len(server.headers) < 40 and time.monotonic() < deadline:
            time.sleep(0.02)
        workers[0].kill()
        output, _ = master.communicate(timeout=30)
    finally:
        for process in (master, *workers):
            process.kill()
            process.communicate()
    assert "The run is INVALID: 1 of 2 workers went away before the end" in output, output
    run = only_run(runs)
    assert (run.manifest.ending, run.manifest.lost_workers) == ("finished", 1)
    # The other worker has sent its share: half of 160.
    counts = sorted(len(_rows(run.folder / f"requests-{index}.arrow")) for index in range(2))
    assert 60 < counts[1] < 100


def _rows(stream: Path) -> list[object]:
    with pa.OSFile(str(stream), "rb") as source:
        rows: list[object] = []
        try:
            for batch in pa.ipc.open_stream(source):
                rows.extend(batch.to_pylist())
        except pa.ArrowInvalid:
            pass  # cut off
        return rows


def test_a_bad_option_is_refused_once_for_all_processes(tmp_path: Path, server: StandIn) -> None:
    port = free_port()
    done = locust(
        "-f", str(LOADTESTS), "Steady", "--rate", "-3", "--processes", "2",
        "--master-bind-port", port, "--master-port", port, runs=tmp_path, cwd=tmp_path, AWS_ENDPOINT_URL=server.url,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.count("--rate -3 is not a rate: give a number of requests a second above 0.") == 1


def test_a_schedule_ends_the_run_and_any_user_can_play_one(tmp_path: Path, server: StandIn) -> None:
    (tmp_path / "locustfile.py").write_text(LOCUSTFILE)
    begun = time.monotonic()
    # However many users are asked for, the schedule is played once.
    done = locust("-u", "3", "-r", "3", "--host", server.url, runs=tmp_path / "runs", cwd=tmp_path)
    assert time.monotonic() - begun < 30
    assert done.returncode == 0, done.stderr
    run = only_run(tmp_path / "runs")
    assert run.manifest.ending == "finished"
    rows = {name: [row for row in run.requests.to_pylist() if row["name"] == name] for name in ("first", "second")}
    assert [len(sent) for sent in rows.values()] == [20, 20]
    assert all(row["late_s"] is not None for row in rows["first"])
    assert all(row["late_s"] is None for row in rows["second"])


def test_the_stop_timeout_does_not_wait_for_users_without_requests(tmp_path: Path, server: StandIn) -> None:
    begun = time.monotonic()
    done = locust(
        "-f", str(LOADTESTS), "Smoke", "--rate", "20", "-t", "1s", "--stop-timeout", "60",
        runs=tmp_path / "runs", cwd=tmp_path, AWS_ENDPOINT_URL=server.url,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert time.monotonic() - begun < 50
    assert only_run(tmp_path / "runs").manifest.ending == "finished"


def test_dropped_arrivals_are_counted_and_make_the_run_invalid(tmp_path: Path, server: StandIn) -> None:
    done = locust(
        "-f", str(LOADTESTS), "Smoke", "--rate", "10", "-t", "2s", "--spacing", "even", "--max-outstanding", "3",
        "--function-name", "hangs", runs=tmp_path / "runs", cwd=tmp_path, AWS_ENDPOINT_URL=server.url,
    )  # fmt: skip
    assert "The run is INVALID: 17 of 20 arrivals were dropped" in done.stdout
    errors = only_run(tmp_path / "runs").requests["error"].to_pylist()
    assert (errors.count("Dropped"), errors.count("Connection:reset")) == (17, 3)


def test_an_interrupt_does_not_wait_for_answers(tmp_path: Path, server: StandIn) -> None:
    runs = tmp_path / "runs"
    process = subprocess.Popen(
        command("-f", str(LOADTESTS), "--headless", "Soak", "--rate", "20", "--function-name", "hangs"),
        env=environment(runs, AWS_ENDPOINT_URL=server.url), cwd=tmp_path,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    deadline = time.monotonic() + 30
    while not server.headers and time.monotonic() < deadline:
        time.sleep(0.05)
    begun = time.monotonic()
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=30)
    assert time.monotonic() - begun < 3
    assert "Traceback" not in output, output
    run = only_run(runs)
    assert run.manifest.ending == "stopped"
    assert "Unfinished" in run.requests["error"].to_pylist()


def test_a_bad_trace_is_refused_in_a_sentence_before_the_start(tmp_path: Path, server: StandIn) -> None:
    (tmp_path / "descending.csv").write_text("60,1\n0,1\n")
    done = locust(
        "-f", str(LOADTESTS), "DailyCycle", "--trace", "descending.csv",
        runs=tmp_path / "runs", cwd=tmp_path, AWS_ENDPOINT_URL=server.url,
    )  # fmt: skip
    assert done.returncode == 1
    assert "descending.csv:2: 1970-01-01T00:00:00+00:00 does not come after" in done.stderr
    assert "Traceback" not in done.stderr
    assert list((tmp_path / "runs").glob("*")) == []
