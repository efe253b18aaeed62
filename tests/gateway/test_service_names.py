"""The gateway names no service: the owned ones register, and the backend's are named in two modules."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import harness.gateway

FOLDER = Path(harness.gateway.__file__).parent
BACKEND_MODULES = ("backend_services.py", "s3.py")
OWNED = r"lambda|sagemaker|sagemaker-runtime|application-autoscaling"
BACKEND = r"s3|iam|sts|logs|cloudwatch|monitoring|dynamodb|kinesis|sqs|sns|apigateway(v2)?"
MODULES = sorted(FOLDER.rglob("*.py"))


def texts(module: Path) -> Iterator[str]:
    """The strings of a module, docstrings left out."""
    tree = ast.parse(module.read_text())
    statements = {node.value for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in statements:
            yield node.value


@pytest.mark.parametrize("module", MODULES, ids=[str(module.relative_to(FOLDER)) for module in MODULES])
def test_a_module_names_no_service(module: Path) -> None:
    services = OWNED if module.name in BACKEND_MODULES else f"{OWNED}|{BACKEND}"
    named = [text for text in texts(module) if re.match(rf"({services})(:|$)", text)]
    assert not named
