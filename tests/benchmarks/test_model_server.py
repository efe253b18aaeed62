"""What the container adds to the model: ResNet50 through POST /invocations, compared with the raw forward pass.

``make bench`` runs this. Served and raw rounds alternate, so that a busy machine slows both. A figure is the median
over the rounds.
"""

from __future__ import annotations

import runpy
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from model_server.archive import unpack
from tests.benchmarks.figures import Table
from tests.model_server.serving import DOG_BREED, ROOT, SERVERS, ModelServer, serving

PHOTO = (DOG_BREED / "images" / "photo.jpg").read_bytes()
ROUNDS = 7
PASSES = 20  # forward passes of one caller in one round

# The same model, picture size and thread count in a process of its own. A line of input starts one round.
RAW = """
import sys, time
sys.path[:0] = sys.argv[1:]
from model_server import torchvision_cpu
torchvision_cpu.enable()
import torch
torch.set_num_threads(1)
from torchvision.models import resnet50
model = resnet50(weights=None)
model.fc = torch.nn.Sequential(torch.nn.Linear(2048, 128), torch.nn.ReLU(inplace=True), torch.nn.Linear(128, 133))
model.eval()
picture = torch.rand(1, 3, 224, 224)
with torch.no_grad():
    for _ in range(5):
        model(picture)
    print("ready", flush=True)
    for line in sys.stdin:
        start = time.perf_counter()
        for _ in range(int(line)):
            model(picture)
        print(time.perf_counter() - start, flush=True)
"""


@pytest.fixture(scope="module")
def model_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    archive = runpy.run_path(str(DOG_BREED / "build.py"))["build_model"]()
    folder = tmp_path_factory.mktemp("model")
    unpack(archive, folder)
    return folder


@pytest.fixture(scope="module")
def raw() -> Iterator[list[Callable[[], float]]]:
    """Two processes that run forward passes when they are called. A call returns the seconds of one pass."""
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", RAW, str(ROOT)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]

    def caller(process: subprocess.Popen[str]) -> Callable[[], float]:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        stdin, stdout = process.stdin, process.stdout

        def one_round() -> float:
            stdin.write(f"{PASSES}\n")
            stdin.flush()
            return float(stdout.readline()) / PASSES

        return one_round

    yield [caller(process) for process in processes]
    for process in processes:
        process.communicate()


@pytest.mark.benchmark(group="resnet50")
@pytest.mark.parametrize("server", SERVERS)
def test_resnet50_through_the_container(
    figures: Table, server: str, model_dir: Path, raw: list[Callable[[], float]], benchmark: BenchmarkFixture
) -> None:
    responses = str(DOG_BREED / "responses")
    with serving(model_dir, server, "--workers", "2", "--threads", "1", "--responses", responses) as model_server:
        model_server.wait_ready()
        served = [_caller(model_server) for _ in range(2)]
        _together(served)
        one_caller, two_callers = [], []
        for _ in range(ROUNDS):
            one_caller.append(raw[0]() / served[0]())
            two_callers.append(_together(raw) / _together(served))
        memory = _memory(model_server)
        benchmark.pedantic(model_server.post, args=(PHOTO, "image/jpeg"), rounds=20)  # type: ignore[no-untyped-call]
    part = f"model server, {server}"
    in_readme = server == "torchserve"
    for what, ratios in (
        ("ResNet50, ratio to the raw forward pass, one caller", one_caller),
        ("ResNet50, ratio to two raw processes, two workers", two_callers),
    ):
        figures.add(part, what, statistics.median(ratios), at_least=0.85, short=in_readme)
    shown = ", ".join(f"{name} {mb}" for name, mb in memory.items())
    figures.add(part, "resident memory", sum(memory.values()), "MB", peer=shown)


def _caller(model_server: ModelServer) -> Callable[[], float]:
    def one_round() -> float:
        start = time.perf_counter()
        for _ in range(PASSES):
            assert model_server.post(PHOTO, "image/jpeg").status_code == 200
        return (time.perf_counter() - start) / PASSES

    return one_round


def _together(callers: list[Callable[[], float]]) -> float:
    """The mean seconds of a pass when all callers run at once."""
    seconds: list[float] = []
    threads = [threading.Thread(target=lambda caller=caller: seconds.append(caller())) for caller in callers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return statistics.mean(seconds)


def _memory(model_server: ModelServer) -> dict[str, int]:
    processes = {"launcher": psutil.Process(model_server.process.pid)}
    for process in model_server.descendants():
        kind = "java" if "java" in process.name() else "worker"
        processes[f"{kind} {len(processes)}"] = process
    return {name: round(process.memory_info().rss / 1e6) for name, process in processes.items()}
