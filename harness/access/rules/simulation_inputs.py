"""What a simulation takes: the types of context values, the resources of each kind of simulation, who can call.

Source: IAM API reference, ContextEntry and SimulateCustomPolicy. AWS's sentences for these faults are unverified.
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from harness.access.rules.dates import moment
from harness.access.rules.principals import Caller, caller_of
from harness.core.errors import shown

_ENTITY = re.compile(r"arn:aws:iam::(\d{12}):(user|group|role)/\S+")
_ACCOUNT = re.compile(r"(?:arn:aws:iam::)?(\d{12})(?::root)?")

# ResourceHandlingOption -> the types of EC2 resources that have to be there.
_INSTANCE_STORE = ("instance", "image", "security-group", "network-interface")
_SCENARIOS = {
    "EC2-VPC-InstanceStore": _INSTANCE_STORE,
    "EC2-VPC-InstanceStore-Subnet": (*_INSTANCE_STORE, "subnet"),
    "EC2-VPC-EBS": (*_INSTANCE_STORE, "volume"),
    "EC2-VPC-EBS-Subnet": (*_INSTANCE_STORE, "subnet", "volume"),
}


def simulated_caller(arn: str) -> Caller:
    """The caller with the ARN of a user, group or role. Raises ValueError for an ARN of anything else."""
    match = _ENTITY.fullmatch(arn)
    if match is None:
        raise ValueError(f"Invalid Entity Arn: {arn} does not clearly define entity type and name.")
    # No policy can name a group: a simulation as a group is one as somebody whom nothing else names.
    return Caller(arn, match[1], "user") if match[2] == "group" else caller_of(arn)


def resource_owner(text: str) -> str:
    """The account in ResourceOwner: its id, or the ARN of its root. Raises ValueError for anything else."""
    match = _ACCOUNT.fullmatch(text)
    if match is None or text.startswith("arn:") != text.endswith(":root"):
        raise ValueError(f"ResourceOwner {shown(text)} must be the id of an account or the ARN of its root.")
    return match[1]


def check_scenario(option: str, resources: Iterable[str]) -> None:
    """Raises ValueError if a kind of simulation does not exist, or lacks a resource."""
    needed = _SCENARIOS.get(option)
    if needed is None:
        raise ValueError(f"ResourceHandlingOption {shown(option)} must be one of {', '.join(_SCENARIOS)}.")
    given = {arn.rpartition(":")[2].partition("/")[0] for arn in resources if arn.startswith("arn:aws:ec2:")}
    missing = [kind for kind in needed if kind not in given]
    if missing:
        raise ValueError(f"ResourceHandlingOption {option} needs ResourceArns of the types {', '.join(missing)} too.")


def context_of(entries: Sequence[Mapping[str, Any]]) -> dict[str, tuple[str, ...]]:
    """The context keys in lower case with their values. Raises ValueError for values that are not of their type."""
    context: dict[str, tuple[str, ...]] = {}
    for entry in entries:
        if "ContextKeyName" not in entry or "ContextKeyType" not in entry or "ContextKeyValues" not in entry:
            raise ValueError("Each of ContextEntries must have ContextKeyName, ContextKeyType and ContextKeyValues.")
        name, kind, values = entry["ContextKeyName"], entry["ContextKeyType"], tuple(entry["ContextKeyValues"])
        if name.lower() in context:
            raise ValueError(f"The context key {shown(name)} is there twice in ContextEntries.")
        if not kind.endswith("List") and len(values) != 1:
            raise ValueError(f"The context key {shown(name)} of type {kind} must have one value, not {len(values)}.")
        fits = _TYPES[kind.removesuffix("List")]
        for value in values:
            if not fits(value):
                raise ValueError(f"The value {shown(value)} of the context key {shown(name)} is not of type {kind}.")
        context[name.lower()] = values
    return context


def _parses(parse: Callable[[str], Any]) -> Callable[[str], bool]:
    def fits(value: str) -> bool:
        try:
            parse(value)
        except (ValueError, binascii.Error):
            return False
        return True

    return fits


_TYPES: Mapping[str, Callable[[str], bool]] = {
    "string": lambda value: True,
    "numeric": lambda value: re.fullmatch(r"[+-]?\d+(\.\d+)?", value, re.ASCII) is not None,
    "boolean": lambda value: value.lower() in ("true", "false"),
    "ip": _parses(lambda value: ipaddress.ip_network(value, strict=False)),
    "binary": _parses(lambda value: base64.b64decode(value, validate=True)),
    "date": lambda value: moment(value) is not None,
}
