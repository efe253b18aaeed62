"""The five write-ups' policies, and what is to be found in them: fixtures/writeups/*/findings.json."""

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
    seen = run_history(stack)
    assert stack.function is not None
    assert findings(seen, arn(stack.function.role)) == expected


@pytest.mark.parametrize("name", "abcde")
def test_the_models_role_has_what_sagemaker_needs_and_nothing_more(name: str) -> None:
    stack = load_stack(FIXTURES / "writeups" / name / "stack.toml")
    seen = run_history(stack)
    role = arn(f"writeup-{name}-sagemaker")
    assert not denied_calls(seen, role)
    assert not risks(seen.roles[role])


def test_the_dog_breed_stack_is_as_small_as_it_can_be() -> None:
    seen = run_history(load_stack(FIXTURES / "dog_breed" / "stack.toml"))
    for role in seen.roles:
        assert not denied_calls(seen, role)
        assert all(one.calls for one in statement_uses(seen, role))
        assert not risks(seen.roles[role])
