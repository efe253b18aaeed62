"""How a List operation selects, sorts and cuts its results into pages."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Protocol, TypeVar

from harness.hosting import errors


class NamedResource(Protocol):
    """What a List operation needs to know of a resource. created: Unix seconds."""

    @property
    def name(self) -> str: ...

    @property
    def created(self) -> float: ...


R = TypeVar("R", bound=NamedResource)


def page(
    resources: Iterable[R],
    request: Mapping[str, Any],
    accept: Callable[[R], bool] = lambda resource: True,
    sort_key: Callable[[R], str] = lambda resource: "",
) -> tuple[list[R], str | None]:
    """One page and the NextToken, by NameContains, CreationTimeAfter and Before, SortBy Name or CreationTime,
    SortOrder, MaxResults and NextToken.

    accept: what else a resource has to meet. sort_key: what is sorted by before the creation time.
    """
    part = str(request.get("NameContains", "")).lower()
    matches = [
        resource
        for resource in resources
        if part in resource.name.lower() and accept(resource) and in_window(resource.created, request)
    ]
    by_name = request.get("SortBy") == "Name"
    matches.sort(
        key=lambda resource: (resource.name, 0.0) if by_name else (sort_key(resource), resource.created),
        reverse=request.get("SortOrder", "Descending") == "Descending",
    )
    start = _offset(request.get("NextToken"))
    end = start + int(request.get("MaxResults", 10))
    token = base64.b64encode(str(end).encode()).decode() if end < len(matches) else None
    return matches[start:end], token


def in_window(seconds: float, request: Mapping[str, Any], time: str = "CreationTime") -> bool:
    """Whether a time is between a List operation's ``TIMEAfter`` and ``TIMEBefore``, as far as they are given."""
    moment = datetime.fromtimestamp(seconds, UTC)
    after, before = request.get(f"{time}After"), request.get(f"{time}Before")
    return (after is None or moment >= after) and (before is None or moment <= before)


def _offset(token: str | None) -> int:
    if token is None:
        return 0
    try:
        return int(base64.b64decode(token, validate=True))
    except ValueError:
        raise errors.invalid(errors.BAD_TOKEN) from None
