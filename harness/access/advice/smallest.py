"""The smallest policy that lets recorded calls through. Pure."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from harness.access.rules.record import Recorded

LONGEST_INLINE = 10_240
"""Characters, white space apart, that a role's inline policies may have together (IAM quotas)."""

_STREAM = re.compile(r"(:log-group:[^:]+):log-stream:.*")
# More objects under one prefix than this are that prefix.
_MOST_OBJECTS = 5
Conditions = tuple[tuple[str, tuple[str, ...]], ...]


def smallest_policy(calls: Iterable[Recorded], account: str, wanted: str = "*") -> dict[str, Any]:
    """The policy document of one role's calls, allowed and denied ones: both are what its code does.

    account: where they were made; wanted: what stands for it in the document, your own account's number or ``*``.
    Actions without a resource type get the condition keys of their own that the calls had.
    """
    resources: dict[tuple[str, Conditions], set[str]] = defaultdict(set)
    for call in calls:
        resource = call.resource or "*"
        conditions = _conditions(call.context) if resource == "*" or "iam:passedtoservice" in call.context else ()
        resources[call.action, conditions].add(_elsewhere(resource, account, wanted))
    together: dict[tuple[tuple[str, ...], Conditions], list[str]] = defaultdict(list)
    for (action, conditions), found in resources.items():
        together[tuple(_narrowed(action, found)), conditions].append(action)
    statements = [
        _statement(actions, listed, conditions)
        for (listed, conditions), actions in sorted(together.items(), key=lambda one: sorted(one[1]))
    ]
    return {"Version": "2012-10-17", "Statement": _named(statements)}


def _elsewhere(resource: str, account: str, wanted: str) -> str:
    """A resource as it will be named on AWS: of log streams, whose names nobody knows before, all."""
    moved = resource.replace(f":{account}:", f":{wanted}:") if account else resource
    return _STREAM.sub(r"\1:*", moved)


def _narrowed(action: str, resources: Iterable[str]) -> list[str]:
    """Many objects of a bucket are what they have in common."""
    if not action.startswith("s3:"):
        return sorted(resources)
    under: dict[str, list[str]] = defaultdict(list)
    for one in resources:
        under[one.rpartition("/")[0]].append(one)
    return sorted(
        kept
        for prefix, found in under.items()
        for kept in ([f"{prefix}/*"] if prefix and len(found) > _MOST_OBJECTS else found)
    )


def _conditions(context: Mapping[str, Sequence[str]]) -> Conditions:
    return tuple(sorted((key, tuple(values)) for key, values in context.items() if values))


def _statement(actions: Sequence[str], resources: Sequence[str], conditions: Conditions) -> dict[str, Any]:
    made: dict[str, Any] = {
        "Effect": "Allow",
        "Action": _one_or_all(sorted(actions)),
        "Resource": _one_or_all(resources),
    }
    if conditions:
        made["Condition"] = {"StringEquals": {_spelled(key): _one_or_all(values) for key, values in conditions}}
    return made


def _spelled(key: str) -> str:
    return "iam:PassedToService" if key == "iam:passedtoservice" else key


def _one_or_all(values: Sequence[str]) -> str | list[str]:
    return values[0] if len(values) == 1 else list(values)


def _named(statements: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """With a Sid by the service: Logs, Logs2."""
    counts: dict[str, int] = defaultdict(int)
    named = []
    for one in statements:
        action = one["Action"] if isinstance(one["Action"], str) else one["Action"][0]
        service = "".join(part.capitalize() for part in action.partition(":")[0].split("-"))
        counts[service] += 1
        named.append({"Sid": service if counts[service] == 1 else f"{service}{counts[service]}", **one})
    return named
