from __future__ import annotations

import pytest

from tests.access.sts.identities import Identities
from tests.support import Aws


@pytest.fixture
def identities(aws: Aws) -> Identities:
    return Identities(aws)
