"""What happens to a model server that has used up its instance's memory."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import psutil
import pytest

from harness.hosting.instances.process.memory_limit import limit_of, relieve

# A parent of little and a child of much, as a model server's front and its worker.
TREE = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "kept = b'x' * 100_000_000; print('full', flush=True); input()"],
                         stdin=subprocess.PIPE, stdout=subprocess.PIPE)
child.stdout.readline()
print(child.pid, flush=True)
input()
"""


@pytest.fixture
def tree() -> Iterator[tuple[psutil.Process, psutil.Process]]:
    parent = subprocess.Popen([sys.executable, "-c", TREE], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert parent.stdout is not None
    yield psutil.Process(parent.pid), psutil.Process(int(parent.stdout.readline()))
    parent.communicate()


def test_the_largest_process_is_killed_and_the_others_go_on(tree: tuple[psutil.Process, psutil.Process]) -> None:
    parent, child = tree
    sentence = relieve(parent.pid, 50 * 2**20)
    assert sentence is not None
    assert sentence.startswith(f"Out of memory: killed process {child.pid} (")
    assert "of the 0.05 GiB that the instance has" in sentence
    psutil.wait_procs([child], timeout=10)
    assert child.status() == psutil.STATUS_ZOMBIE
    assert relieve(parent.pid, 50 * 2**20) is None
    assert parent.is_running()


def test_a_tree_within_its_memory_is_left_alone(tree: tuple[psutil.Process, psutil.Process]) -> None:
    parent, child = tree
    assert relieve(parent.pid, 500 * 2**20) is None
    assert child.status() != psutil.STATUS_ZOMBIE


def test_the_limit_is_the_instance_types_and_leaves_the_machine_a_fifth() -> None:
    machine = psutil.virtual_memory().total
    assert limit_of("ml.t2.medium") == min(4 * 2**30, int(0.8 * machine))
    assert limit_of("ml.r5.24xlarge") == min(768 * 2**30, int(0.8 * machine))
