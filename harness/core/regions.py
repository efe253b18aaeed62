"""The AWS regions that botocore knows."""

from __future__ import annotations

import difflib
from functools import cache

import botocore.session

_COMMON = ("us-east-1", "eu-west-1", "ap-northeast-1")


@cache
def regions() -> tuple[str, ...]:
    """The regions of every partition that have SageMaker (botocore, endpoints.json)."""
    session = botocore.session.get_session()
    partitions = session.get_available_partitions()
    return tuple(name for partition in partitions for name in session.get_available_regions("sagemaker", partition))


def region_problem(region: str) -> str | None:
    """What is wrong with a region's name, without a full stop at the end; None if botocore knows it."""
    known = regions()
    if region in known:
        return None
    similar = difflib.get_close_matches(region, known, 3) or _COMMON
    return f"AWS has no region {region!r} with SageMaker; there are, for example: {', '.join(similar)}"
