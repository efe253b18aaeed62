"""Whether policies allow an action on a resource, by AWS's published logic. Pure.

Covered: explicit deny, Allow, Action / NotAction, Resource / NotResource, wildcards. A statement with a Condition is
taken at its safest: it never allows, and it always denies.
Source: IAM user guide, "Policy evaluation logic".
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from harness.access.wildcards import matches

Effect = Literal["Allow", "Deny"]


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement of a policy; actions in lower case, since IAM ignores their case."""

    effect: Effect
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    negated_action: bool = False
    negated_resource: bool = False
    conditional: bool = False
    sid: str = ""

    def covers(self, action: str, resource: str) -> bool:
        """Whether the statement speaks of this action on this resource (its Condition aside)."""
        of_action = any(matches(pattern, action.lower()) for pattern in self.actions)
        if of_action == self.negated_action:
            return False
        return any(matches(pattern, resource) for pattern in self.resources) != self.negated_resource


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy document under the name that a decision quotes."""

    name: str
    statements: tuple[Statement, ...]


@dataclass(frozen=True, slots=True)
class Decision:
    """allowed, and why: the statement that decided, or None for an implicit deny."""

    allowed: bool
    statement: Statement | None = None
    policy: str = ""


def parse_policy(name: str, document: str | Mapping[str, Any]) -> Policy:
    """A policy document (JSON text or parsed). Raises ValueError with the place for a malformed one."""
    if isinstance(document, str):
        try:
            document = json.loads(document)
        except ValueError as error:
            raise ValueError(f"policy {name} is not valid JSON: {error}") from None
    if not isinstance(document, Mapping) or "Statement" not in document:
        raise ValueError(f"policy {name} must be an object with a Statement")
    statements = document["Statement"]
    if isinstance(statements, Mapping):
        statements = [statements]
    if not isinstance(statements, Sequence) or isinstance(statements, str):
        raise ValueError(f"policy {name}: Statement must be an object or a list of objects")
    return Policy(name, tuple(_statement(name, index, item) for index, item in enumerate(statements)))


def _statement(policy: str, index: int, item: Any) -> Statement:
    where = f"policy {policy}, Statement[{index}]"
    if not isinstance(item, Mapping):
        raise ValueError(f"{where} must be an object")
    effect = item.get("Effect")
    if effect not in ("Allow", "Deny"):
        raise ValueError(f"{where}: Effect must be Allow or Deny, not {effect!r}")
    if ("Action" in item) == ("NotAction" in item):
        raise ValueError(f"{where} must have either Action or NotAction")
    if ("Resource" in item) == ("NotResource" in item):
        raise ValueError(f"{where} must have either Resource or NotResource")
    return Statement(
        effect=effect,
        actions=tuple(action.lower() for action in _strings(where, item.get("Action", item.get("NotAction")))),
        resources=_strings(where, item.get("Resource", item.get("NotResource"))),
        negated_action="NotAction" in item,
        negated_resource="NotResource" in item,
        conditional=bool(item.get("Condition")),
        sid=str(item.get("Sid", "")),
    )


def _strings(where: str, value: Any) -> tuple[str, ...]:
    values = (value,) if isinstance(value, str) else value
    if not isinstance(values, Sequence) or not all(isinstance(one, str) for one in values):
        raise ValueError(f"{where}: actions and resources must be strings")
    return tuple(values)


def evaluate(policies: Iterable[Policy], action: str, resource: str) -> Decision:
    """One action on one resource: an explicit deny wins, then an allow, else implicitly denied."""
    allowed = Decision(False)
    for policy in policies:
        for statement in policy.statements:
            if not statement.covers(action, resource):
                continue
            if statement.effect == "Deny":
                return Decision(False, statement, policy.name)
            if not statement.conditional and not allowed.allowed:
                allowed = Decision(True, statement, policy.name)
    return allowed


def allows_somewhere(policies: Iterable[Policy], action: str) -> bool:
    """Whether some statement allows the action on some resource, and none denies it on all."""
    verdict = False
    for policy in policies:
        for statement in policy.statements:
            if any(matches(pattern, action.lower()) for pattern in statement.actions) == statement.negated_action:
                continue
            if statement.effect == "Allow":
                verdict = verdict or not statement.conditional
            elif "*" in statement.resources and not statement.negated_resource:
                return False
    return verdict


def denial(principal_arn: str, action: str, resource: str, decision: Decision) -> str:
    """AWS's sentence for a refused call, as printed in public logs."""
    reason = (
        f"with an explicit deny in an identity-based policy: {decision.policy}"
        if decision.statement
        else f"because no identity-based policy allows the {action} action"
    )
    return f"User: {principal_arn} is not authorized to perform: {action} on resource: {resource} {reason}"
