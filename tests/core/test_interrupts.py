"""Interrupts of a command. Each test has a process of its own, because signals go to a process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HEAD = """\
import os, signal, subprocess, sys, time
from harness.core import interrupts
def tell(number=signal.SIGINT):
    os.kill(os.getpid(), number)
    time.sleep(0.01)
"""


def run(program: str) -> subprocess.CompletedProcess[str]:
    code = HEAD + textwrap.dedent(program)
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr, done.stderr
    return done


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_each_signal_is_one_exception_with_a_shells_exit_status(number: signal.Signals) -> None:
    done = run(f"""
        try:
            with interrupts.raise_on_signals():
                tell({int(number)})
        except interrupts.Interrupted as interrupted:
            print(interrupted.sentence)
            sys.exit(interrupted.exit_status)
    """)
    assert (done.stdout, done.returncode) == ("Interrupted.\n", 128 + number)


def test_what_follows_an_interrupt_is_ignored() -> None:
    done = run("""
        try:
            with interrupts.raise_on_signals():
                try:
                    tell()
                finally:
                    tell(signal.SIGTERM)  # the same interrupt
        except interrupts.Interrupted as interrupted:
            print(interrupted.number == signal.SIGINT)
        tell()
        tell(signal.SIGTERM)
        print("ended by itself")
    """)
    assert (done.stdout, done.returncode) == ("True\nended by itself\n", 0)


def test_an_ignored_signal_stays_ignored() -> None:
    done = run("""
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # nohup
        with interrupts.raise_on_signals():
            tell(signal.SIGHUP)
        print("went on")
    """)
    assert done.stdout == "went on\n"


def test_an_interrupt_waits_until_signals_are_no_longer_deferred() -> None:
    done = run("""
        try:
            with interrupts.raise_on_signals():
                with interrupts.defer_signals(), interrupts.defer_signals():
                    tell()
                    print("to the end")
                print("not reached")
        except interrupts.Interrupted:
            print("then")
    """)
    assert done.stdout == "to the end\nthen\n"


def test_an_interrupted_stack_is_cleaned_up_completely() -> None:
    done = run("""
        def close(name):
            tell()
            print(name)
        try:
            with interrupts.raise_on_signals(), interrupts.CleanupStack() as cleanup:
                cleanup.callback(close, "first")
                cleanup.callback(close, "second")
                time.sleep(0.6)
                tell()
        except interrupts.Interrupted:
            print("interrupted")
    """)
    assert done.stdout == "second\nfirst\ninterrupted\n"


def test_a_process_that_ignores_the_signal_is_killed() -> None:
    done = run("""
        deaf = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); time.sleep(60)"
        process = subprocess.Popen([sys.executable, "-c", deaf], stdout=subprocess.PIPE)
        process.stdout.readline()
        interrupts.end_process(process, 0.2)
        print(process.returncode)
    """)
    assert done.stdout == "-9\n"


@pytest.mark.unmeasured
def test_the_program_is_interrupted_while_it_still_imports(tmp_path: Path) -> None:
    (tmp_path / "click.py").write_text("import os, signal, time; os.kill(os.getpid(), signal.SIGINT); time.sleep(5)")
    path = os.pathsep.join((str(tmp_path), str(ROOT)))
    done = subprocess.run(
        [sys.executable, "-m", "harness.cli.entry", "up"], env={**os.environ, "PYTHONPATH": path}, capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    assert (done.stderr, done.returncode) == ("Interrupted.\n", 130)
