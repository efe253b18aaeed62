"""The condition keys of a request, worked out when a policy asks for them. Pure.

Source: IAM user guide, "AWS global condition context keys", and each service's keys in the service authorization
reference, which are named after the request's own members.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from harness.access.rules.principals import Caller

Tags = Mapping[str, str]

# Service keys that are named unlike the member that they read.
_MEMBERS = {
    "sagemaker:instancetypes": "InstanceType",
    "sagemaker:networkisolation": "EnableNetworkIsolation",
    "sagemaker:vpcsubnets": "Subnets",
    "sagemaker:vpcsecuritygroupids": "SecurityGroupIds",
    "sagemaker:volumekmskeyarn": "VolumeKmsKeyId",
    "sagemaker:outputkmskeyarn": "KmsKeyId",
    "sagemaker:modelarn": "ModelName",
    "lambda:layer": "Layers",
    "lambda:subnetids": "SubnetIds",
    "s3:max-keys": "MaxKeys",
}
# A request's members are looked into so deep: no list of variants or tags lies deeper.
_DEEPEST = 6


@dataclass(frozen=True, slots=True)
class Sender:
    """Who calls, as condition keys see him. tags: of the principal and his session. user_id: ``AROA...:session``.

    issued: when the session's token was, in seconds since 1970.
    """

    caller: Caller
    tags: Tags = field(default_factory=dict)
    user_id: str = ""
    issued: float | None = None


@dataclass(frozen=True, slots=True)
class Circumstances:
    """How he calls. now: seconds since 1970 of the wall. headers: names in lower case; request: by botocore's names.

    extra: keys (in lower case) that only the service knows, such as ``iam:passedtoservice``.
    """

    region: str
    account: str
    now: float
    source: str
    headers: Mapping[str, str]
    request: Mapping[str, Any]
    resource_tags: Callable[[], Tags] = dict
    extra: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


class RequestContext(Mapping[str, tuple[str, ...]]):
    """Condition keys in lower case, each with its values; a key that the request does not have raises KeyError.

    read: those that were asked for and had a value.
    """

    def __init__(self, sender: Sender, how: Circumstances) -> None:
        self._sender = sender
        self._how = how
        self.read: dict[str, tuple[str, ...]] = {}

    def __getitem__(self, key: str) -> tuple[str, ...]:
        found = self.read.get(key)
        if found is None:
            found = self._how.extra.get(key) or self._find(key)
            if not found:
                raise KeyError(key)
            self.read[key] = found
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self.read)

    def __len__(self) -> int:
        return len(self.read)

    def _find(self, key: str) -> tuple[str, ...]:
        prefix, _, name = key.partition(":")
        if prefix == "aws":
            return _listed(self._global(name))
        if prefix == "s3" and name.startswith("x-amz-"):
            return _listed(self._how.headers.get(name))
        if prefix == "s3" and name in _OF_S3:
            return _listed(_OF_S3[name])
        member = _MEMBERS.get(key, name)
        return tuple(dict.fromkeys(_values(self._how.request, _plain(member))))

    def _global(self, name: str) -> str | tuple[str, ...] | None:
        kind, _, tag = name.partition("/")
        how = self._how
        if tag:
            if kind == "principaltag":
                return _ignoring_case(self._sender.tags, tag)
            if kind == "resourcetag":
                return _ignoring_case(how.resource_tags(), tag)
            return _ignoring_case(request_tags(how.request), tag) if kind == "requesttag" else None
        find = _GLOBAL.get(name)
        return find(self._sender, how) if find else None


_TYPES = {
    "root": "Account",
    "user": "User",
    "assumed-role": "AssumedRole",
    "service": "Service",
    "anonymous": "Anonymous",
}
_OF_S3 = {"signatureversion": "AWS4-HMAC-SHA256"}
_GLOBAL: Mapping[str, Callable[[Sender, Circumstances], str | tuple[str, ...] | None]] = {
    "sourceip": lambda sender, how: how.source,
    "requestedregion": lambda sender, how: how.region,
    "currenttime": lambda sender, how: _time(how.now),
    "epochtime": lambda sender, how: str(int(how.now)),
    # The harness stands for AWS's endpoints, which clients call by https.
    "securetransport": lambda sender, how: "true",
    "useragent": lambda sender, how: how.headers.get("user-agent"),
    "referer": lambda sender, how: how.headers.get("referer"),
    "principalarn": lambda sender, how: sender.caller.entity_arn,
    "principalaccount": lambda sender, how: sender.caller.account,
    "principaltype": lambda sender, how: _TYPES[sender.caller.kind],
    "principalisawsservice": lambda sender, how: "true" if sender.caller.kind == "service" else "false",
    "principalservicename": lambda sender, how: sender.caller.arn if sender.caller.kind == "service" else None,
    "viaawsservice": lambda sender, how: "false",
    "userid": lambda sender, how: sender.user_id,
    "username": lambda sender, how: sender.caller.arn.rpartition("/")[2] if sender.caller.kind == "user" else None,
    "tokenissuetime": lambda sender, how: None if sender.issued is None else _time(sender.issued),
    # Long-term keys have no such key.
    "multifactorauthpresent": lambda sender, how: "false" if sender.caller.kind == "assumed-role" else None,
    "resourceaccount": lambda sender, how: how.account,
    "tagkeys": lambda sender, how: tuple(request_tags(how.request)),
}


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def request_tags(request: Mapping[str, Any]) -> dict[str, str]:
    """The tags that a request sets: a list of Key and Value, or a table."""
    for name in ("Tags", "tags", "TagList", "TagKeys", "tagKeys"):
        given = request.get(name)
        if isinstance(given, Mapping):
            return {str(key): str(value) for key, value in given.items()}
        if isinstance(given, list):
            pairs = (one if isinstance(one, Mapping) else {"Key": one} for one in given)
            return {
                str(one.get("Key", one.get("key", ""))): str(one.get("Value", one.get("value", ""))) for one in pairs
            }
    return {}


def _ignoring_case(tags: Tags, name: str) -> str | None:
    return next((value for key, value in tags.items() if key.lower() == name), None)


def _listed(value: str | tuple[str, ...] | None) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) and value else value if isinstance(value, tuple) else ()


def _plain(name: str) -> str:
    return name.replace("-", "").replace("_", "").lower()


def _values(request: Any, name: str, deep: int = 0) -> Iterator[str]:
    """Every scalar under members of a name, wherever they lie."""
    if deep > _DEEPEST:
        return
    if isinstance(request, list):
        for one in request:
            yield from _values(one, name, deep + 1)
    elif isinstance(request, Mapping):
        for key, value in request.items():
            if _plain(str(key)) == name:
                yield from _scalars(value)
            elif isinstance(value, Mapping | list):
                yield from _values(value, name, deep + 1)


def _scalars(value: Any) -> Iterator[str]:
    for one in value if isinstance(value, list) else [value]:
        if isinstance(one, bool):
            yield "true" if one else "false"
        elif isinstance(one, str | int | float):
            yield str(one)
