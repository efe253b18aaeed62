"""No operation of IAM or STS is accepted and ignored: each is answered, or refused in words."""

from __future__ import annotations

from typing import Any

import botocore.session
import pytest
from botocore import xform_name

from harness.access.api import Access
from harness.access.rules.refusals import REFUSED
from harness.access.sts.api import Tokens
from tests.access.operations.iam import refused

_SESSION = botocore.session.get_session()


@pytest.mark.parametrize("operation", _SESSION.get_service_model("iam").operation_names)
def test_every_operation_of_iam_is_answered_or_refused_with_a_reason(operation: str) -> None:
    assert hasattr(Access, xform_name(operation)) != (operation in REFUSED)


@pytest.mark.parametrize("operation", _SESSION.get_service_model("sts").operation_names)
def test_every_operation_of_sts_has_a_method_that_answers_or_refuses(operation: str) -> None:
    assert hasattr(Tokens, xform_name(operation))


@pytest.mark.parametrize("operation", REFUSED)
def test_a_refusal_says_why(iam: Any, operation: str) -> None:
    """What a request has to have is made up from botocore's model, so that it arrives."""
    shape = iam.meta.service_model.operation_model(operation).input_shape
    request = {name: _value(shape.members[name]) for name in (shape.required_members if shape else ())}
    code, sentence = refused(getattr(iam, xform_name(operation)), **request)
    assert code == "NotImplementedException"
    assert sentence == f"{operation} of iam is not part of this harness. {REFUSED[operation]}"


def _value(shape: Any) -> Any:
    """Any value of a shape."""
    if shape.type_name == "structure":
        return {name: _value(shape.members[name]) for name in shape.required_members}
    if shape.type_name == "map":
        return {_value(shape.key): _value(shape.value)}
    if shape.type_name == "list":
        return [_value(shape.member)]
    values = {"integer": 3600, "long": 3600, "boolean": True, "timestamp": 0, "blob": b"x"}
    return values.get(shape.type_name, shape.enum[0] if getattr(shape, "enum", None) else "x" * 40)
