"""Coming up, staying up and going down: readiness, faults, and that nothing outlives the launcher."""

from __future__ import annotations

import re
import signal
import socket
import stat
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from tests.model_server.serving import SERVERS, serving, until, write_model

pytestmark = pytest.mark.torch

# Steps that a test opens by creating a file, so that it can look at the moment before.
GATED = """
import os, time
HERE = os.path.dirname(os.path.abspath(__file__))
def wait_for(name):
    open(os.path.join(HERE, name + ".reached"), "w").close()
    while not os.path.exists(os.path.join(HERE, name)):
        time.sleep(0.01)
def model_fn(model_dir):
    wait_for("load")
    return "model"
def transform_fn(model, data, content_type, accept):
    if data == b"wait":
        wait_for("answer")
    if data == b"die":
        os._exit(3)
    return data.decode() + " answered"
"""
NO_MODULE = "import no_such_module\n"
NOT_ITS_STATE = "def model_fn(model_dir):\n    raise RuntimeError('Error(s) in loading state_dict')\n"
ONE_WORKER = ("--workers", "1", "--threads", "1")


@pytest.fixture
def model_dir(tmp_path: Path) -> Path:
    return write_model(tmp_path / "model", inference=GATED)


def open_gate(model_dir: Path, name: str) -> None:
    (model_dir / "code" / name).touch()


def wait_at_gate(model_dir: Path, name: str) -> None:
    until((model_dir / "code" / f"{name}.reached").exists, 60, f"the model at its gate {name!r}")


def all_gone(processes: list[psutil.Process], seconds: float) -> None:
    def gone() -> bool:
        return not any(process.is_running() and process.status() != psutil.STATUS_ZOMBIE for process in processes)

    until(gone, seconds, f"the end of {processes}")


@pytest.mark.parametrize("server", SERVERS)
class TestReadiness:
    def test_ping_is_503_until_the_model_is_loaded_and_while_no_worker_lives(
        self, server: str, model_dir: Path
    ) -> None:
        with serving(model_dir, server, *ONE_WORKER) as model_server:
            wait_at_gate(model_dir, "load")
            time.sleep(1)  # TorchServe's own ping says Healthy by now
            assert model_server.ping() == 503
            assert model_server.post("x").status_code == 503
            open_gate(model_dir, "load")
            model_server.wait_ready()
            assert model_server.post(b"x").text == "x answered"

            (model_dir / "code" / "load").unlink()
            died = model_server.post(b"die")
            assert died.status_code == 500
            assert died.json()["message"] == "Worker died."
            until(lambda: model_server.ping() == 503, 5, "503 without a worker")
            open_gate(model_dir, "load")
            until(lambda: model_server.ping() == 200, 30, "200 with the new worker")
            assert model_server.post(b"y").text == "y answered"

    def test_a_caller_that_finds_100_waiting_gets_503(self, server: str, model_dir: Path) -> None:
        """TorchServe's job_queue_size: one in work, 100 waiting (TorchServe takes one more off the queue early)."""
        open_gate(model_dir, "load")
        with serving(model_dir, server, *ONE_WORKER) as model_server, ThreadPoolExecutor(110) as callers:
            model_server.wait_ready()
            calls = [callers.submit(model_server.post, b"wait")]
            wait_at_gate(model_dir, "answer")
            calls += [callers.submit(model_server.post, b"queued") for _ in range(108)]
            until(lambda: sum(call.done() for call in calls) >= 8, 20, "8 callers are turned away")
            open_gate(model_dir, "answer")
            answers = [call.result() for call in calls]
        turned_away = [answer for answer in answers if answer.status_code == 503]
        assert len(turned_away) == 8
        assert 'Model "model" has no worker to serve inference request' in turned_away[0].json()["message"]
        assert sum(answer.status_code == 200 for answer in answers) == 101

    def test_an_answer_that_takes_too_long_costs_the_worker(self, server: str, model_dir: Path) -> None:
        """60 s in the container; SAGEMAKER_MODEL_SERVER_TIMEOUT is the toolkit's own setting for it."""
        open_gate(model_dir, "load")
        environment = {"SAGEMAKER_MODEL_SERVER_TIMEOUT": "1"}
        with serving(model_dir, server, *ONE_WORKER, environment=environment) as model_server:
            model_server.wait_ready()
            late = model_server.post(b"wait")
            assert late.status_code == 500
            assert late.json() == {"code": 500, "type": "InternalServerException", "message": "Worker died."}
            until(lambda: model_server.ping() == 200, 30, "the new worker")

    def test_a_worker_that_the_kernel_kills_is_replaced(self, server: str, model_dir: Path) -> None:
        """TorchServe says 507 when it has already seen the exit status 137, and 500 otherwise (WorkerThread.java)."""
        open_gate(model_dir, "load")
        with serving(model_dir, server, *ONE_WORKER) as model_server, ThreadPoolExecutor(1) as caller:
            model_server.wait_ready()
            call = caller.submit(model_server.post, b"wait")
            wait_at_gate(model_dir, "answer")
            (worker,) = [process for process in model_server.descendants() if "model_service_worker" in _line(process)]
            worker.kill()
            print("STATUS", server, call.result().status_code)
            assert call.result().status_code in (500, 507)
            assert call.result().json()["message"] == "Worker died."
            until(lambda: model_server.ping() == 200, 30, "the new worker")

    def test_a_caller_that_gives_up_does_no_harm(self, server: str, model_dir: Path) -> None:
        open_gate(model_dir, "load")
        with serving(model_dir, server, *ONE_WORKER) as model_server:
            model_server.wait_ready()
            with socket.create_connection(("127.0.0.1", model_server.port)) as caller:
                caller.sendall(b"POST /invocations HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\nwait")
                wait_at_gate(model_dir, "answer")
            open_gate(model_dir, "answer")
            assert model_server.post(b"next").text == "next answered"


