"""The vCPUs and the memory of an ML instance type."""

from __future__ import annotations

import re

_SIZE = re.compile(r"^ml\.(?P<family>[a-z]+)[a-z0-9-]*\.(?:(?P<times>\d+)?(?P<xlarge>xlarge)|(?P<small>medium|large))$")
# vCPUs of types whose size does not tell them (Amazon EC2 instance types).
_EXCEPTIONS = {"ml.c4.8xlarge": 36}
# GiB of memory for each vCPU, by the letters of the family (Amazon EC2 instance types); approximate for accelerated
# ones.
_GIB_PER_VCPU = {"c": 2.0, "m": 4.0, "r": 8.0, "t": 4.0, "g": 4.0, "inf": 2.0, "trn": 4.0, "p": 8.0, "dl": 8.0}


def vcpus(instance_type: str) -> int:
    """vCPUs of ``ml.FAMILY.SIZE``: 4 for xlarge, 4 N for Nxlarge, 2 for large, 1 for medium, and 2 for a burstable (t)
    medium (Amazon EC2 instance types).

    Raises ValueError for a name that is not an ML instance type's.
    """
    parts = _parse(instance_type)
    if instance_type in _EXCEPTIONS:
        return _EXCEPTIONS[instance_type]
    if parts["small"]:
        return 1 if parts["small"] == "medium" and parts["family"] != "t" else 2
    return 4 * int(parts["times"] or 1)


def memory_gib(instance_type: str) -> float:
    """Memory in GiB, by the family's ratio to vCPUs; a burstable medium has half of a large's.

    Raises ValueError for a name that is not an ML instance type's.
    """
    parts = _parse(instance_type)
    memory = _GIB_PER_VCPU[parts["family"]] * vcpus(instance_type)
    return memory / 2 if parts["small"] == "medium" and parts["family"] == "t" else memory


def _parse(instance_type: str) -> re.Match[str]:
    match = _SIZE.match(instance_type)
    if not match or match["family"] not in _GIB_PER_VCPU:
        raise ValueError(f"{instance_type!r} is not an ML instance type such as ml.m5.large")
    return match
