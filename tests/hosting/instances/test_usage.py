"""What a process and those below it use."""

from __future__ import annotations

import subprocess
import sys

from harness.hosting.instances.process.usage import usage_of_tree

BURN = """
import subprocess, sys, time
held = "x = bytearray(50_000_000)\\nprint(flush=True)\\nimport time\\ntime.sleep(60)"
child = subprocess.Popen([sys.executable, "-c", held], stdout=subprocess.PIPE)
child.stdout.readline()
end = time.process_time() + 0.3
while time.process_time() < end:
    pass
print("burnt", flush=True)
sys.stdin.read()
child.kill()
"""


def test_cpu_time_and_memory_of_the_whole_tree() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", BURN], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "burnt\n"
        usage = usage_of_tree(process.pid)
        process.communicate("")
    assert usage is not None
    assert 0.3 <= usage.cpu_seconds < 30
    assert 50e6 < usage.memory_bytes < 500e6


def test_none_once_it_is_gone() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        pass
    assert usage_of_tree(process.pid) is None
