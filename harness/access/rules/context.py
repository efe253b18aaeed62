"""The condition keys of a request, worked out when a policy reads them.

Source: IAM user guide, "AWS global condition context keys", and each service's keys in the service authorization
reference, which are named after the request's own members.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from harness.access.rules.access_keys import Session
from harness.access.rules.principals import Caller

Tags = Mapping[str, str]

# A service's condition key -> the member that it reads, if their names differ.
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
# How deep a request's members are searched: no list of variants or tags lies deeper.
_DEEPEST = 6


@dataclass(frozen=True, slots=True)
class Sender:
    """The caller as condition keys see it.

    tags: of the principal and the session. user_id: ``aws:userid``, such as ``AROA...:session``. issued: when the
    session's token was issued, in seconds since 1970. session: None for a caller with a long-term key.
    """

    caller: Caller
    tags: Tags = field(default_factory=dict)
    user_id: str = ""
    issued: float | None = None
    session: Session | None = None


@dataclass(frozen=True, slots=True)
class Circumstances:
    """How the caller calls.

    now: wall time, in seconds since 1970. source: the client's address. headers: names in lower case. request: members
    by their botocore names. extra: keys, in lower case, that only the service knows, such as ``iam:passedtoservice``.
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
    """Condition keys in lower case, each with its values. Raises KeyError for a key that the request does not have.

    read: the keys that were read so far and had a value.
    """

    def __init__(self, sender: Sender, how: Circumstances) -> None:
        self._sender = sender
        self._how = how
        self.read: dict[str, tuple[str, ...]] = {}

    def __getitem__(self, key: str) -> tuple[str, ...]:
        values = self.read.get(key)
        if values is None:
            values = self._how.extra.get(key) or self._find(key)
            if not values and self._sender.session is not None:
                values = self._sender.session.context.get(key, ())
            if not values:
                raise KeyError(key)
            self.read[key] = values
        return values

    def __iter__(self) -> Iterator[str]:
        return iter(self.read)

    def __len__(self) -> int:
        return len(self.read)

    def _find(self, key: str) -> tuple[str, ...]:
        prefix, _, name = key.partition(":")
        if prefix == "aws":
            return _as_tuple(self._global(name))
        if prefix == "s3" and name.startswith("x-amz-"):
            return _as_tuple(self._how.headers.get(name))
        if prefix == "s3" and name in _S3_KEYS:
            return _as_tuple(_S3_KEYS[name])
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
    "federated-user": "FederatedUser",
    "federated": "FederatedUser",
    "service": "Service",
    "anonymous": "Anonymous",
}
_S3_KEYS = {"signatureversion": "AWS4-HMAC-SHA256"}
_GLOBAL: Mapping[str, Callable[[Sender, Circumstances], str | tuple[str, ...] | None]] = {
    "sourceip": lambda sender, how: how.source,
    "requestedregion": lambda sender, how: how.region,
    "currenttime": lambda sender, how: _time(how.now),
    "epochtime": lambda sender, how: str(int(how.now)),
    # The harness stands in for AWS's endpoints, which clients call over https.
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
    # A request that is signed with a long-term access key does not have this key.
    "multifactorauthpresent": lambda sender, how: _mfa_present(sender),
    "multifactorauthage": lambda sender, how: _mfa_age(sender, now=how.now),
    "sourceidentity": lambda sender, how: sender.session.source_identity if sender.session is not None else None,
    "resourceaccount": lambda sender, how: how.account,
    "tagkeys": lambda sender, how: tuple(request_tags(how.request)),
}


def _mfa_present(sender: Sender) -> str | None:
    if sender.session is None:
        return "false" if sender.caller.kind == "assumed-role" else None
    return "true" if sender.session.mfa_at is not None else "false"


def _mfa_age(sender: Sender, *, now: float) -> str | None:
    """Seconds since the user proved an MFA code."""
    if sender.session is None or sender.session.mfa_at is None:
        return None
    return str(int(now - sender.session.mfa_at))


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def request_tags(request: Mapping[str, Any]) -> dict[str, str]:
    """The tags that a request sets: a list of Key and Value, or a table."""
    for name in ("Tags", "tags", "TagList", "TagKeys", "tagKeys"):
        tags = request.get(name)
        if isinstance(tags, Mapping):
            return {str(key): str(value) for key, value in tags.items()}
        if isinstance(tags, list):
            pairs = (tag if isinstance(tag, Mapping) else {"Key": tag} for tag in tags)
            return {
                str(tag.get("Key", tag.get("key", ""))): str(tag.get("Value", tag.get("value", ""))) for tag in pairs
            }
    return {}


def _ignoring_case(tags: Tags, name: str) -> str | None:
    return next((value for key, value in tags.items() if key.lower() == name), None)


def _as_tuple(value: str | tuple[str, ...] | None) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) and value else value if isinstance(value, tuple) else ()


def _plain(name: str) -> str:
    return name.replace("-", "").replace("_", "").lower()


def _values(request: Any, name: str, depth: int = 0) -> Iterator[str]:
    """Every scalar under members of that name, at any depth."""
    if depth > _DEEPEST:
        return
    if isinstance(request, list):
        for item in request:
            yield from _values(item, name, depth + 1)
    elif isinstance(request, Mapping):
        for key, value in request.items():
            if _plain(str(key)) == name:
                yield from _scalars(value)
            elif isinstance(value, Mapping | list):
                yield from _values(value, name, depth + 1)


def _scalars(value: Any) -> Iterator[str]:
    for item in value if isinstance(value, list) else [value]:
        if isinstance(item, bool):
            yield "true" if item else "false"
        elif isinstance(item, str | int | float):
            yield str(item)
