"""A result names the machine and the versions it came from, without importing what it names."""

import platform
import subprocess
import sys
from pathlib import Path

from harness.core import machine


def test_names_this_machine() -> None:
    facts = machine.machine()
    assert facts["cpu"]
    assert int(facts["cores"]) >= 1
    assert int(facts["memory_bytes"]) > 2**27
    assert "Linux" in str(facts["os"])


def test_names_python_and_what_is_installed() -> None:
    versions = machine.versions()
    assert versions["python"] == platform.python_version()
    assert versions["locust"]


def test_imports_nothing_for_it() -> None:
    script = "import sys; from harness.core.machine import versions; versions(); print('torch' in sys.modules)"
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=root)
    assert done.stdout.strip() == "False"


def test_a_machine_without_proc_still_has_a_name(tmp_path: Path) -> None:
    assert machine._cpu_model(tmp_path / "none")
