"""The explanation for a person why a request is allowed or denied, with the statements that nearly allowed it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from harness.access.rules.conditions import Condition
from harness.access.rules.evaluation import AccessRequest, Decision, Policies
from harness.access.rules.policy import Policy, Statement
from harness.access.rules.principals import Named
from harness.access.rules.wildcards import Context

# Nearly allowing statements that an explanation lists.
_MOST_STATEMENTS = 5


def explanation(request: AccessRequest, policies: Policies, decision: Decision) -> str:
    """A sentence, and below it the statement that decided. Below an implicit deny, the statements that allow the action
    but not this request, each with what it lacks. policies: those that were evaluated.
    """
    on = "" if request.resource in (None, "*") else f" on {request.resource}"
    lines = [f"{request.action}{on} by {request.caller.arn}: {decision.reason}."]
    if decision.statement is not None:
        lines.append(json.dumps(decision.statement.source))
    elif not decision.allowed:
        near = [*_near_misses(request, _policies_of_type(policies, decision))]
        lines += near[:_MOST_STATEMENTS] or ["No statement of theirs allows the action on anything."]
        if len(near) > _MOST_STATEMENTS:
            lines.append(f"and {len(near) - _MOST_STATEMENTS} more that allow the action, but not this.")
    return "\n  ".join(lines)


def _policies_of_type(policies: Policies, decision: Decision) -> tuple[Policy, ...]:
    if decision.kind == "permissions boundary":
        return () if policies.boundary is None else (policies.boundary,)
    if decision.kind == "session policy":
        return policies.session or ()
    if decision.kind == "identity-based policy":
        return policies.identity
    return () if policies.resource is None else (policies.resource,)


def _near_misses(request: AccessRequest, policies: Iterable[Policy]) -> Iterator[str]:
    parts = [] if request.resource is None else request.resource.split(":", 5)
    for policy in policies:
        for statement in policy.about(request.action.lower()):
            if statement.effect == "Allow":
                sid = f" ({statement.sid})" if statement.sid else ""
                yield f"{policy.name}, Statement[{statement.index}]{sid} {_lack(statement, request, parts)}."


def _lack(statement: Statement, request: AccessRequest, parts: list[str]) -> str:
    """What keeps an Allow statement from applying."""
    named = statement.principals.named(request.caller) if statement.principals is not None else Named.DIRECTLY
    if named is Named.NOT:
        return f"allows it to others: {json.dumps(statement.source.get('Principal'))}"
    if request.resource is None:
        covered = statement.covers_some_resource()
    else:
        covered = statement.covers(request.resource, parts, request.context)
    if not covered:
        but = "all but " if statement.not_resources else ""
        return f"allows it on {but}{', '.join(statement.written_resources)}"
    for condition, (operator, key, values) in zip(
        statement.conditions, _written_conditions(statement.source), strict=True
    ):
        if not condition.holds(request.context):
            return f"allows it where {operator} {key} {json.dumps(values)}; {_values_in(condition, request.context)}"
    return "leaves it to the identity-based policies: it names the account only"


def _written_conditions(source: Mapping[str, Any]) -> Iterator[tuple[str, str, Any]]:
    """Operator, key and values of each condition as written, in the order of ``statement.conditions``."""
    for operator, keys in source.get("Condition", {}).items():
        for key, values in keys.items():
            yield operator, key, values


def _values_in(condition: Condition, context: Context) -> str:
    """What the request has for the keys that a condition reads."""
    present = {key: context[key] for key in condition.keys if key in context}
    missing = [key for key in condition.keys if key not in present]
    parts = [f"{key} is {json.dumps(values[0] if len(values) == 1 else values)}" for key, values in present.items()]
    return " and ".join([*parts, *(f"the request has no {key}" for key in missing)])
