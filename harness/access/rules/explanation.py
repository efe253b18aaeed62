"""Why a request is allowed or denied, with the statements that nearly allowed it: for a person. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from harness.access.rules.conditions import Condition
from harness.access.rules.evaluation import Decision, Policies, Request
from harness.access.rules.policy import Policy, Statement
from harness.access.rules.principals import Named
from harness.access.rules.wildcards import Context

_MOST = 5


def explanation(request: Request, policies: Policies, decision: Decision) -> str:
    """One sentence and, below it, the statement that decided or, of an implicit deny, what each that speaks of the
    action lacks. policies: as they were evaluated.
    """
    on = "" if request.resource in (None, "*") else f" on {request.resource}"
    lines = [f"{request.action}{on} by {request.caller.arn}: {decision.reason}."]
    if decision.statement is not None:
        lines.append(json.dumps(decision.statement.source))
    elif not decision.allowed:
        near = [*_near(request, _of_kind(policies, decision))]
        lines += near[:_MOST] or ["No statement of theirs allows the action on anything."]
        if len(near) > _MOST:
            lines.append(f"and {len(near) - _MOST} more that allow the action, but not this.")
    return "\n  ".join(lines)


def _of_kind(policies: Policies, decision: Decision) -> tuple[Policy, ...]:
    if decision.kind == "permissions boundary":
        return () if policies.boundary is None else (policies.boundary,)
    if decision.kind == "session policy":
        return policies.session or ()
    if decision.kind == "identity-based policy":
        return policies.identity
    return () if policies.resource is None else (policies.resource,)


def _near(request: Request, policies: Iterable[Policy]) -> Iterator[str]:
    parts = [] if request.resource is None else request.resource.split(":", 5)
    for policy in policies:
        for statement in policy.about(request.action.lower()):
            if statement.effect == "Allow":
                sid = f" ({statement.sid})" if statement.sid else ""
                yield f"{policy.name}, Statement[{statement.index}]{sid} {_lack(statement, request, parts)}."


def _lack(statement: Statement, request: Request, parts: list[str]) -> str:
    """What keeps an Allow from applying."""
    named = statement.principals.named(request.caller) if statement.principals is not None else Named.DIRECTLY
    if named is Named.NOT:
        return f"allows it to others: {json.dumps(statement.source.get('Principal'))}"
    on = statement.on_some() if request.resource is None else statement.on(request.resource, parts, request.context)
    if not on:
        but = "all but " if statement.not_resources else ""
        return f"allows it on {but}{', '.join(statement.written_resources)}"
    for condition, (operator, key, values) in zip(statement.conditions, _written(statement.source), strict=True):
        if not condition.holds(request.context):
            return f"allows it where {operator} {key} {json.dumps(values)}; {_has(condition, request.context)}"
    return "leaves it to the identity-based policies: it names the account only"


def _written(source: Mapping[str, Any]) -> Iterator[tuple[str, str, Any]]:
    """Operator, key and values, in the order in which a statement's conditions were read."""
    for operator, keys in source.get("Condition", {}).items():
        for key, values in keys.items():
            yield operator, key, values


def _has(condition: Condition, context: Context) -> str:
    found = {key: context[key] for key in condition.keys if key in context}
    missing = [key for key in condition.keys if key not in found]
    said = [f"{key} is {json.dumps(values[0] if len(values) == 1 else values)}" for key, values in found.items()]
    return " and ".join([*said, *(f"the request has no {key}" for key in missing)])
