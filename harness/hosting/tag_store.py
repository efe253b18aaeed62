"""Tags of resources by ARN. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from harness.core.errors import AwsError

# Tags a resource may have (botocore, TagList).
_MOST = 50


class TagStore:
    """Key and value pairs by the ARN of their resource."""

    def __init__(self) -> None:
        self._tags: dict[str, dict[str, str]] = {}

    def add(self, arn: str, tags: Iterable[Mapping[str, str]]) -> None:
        """Adds or replaces tags, given as Key and Value. Raises AwsError ResourceLimitExceeded beyond 50."""
        kept = {**self._tags.get(arn, {}), **{tag["Key"]: tag["Value"] for tag in tags}}
        if len(kept) > _MOST:
            raise AwsError("ResourceLimitExceeded", f"A resource can have {_MOST} tags; this would be {len(kept)}.")
        if kept:
            self._tags[arn] = kept

    def of(self, arn: str) -> list[dict[str, str]]:
        return [{"Key": key, "Value": value} for key, value in self._tags.get(arn, {}).items()]

    def remove(self, arn: str, keys: Iterable[str]) -> None:
        for key in keys:
            self._tags.get(arn, {}).pop(key, None)

    def forget(self, arn: str) -> None:
        self._tags.pop(arn, None)