@pytest.mark.parametrize("server", SERVERS)
class TestTheEnd:
    def test_sigterm_answers_what_is_in_work_and_leaves_nothing(
        self, server: str, model_dir: Path, tmp_path: Path
    ) -> None:
        open_gate(model_dir, "load")
        temporary = tmp_path / "tmp"
        temporary.mkdir()
        environment = {"TMPDIR": str(temporary)}
        with serving(model_dir, server, *ONE_WORKER, environment=environment) as model_server:
            model_server.wait_ready()
            children = model_server.descendants()
            with ThreadPoolExecutor(1) as caller:
                call = caller.submit(model_server.post, b"wait")
                wait_at_gate(model_dir, "answer")
                model_server.process.send_signal(signal.SIGTERM)
                until(lambda: model_server.ping() == 0, 5, "no new callers")
                open_gate(model_dir, "answer")
                assert call.result().text == "wait answered"
            assert model_server.wait_ended(10) == 0
        all_gone(children, 2)
        assert list(temporary.iterdir()) == []

    def test_the_lifeline_s_end_is_the_server_s(self, server: str, model_dir: Path, tmp_path: Path) -> None:
        open_gate(model_dir, "load")
        work_dir = tmp_path / "work"
        options = ("--lifeline", "--work-dir", str(work_dir))
        with serving(model_dir, server, *ONE_WORKER, *options) as model_server:
            model_server.wait_ready()
            children = model_server.descendants()
            assert model_server.process.stdin is not None
            model_server.process.stdin.close()
            assert model_server.wait_ended(5) == 0
        all_gone(children, 2)
        assert not work_dir.exists()

    @pytest.mark.parametrize("moment", ["starting", "loading", "working"])
    def test_after_a_sigkill_no_child_lives(self, server: str, moment: str, model_dir: Path, tmp_path: Path) -> None:
        work_dir = tmp_path / "work"
        with serving(model_dir, server, *ONE_WORKER, "--work-dir", str(work_dir)) as model_server:
            if moment == "starting":
                until(model_server.descendants, 60, "a first child")
            else:
                wait_at_gate(model_dir, "load")
            if moment == "working":
                open_gate(model_dir, "load")
                model_server.wait_ready()
                ThreadPoolExecutor(1).submit(model_server.post, b"wait")
                wait_at_gate(model_dir, "answer")
            children = model_server.descendants()
            assert children
            model_server.process.kill()
            model_server.wait_ended(5)
            all_gone(children, 3)
        all_gone([process for process in psutil.process_iter() if _mentions(process, work_dir)], 3)


def _mentions(process: psutil.Process, path: Path) -> bool:
    return str(path) in _line(process)


