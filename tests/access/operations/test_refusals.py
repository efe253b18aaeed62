"""No operation of IAM is accepted and ignored: each is answered, or refused in words."""

from __future__ import annotations

import botocore.session
import pytest
from botocore import xform_name

from harness.access.api import Access
from harness.access.rules.refusals import REFUSED

OPERATIONS = botocore.session.get_session().get_service_model("iam").operation_names


@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_operation_is_answered_or_refused_with_a_reason(operation: str) -> None:
    assert hasattr(Access, xform_name(operation)) != (operation in REFUSED)


def test_a_refusal_says_why(iam: object) -> None:
    from tests.access.operations.iam import refused

    code, sentence = refused(iam.list_organizations_features)  # type: ignore[attr-defined]
    assert code == "NotImplementedException"
    assert sentence.endswith(REFUSED["ListOrganizationsFeatures"])
