"""The smallest policy that allows the calls of a role."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from harness.access.rules.call_log import LoggedCall

LONGEST_INLINE = 10_240
"""Characters that a role's inline policies may have together, white space not counted (IAM quotas)."""

_STREAM = re.compile(r"(:log-group:[^:]+):log-stream:.*")
# More objects than this under one prefix become the prefix.
_MOST_OBJECTS = 5
Conditions = tuple[tuple[str, tuple[str, ...]], ...]


def smallest_policy(calls: Iterable[LoggedCall], account: str, target_account: str = "*") -> dict[str, Any]:
    """The smallest policy document for the calls of one role. Denied calls count too: the role's code makes them.

    account: where the calls were made. target_account: the account in the document, a number or ``*``.
    For an action without a resource type the document has conditions: the calls' keys that are specific to the action.
    """
    by_action: dict[tuple[str, Conditions], set[str]] = defaultdict(set)
    for call in calls:
        resource = call.resource or "*"
        conditions = _conditions(call.context) if resource == "*" or "iam:passedtoservice" in call.context else ()
        by_action[call.action, conditions].add(_on_aws(resource, account, target_account))
    by_resources: dict[tuple[tuple[str, ...], Conditions], list[str]] = defaultdict(list)
    for (action, conditions), resources in by_action.items():
        by_resources[tuple(_with_prefixes(action, resources)), conditions].append(action)
    statements = [
        _statement(actions, resources, conditions)
        for (resources, conditions), actions in sorted(by_resources.items(), key=lambda entry: sorted(entry[1]))
    ]
    return {"Version": "2012-10-17", "Statement": _with_sids(statements)}


def _on_aws(resource: str, account: str, target_account: str) -> str:
    """A resource as AWS will name it. Log streams become all streams of the group: their names are not known before."""
    moved = resource.replace(f":{account}:", f":{target_account}:") if account else resource
    return _STREAM.sub(r"\1:*", moved)


def _with_prefixes(action: str, resources: Iterable[str]) -> list[str]:
    """The resources, with many S3 objects of one prefix replaced by the prefix."""
    if not action.startswith("s3:"):
        return sorted(resources)
    by_prefix: dict[str, list[str]] = defaultdict(list)
    for resource in resources:
        by_prefix[resource.rpartition("/")[0]].append(resource)
    return sorted(
        resource
        for prefix, objects in by_prefix.items()
        for resource in ([f"{prefix}/*"] if prefix and len(objects) > _MOST_OBJECTS else objects)
    )


def _conditions(context: Mapping[str, Sequence[str]]) -> Conditions:
    return tuple(sorted((key, tuple(values)) for key, values in context.items() if values))


def _statement(actions: Sequence[str], resources: Sequence[str], conditions: Conditions) -> dict[str, Any]:
    statement: dict[str, Any] = {
        "Effect": "Allow",
        "Action": _scalar_or_list(sorted(actions)),
        "Resource": _scalar_or_list(resources),
    }
    if conditions:
        statement["Condition"] = {
            "StringEquals": {_key_name(key): _scalar_or_list(values) for key, values in conditions}
        }
    return statement


def _key_name(key: str) -> str:
    return "iam:PassedToService" if key == "iam:passedtoservice" else key


def _scalar_or_list(values: Sequence[str]) -> str | list[str]:
    return values[0] if len(values) == 1 else list(values)


def _with_sids(statements: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The statements with Sids after their service: Logs, Logs2."""
    counts: dict[str, int] = defaultdict(int)
    numbered = []
    for statement in statements:
        actions = statement["Action"]
        action = actions if isinstance(actions, str) else actions[0]
        service = "".join(part.capitalize() for part in action.partition(":")[0].split("-"))
        counts[service] += 1
        sid = service if counts[service] == 1 else f"{service}{counts[service]}"
        numbered.append({"Sid": sid, **statement})
    return numbered
