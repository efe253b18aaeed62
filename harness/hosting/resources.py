"""The named resources of SageMaker hosting, with AWS's answers for names taken and unknown, and pages of lists."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Generic, Protocol, TypeVar

from harness.core.calls import Call
from harness.core.errors import AwsError


class Resource(Protocol):
    """What a registry needs to know of a resource."""

    @property
    def name(self) -> str: ...

    @property
    def created(self) -> float: ...


@dataclass(frozen=True, slots=True)
class Model:
    """CreateModel's request, kept as it came."""

    name: str
    arn: str
    created: float
    request: Mapping[str, Any]

    @property
    def container(self) -> Mapping[str, Any]:
        """The primary container (or the only one of Containers)."""
        found = self.request.get("PrimaryContainer") or (self.request.get("Containers") or [{}])[0]
        return dict(found)


@dataclass(frozen=True, slots=True)
class EndpointConfig:
    """CreateEndpointConfig's request, kept as it came."""

    name: str
    arn: str
    created: float
    request: Mapping[str, Any]

    @property
    def variants(self) -> Sequence[Mapping[str, Any]]:
        return list(self.request["ProductionVariants"])

    @property
    def shadows(self) -> Sequence[Mapping[str, Any]]:
        return list(self.request.get("ShadowProductionVariants", ()))

    @property
    def capture(self) -> Mapping[str, Any] | None:
        """DataCaptureConfig where it is given and enabled."""
        found: Mapping[str, Any] | None = self.request.get("DataCaptureConfig")
        return found if found is not None and found.get("EnableCapture", True) else None

    @property
    def asynchronous(self) -> Mapping[str, Any] | None:
        """AsyncInferenceConfig: the endpoint takes InvokeEndpointAsync."""
        found: Mapping[str, Any] | None = self.request.get("AsyncInferenceConfig")
        return found


R = TypeVar("R", bound=Resource)


def timestamp(seconds: float) -> datetime:
    """Unix seconds as an API's timestamp."""
    return datetime.fromtimestamp(seconds, UTC)


def arn(kind: str, name: str, call: Call) -> str:
    """``arn:aws:sagemaker:REGION:ACCOUNT:KIND/NAME``, the name in lower case: names differ in more than case (botocore,
    CreateEndpointInput) and SageMaker spells them so in its ARNs [unverified]."""
    return f"arn:aws:sagemaker:{call.region}:{call.account}:{kind}/{name.lower()}"


class Registry(Generic[R]):
    """Resources of one kind by region and name (in any case). kind: in the ARN; noun: in AWS's sentences."""

    def __init__(self, kind: str, noun: str) -> None:
        self.kind = kind
        self._noun = noun
        self._items: dict[tuple[str, str], R] = {}

    def add(self, call: Call, item: R) -> None:
        """Raises AwsError ValidationException for a name taken."""
        key = (call.region, item.name.lower())
        if key in self._items:
            where = arn(self.kind, item.name, call)
            raise AwsError("ValidationException", f'Cannot create already existing {self._noun} "{where}".')
        self._items[key] = item

    def get(self, call: Call, name: str) -> R:
        """Raises AwsError ValidationException for an unknown name."""
        try:
            return self._items[call.region, name.lower()]
        except KeyError:
            where = arn(self.kind, name, call)
            raise AwsError("ValidationException", f'Could not find {self._noun} "{where}".') from None

    def find(self, region: str, name: str) -> R | None:
        return self._items.get((region, name.lower()))

    def all(self, region: str | None = None) -> list[R]:
        """All of a region, or of every one."""
        return [item for (where, _), item in self._items.items() if region in (None, where)]

    def remove(self, call: Call, name: str) -> R:
        """Raises AwsError ValidationException for an unknown name."""
        item = self.get(call, name)
        del self._items[call.region, name.lower()]
        return item

    def discard(self, region: str, name: str) -> None:
        self._items.pop((region, name.lower()), None)

    def page(
        self,
        call: Call,
        request: Mapping[str, Any],
        accept: Callable[[R], bool] = lambda item: True,
        by: Callable[[R], str] = lambda item: "",
    ) -> tuple[list[R], str | None]:
        """One page of a List operation: NameContains, CreationTimeAfter and Before, SortBy Name or CreationTime,
        SortOrder, MaxResults, NextToken. by: what is sorted by before the creation time."""
        part = str(request.get("NameContains", "")).lower()
        found = [
            item
            for (region, name), item in self._items.items()
            if region == call.region and part in name.lower() and accept(item) and in_window(item.created, request)
        ]
        by_name = request.get("SortBy") == "Name"
        found.sort(
            key=lambda item: (item.name, 0.0) if by_name else (by(item), item.created),
            reverse=request.get("SortOrder", "Descending") == "Descending",
        )
        start = _offset(request.get("NextToken"))
        end = start + int(request.get("MaxResults", 10))
        token = base64.b64encode(str(end).encode()).decode() if end < len(found) else None
        return found[start:end], token


def in_window(seconds: float, request: Mapping[str, Any], time: str = "CreationTime") -> bool:
    """Whether a time lies between a List operation's ``TIMEAfter`` and ``TIMEBefore``, where they are given."""
    moment = timestamp(seconds)
    after, before = request.get(f"{time}After"), request.get(f"{time}Before")
    return (after is None or moment >= after) and (before is None or moment <= before)


def _offset(token: str | None) -> int:
    if token is None:
        return 0
    try:
        return int(base64.b64decode(token, validate=True))
    except ValueError:
        raise AwsError("ValidationException", "The NextToken is not one that this operation gave out.") from None
