"""docs/architecture.md: the folders, files and functions that it names exist, and its tree is the order of imports."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "architecture.md").read_text()
HARNESS = ROOT / "harness"
NAMES = sorted(set(re.findall(r"\bharness\.[\w.]+:[\w.]*\w", PAGE)))
PATHS = sorted(set(re.findall(r"`((?:harness|tests|model_server|loadtests|fixtures)/[\w/.]*)`", PAGE)))


def defines(file: Path, name: str) -> bool:
    """Whether a module defines ``function``, ``Class`` or ``Class.method``."""
    body = ast.parse(file.read_text()).body
    for part in name.split("."):
        definitions = {
            node.name: node.body
            for node in body
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        }
        if part not in definitions:
            return False
        body = definitions[part]
    return True


def test_it_names_each_step_of_its_walks() -> None:
    walks = PAGE.split("\n## Walk ")[1:]
    assert [len(re.findall(r"^\d+\. ", walk, re.MULTILINE)) for walk in walks] == [10, 10, 9]
    assert len(NAMES) > 40


@pytest.mark.parametrize("name", NAMES)
def test_every_function_that_it_names_exists(name: str) -> None:
    module, _, member = name.partition(":")
    assert defines((ROOT / module.replace(".", "/")).with_suffix(".py"), member)


@pytest.mark.parametrize("path", PATHS)
def test_every_path_that_it_names_exists(path: str) -> None:
    assert (ROOT / path).exists()


def folders_of_the_tree(spaces: int) -> list[str]:
    return re.findall(rf"^ {{{spaces}}}(\w+)/ +[A-Z].*\.$", PAGE, re.MULTILINE)


def test_its_tree_has_every_folder_with_a_sentence_in_the_order_of_the_layers() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    (layers,) = [contract["layers"] for contract in contracts if contract["type"] == "layers"]
    modules = [module for layer in layers for module in layer.split(" | ")]
    assert folders_of_the_tree(2) == [module for module in modules if (HARNESS / module).is_dir()]
    assert set(folders_of_the_tree(2)) == {file.parent.name for file in HARNESS.glob("*/__init__.py")}


def test_every_folder_within_a_folder_of_its_tree_exists() -> None:
    parent = HARNESS
    for indentation, name in re.findall(r"^( {2}| {4})(\w+)/ +[A-Z]", PAGE, re.MULTILINE):
        if len(indentation) == 2:
            parent = HARNESS / name
        else:
            assert (parent / name).is_dir()
