"""CONTRIBUTING.md, the hosted workflow and the commit hooks: what they name exists, and their schemas are valid."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from tests.changed import select

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "CONTRIBUTING.md").read_text()
WORKFLOW = ROOT / ".github" / "workflows" / "ci.yml"


@pytest.mark.parametrize(
    "path", sorted(set(re.findall(r"`((?:harness|tests|loadtests|docs|model_server)/[\w/.]*)`", PAGE)))
)
def test_every_path_that_it_names_exists(path: str) -> None:
    assert (ROOT / path).exists()


@pytest.mark.parametrize("target", sorted(set(re.findall(r"`make ([\w-]+)", PAGE))))
def test_every_make_target_that_it_names_exists(target: str) -> None:
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE)


def test_the_hosted_workflow_is_valid_by_githubs_schema() -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.github-workflows", str(WORKFLOW)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_hosted_workflow_runs_every_python_that_the_package_is_for() -> None:
    workflow = YAML(typ="safe").load(WORKFLOW)
    classifiers = re.findall(r"Programming Language :: Python :: (3\.\d+)", (ROOT / "pyproject.toml").read_text())
    assert workflow["jobs"]["test"]["strategy"]["matrix"]["python"] == classifiers
    runs = [step["run"] for job in workflow["jobs"].values() for step in job["steps"] if "run" in step]
    assert runs == ["make test", "make audit", "make test-compose"]


def test_the_commit_hooks_are_the_tools_of_make_lint() -> None:
    (repository,) = YAML(typ="safe").load(ROOT / ".pre-commit-config.yaml")["repos"]
    tools = [hook["entry"].split()[0].removeprefix(".venv/bin/") for hook in repository["hooks"]]
    assert tools == ["ruff", "ruff", "mypy", "lint-imports"]
    assert all(shutil.which(tool, path=str(Path(sys.executable).parent)) for tool in tools)


@pytest.mark.parametrize(
    ("changed", "tests"),
    [
        ("harness/scaling/rules/alarms.py", {"tests/scaling/rules/test_alarms.py"}),
        ("tests/scaling/rules/test_alarms.py", {"tests/scaling/rules/test_alarms.py"}),
        ("tests/compose/test_faults.py", set()),
    ],
)
def test_make_check_runs_the_tests_that_mirror_what_changed(changed: str, tests: set[str]) -> None:
    assert set(select([changed])) == tests


@pytest.mark.parametrize(
    ("changed", "folder"),
    [
        ("harness/scaling/controller.py", "tests/scaling/test_"),
        ("harness/functions/operations/layers.py", "tests/functions/test_"),
        ("harness/hosting/instances/twin/host.py", "tests/hosting/instances/test_"),
        ("harness/report/plan/templates/plan.html.j2", "tests/report/plan/test_"),
        ("README.md", "tests/docs/test_"),
        ("tests/scaling/deleted_helper.py", "tests/scaling/test_"),
    ],
)
def test_make_check_runs_a_folders_tests_where_no_file_mirrors_the_change(changed: str, folder: str) -> None:
    selected = select([changed])
    assert selected
    assert all(file.startswith(folder) for file in selected)


def test_make_check_runs_something_for_every_module() -> None:
    modules = [*(ROOT / "harness").rglob("*.py"), *(ROOT / "model_server").rglob("*.py")]
    untested = {str(module.relative_to(ROOT)) for module in modules if not select([str(module.relative_to(ROOT))])}
    assert untested == set()
