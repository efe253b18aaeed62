"""The findings in the policies of the five write-ups: fixtures/writeups/*/findings.json."""

from __future__ import annotations

import json

import pytest

from harness.access.rules.advice.risks import risks
from harness.access.rules.advice.usage import denied_calls, statement_uses
from harness.stack.file import load_stack
from tests.access.rules.advice.writeups import FIXTURES, arn, findings, run_history


@pytest.mark.parametrize("name", "abcde")
def test_the_findings(name: str) -> None:
    folder = FIXTURES / "writeups" / name
    stack = load_stack(folder / "stack.toml")
    expected = json.loads((folder / "findings.json").read_text())
    history = run_history(stack)
    assert stack.function is not None
    assert findings(history, arn(stack.function.role)) == expected


@pytest.mark.parametrize("name", "abcde")
def test_the_models_role_has_what_sagemaker_needs_and_nothing_more(name: str) -> None:
    stack = load_stack(FIXTURES / "writeups" / name / "stack.toml")
    history = run_history(stack)
    role = arn(f"writeup-{name}-sagemaker")
    assert not denied_calls(history, role)
    assert not risks(history.roles[role])


def test_the_dog_breed_stack_is_as_small_as_it_can_be() -> None:
    history = run_history(load_stack(FIXTURES / "dog_breed" / "stack.toml"))
    for role in history.roles:
        assert not denied_calls(history, role)
        assert all(use.calls for use in statement_uses(history, role))
        assert not risks(history.roles[role])
