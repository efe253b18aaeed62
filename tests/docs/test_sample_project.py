"""The tests of docs/sample-project pass as its reader runs them: on the built wheel, in an environment of its own."""

from __future__ import annotations

import os
import shutil
import site
import subprocess
import sys
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "docs" / "sample-project"


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the wheel. Its requirements come from this environment, so nothing is downloaded."""
    folder = tmp_path_factory.mktemp("reader")
    source = folder / "source"
    source.mkdir()
    for name in ("harness", "model_server", "pyproject.toml", "README.md", "LICENSE", "NOTICE"):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, source / name)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    subprocess.run([*pip, "wheel", "--no-deps", "--no-build-isolation", "-w", str(folder), str(source)], check=True)
    (wheel,) = folder.glob("*.whl")
    venv.create(folder / "environment", symlinks=True)
    interpreter = folder / "environment" / "bin" / "python"
    subprocess.run([*pip, "--python", str(interpreter), "install", "--no-deps", "--no-index", str(wheel)], check=True)
    (packages,) = (folder / "environment" / "lib").glob("python*/site-packages")
    (packages / "requirements.pth").write_text("\n".join(site.getsitepackages()))
    return interpreter


@pytest.mark.torch
def test_its_tests_pass_on_the_wheel(python: Path, tmp_path: Path) -> None:
    project = tmp_path / "project"
    shutil.copytree(SAMPLE, project, ignore=shutil.ignore_patterns("build", "__pycache__"))
    clean_environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "COV", "PYTEST_", "PYTHON"))
    }
    check = "import harness, sys; print(harness.__file__.startswith(sys.prefix))"
    on_wheel = subprocess.run(
        [python, "-c", check], env=clean_environment, cwd=project, capture_output=True, text=True, check=True
    )
    assert on_wheel.stdout == "True\n", "the tests would run on this checkout, not on the wheel"
    done = subprocess.run(
        [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--disable-warnings"],
        env=clean_environment,
        cwd=project,
        capture_output=True,
        text=True,
        check=False,
        timeout=280,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "6 passed" in done.stdout