def _line(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


class TestSeveralOnOneMachine:
    def test_two_torchserves_run_side_by_side_and_stop_one_by_one(self, tmp_path: Path) -> None:
        models = [write_model(tmp_path / name, inference=GATED) for name in ("one", "two")]
        for model in models:
            open_gate(model, "load")
        with (
            serving(models[0], "torchserve", *ONE_WORKER) as one,
            serving(models[1], "torchserve", *ONE_WORKER) as two,
        ):
            one.wait_ready()
            two.wait_ready()
            assert one.post(b"1").text == "1 answered"
            one.close()
            assert two.post(b"2").text == "2 answered"

    def test_java_s_end_is_the_server_s(self, model_dir: Path) -> None:
        open_gate(model_dir, "load")
        with serving(model_dir, "torchserve", *ONE_WORKER) as model_server:
            model_server.wait_ready()
            children = model_server.descendants()
            (java,) = [process for process in children if "org.pytorch.serve.ModelServer" in _line(process)]
            java.kill()
            assert model_server.wait_ended(10) == 1
            assert "TorchServe's Java process ended with status -9" in model_server.lines[-1]
            all_gone(children, 3)

    def test_torchserve_listens_at_no_port_and_at_sockets_of_the_user_s_own(self, model_dir: Path) -> None:
        """Not for gRPC, which TorchServe itself cannot switch off; management and metrics are in a private folder."""
        open_gate(model_dir, "load")
        with serving(model_dir, "torchserve", *ONE_WORKER) as model_server:
            model_server.wait_ready()
            processes = model_server.descendants()
            assert any("org.pytorch.serve.ModelServer" in _line(process) for process in processes)
            listening = [
                connection.laddr
                for process in processes
                for connection in process.net_connections("inet")
                if connection.status == psutil.CONN_LISTEN or connection.type == socket.SOCK_DGRAM
            ]
            assert listening == []
            folders = {
                Path(connection.laddr).parent
                for process in processes
                for connection in process.net_connections("unix")
                if str(connection.laddr).startswith("/")
            }
            assert folders
            assert {stat.S_IMODE(folder.stat().st_mode) for folder in folders} == {0o700}


class TestAModelThatCannotBeLoaded:
    """The process ends with status 1, and its last lines hold what the model's code said.

    The worker that tells it is the same under both servers: every cause under one of them, and under TorchServe as well
    the one that its loader hides behind another error, and one of a worker that only then loads.
    """

    @pytest.mark.parametrize(
        ("server", "code", "said"),
        [
            ("asgi", "def model_fn(model_dir:\n", r"SyntaxError: '\(' was never closed"),
            ("asgi", NO_MODULE, r"ModuleNotFoundError: No module named 'no_such_module'"),
            ("torchserve", NO_MODULE, r"ModuleNotFoundError: No module named 'no_such_module'"),
            (
                "asgi",
                "def model_fn(model_dir):\n    open(model_dir + '/model.pth')\n",
                r"FileNotFoundError: .*model\.pth",
            ),
            ("asgi", NOT_ITS_STATE, "RuntimeError: Error"),
            ("torchserve", NOT_ITS_STATE, "RuntimeError: Error"),
            ("asgi", "import sys\nsys.exit('no licence')\n", "SystemExit: no licence"),
            ("asgi", "raise ValueError('x ' * 1_000_000)\n", "ValueError: x x"),
            (
                "asgi",
                "def transform_fn(a, b, c, d): pass\ndef input_fn(a, b): pass\n",
                "ValueError: Cannot use transform_fn",
            ),
        ],
    )
    def test_because_its_code_raises(self, server: str, code: str, said: str, tmp_path: Path) -> None:
        model_dir = write_model(tmp_path / "model", inference=code)
        with serving(model_dir, server, *(() if code == NOT_ITS_STATE else ONE_WORKER)) as model_server:
            assert model_server.wait_ended(30) == 1
            assert re.search(f"The model cannot be loaded: {said}", model_server.lines[-1])
            assert "Traceback (most recent call last):" in model_server.log

    def test_because_there_is_neither_code_nor_a_model(self, tmp_path: Path) -> None:
        (tmp_path / "model").mkdir()
        with serving(tmp_path / "model", "asgi", *ONE_WORKER) as model_server:
            assert model_server.wait_ended(30) == 1
            what, why = model_server.lines[-2:]
            assert "ValueError: Exactly one .pth or .pt file is required for PyTorch models" in what
            assert "model.tar.gz has no code/inference.py, so the toolkit's own model_fn was used" in why

    @pytest.mark.parametrize("server", SERVERS)
    def test_because_its_process_ends_without_a_word(self, server: str, tmp_path: Path) -> None:
        model_dir = write_model(tmp_path / "model", inference="import os\nos._exit(7)\n")
        with serving(model_dir, server, *ONE_WORKER) as model_server:
            assert model_server.wait_ended(60) == 1
            assert "its worker process ended without a word each time" in model_server.lines[-1]


class TestACommandLineThatCannotWork:
    def test_a_port_that_is_taken(self, model_dir: Path) -> None:
        with serving(model_dir, "asgi", *ONE_WORKER) as first:
            until(lambda: first.ping() == 503, 20, "the first holds its port")
            with serving(model_dir, "asgi", *ONE_WORKER, "--port", str(first.port)) as second:
                assert second.wait_ended(20) == 1
                taken = f"Cannot listen on 127.0.0.1:{first.port} (Address already in use): choose another --port."
                assert second.lines == [f"model_server: {taken}"]

    def test_a_model_folder_that_is_not_there(self, tmp_path: Path) -> None:
        with serving(tmp_path / "none", "asgi") as model_server:
            assert model_server.wait_ended(20) == 1
            assert model_server.lines == [
                f"model_server: --model-dir {tmp_path}/none is not a folder: name one that exists."
            ]
