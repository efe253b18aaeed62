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

from harness.access.rules.actions import AccountRegion
from harness.access.rules.service_calls import endpoint_calls, function_calls
from harness.stack.file import load_stack
from harness.testing.access import assert_allowed

PLACE = AccountRegion("us-east-1", "123456789012")
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


@pytest.mark.parametrize(
    "file",
    [SAMPLE / "stack.toml", *sorted(ROOT.glob("fixtures/**/stack.toml"))],
    ids=lambda file: str(file.relative_to(ROOT)),
)
def test_the_roles_of_a_shipped_stack_allow_what_awss_services_call(file: Path) -> None:
    """`harness policy check` would report a denied call, and on AWS the endpoint would fail."""
    stack = load_stack(file)
    calls = [
        call
        for model in stack.models.values()
        for call in endpoint_calls(
            stack.endpoint.name,
            {
                "ExecutionRoleArn": model.role,
                "PrimaryContainer": {"Image": model.image, "ModelDataUrl": f"s3://{stack.bucket}/{model.model_data}"},
            },
            {},
            PLACE,
        )
    ]
    if stack.function is not None:
        calls += function_calls(stack.function.name, stack.function.role, (), PLACE)
    assert len(calls) > 8
    for call in calls:
        role = stack.roles[call.role]
        managed = [f"arn:aws:iam::aws:policy/{name}" for name in role.managed_policies]
        assert_allowed(
            [*map(stack.path, role.policies), *managed], call.action, call.resource, context=dict(call.context)
        )
