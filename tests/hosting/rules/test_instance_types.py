"""vCPUs by size (Amazon EC2 instance sizes)."""

from __future__ import annotations

import pytest

from harness.hosting.rules.instance_types import memory_gib, vcpus
from harness.stack.checks import endpoint_instance_types


@pytest.mark.parametrize(
    ("instance_type", "count"),
    [
        ("ml.m5.large", 2),
        ("ml.t3.medium", 2),
        ("ml.m8g.medium", 1),
        ("ml.c4.4xlarge", 16),
        ("ml.c4.8xlarge", 36),
        ("ml.m5.xlarge", 4),
        ("ml.c5.2xlarge", 8),
        ("ml.g4dn.xlarge", 4),
        ("ml.m5.24xlarge", 96),
    ],
)
def test_vcpus_by_size(instance_type: str, count: int) -> None:
    assert vcpus(instance_type) == count


@pytest.mark.parametrize("name", ["m5.large", "ml.m5", "ml.m5.huge", "", "ml.m5.0.large"])
def test_a_name_that_is_not_an_instance_type_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="is not an ML instance type"):
        vcpus(name)


@pytest.mark.parametrize(
    ("instance_type", "gib"),
    [
        ("ml.m5.large", 8),
        ("ml.c5.2xlarge", 16),
        ("ml.r5.xlarge", 32),
        ("ml.t2.medium", 4),
        ("ml.t2.large", 8),
        ("ml.m6g.medium", 4),
        ("ml.g4dn.xlarge", 16),
    ],
)
def test_memory_by_family(instance_type: str, gib: float) -> None:
    assert memory_gib(instance_type) == gib


def test_every_type_that_an_endpoint_may_have_is_known() -> None:
    for name in endpoint_instance_types():
        assert vcpus(name) >= 1
        assert memory_gib(name) >= 1
