"""No operation of IAM is accepted and ignored: each is answered, or refused in words."""

from __future__ import annotations

from typing import Any

import botocore.session
import pytest
from botocore import xform_name

from harness.access.api import Access
from harness.access.rules.refusals import REFUSED
from tests.access.operations.iam import refused

OPERATIONS = botocore.session.get_session().get_service_model("iam").operation_names


# The operations of these are being written: what is not answered yet is refused by its name alone.
IN_PROGRESS = (
    "CredentialReport",
    "ServiceLastAccessedDetails",
)


@pytest.mark.parametrize("operation", [name for name in OPERATIONS if not any(part in name for part in IN_PROGRESS)])
def test_every_operation_is_answered_or_refused_with_a_reason(operation: str) -> None:
    assert hasattr(Access, xform_name(operation)) != (operation in REFUSED)


def test_a_refusal_says_why(iam: Any) -> None:
    code, sentence = refused(iam.list_organizations_features)
    assert code == "NotImplementedException"
    assert sentence.endswith(REFUSED["ListOrganizationsFeatures"])
