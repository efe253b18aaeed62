"""What an ML instance type gives a model server. Pure."""

from __future__ import annotations

import re

_SIZE = re.compile(r"^ml\.(?P<family>[a-z]+)[a-z0-9-]*\.(?:(?P<times>\d+)?(?P<xlarge>xlarge)|(?P<small>medium|large))$")
# Where the size does not tell (Amazon EC2 instance types).
_EXCEPTIONS = {"ml.c4.8xlarge": 36}
# GiB of memory per vCPU by what a family's name begins with (Amazon EC2 instance types); of accelerated ones about.
_GIB_PER_VCPU = {"c": 2.0, "m": 4.0, "r": 8.0, "t": 4.0, "g": 4.0, "inf": 2.0, "trn": 4.0, "p": 8.0, "dl": 8.0}


def vcpus(instance_type: str) -> int:
    """vCPUs of ``ml.FAMILY.SIZE``: 4 for xlarge, 4 N for Nxlarge, 2 for large; a medium has 1, burstable (t) ones 2
    (Amazon EC2 instance types).

    Raises ValueError for a name that is not an ML instance type's.
    """
    found = _parse(instance_type)
    if instance_type in _EXCEPTIONS:
        return _EXCEPTIONS[instance_type]
    if found["small"]:
        return 1 if found["small"] == "medium" and found["family"] != "t" else 2
    return 4 * int(found["times"] or 1)


def memory_gib(instance_type: str) -> float:
    """Memory in GiB, by the family's ratio to vCPUs; a burstable medium has half of a large's.

    Raises ValueError for a name that is not an ML instance type's.
    """
    found = _parse(instance_type)
    whole = _GIB_PER_VCPU[found["family"]] * vcpus(instance_type)
    return whole / 2 if found["small"] == "medium" and found["family"] == "t" else whole


def _parse(instance_type: str) -> re.Match[str]:
    found = _SIZE.match(instance_type)
    if not found or found["family"] not in _GIB_PER_VCPU:
        raise ValueError(f"{instance_type!r} is not an ML instance type such as ml.m5.large")
    return found
