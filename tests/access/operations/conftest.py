"""IAM as a client of the local AWS sees it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support import Aws


@pytest.fixture
def iam(aws: Aws) -> Any:
    return aws.client("iam")
