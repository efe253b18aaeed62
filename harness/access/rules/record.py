"""What roles and users have called and what came of it, for advice on their policies. Pure.

A call is an action on a resource by a role or user; how often it was made is counted, and kept once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from harness.access.rules.evaluation import Decision

# More resources than any stack has statements for; what comes after is counted and not named.
_MOST = 20_000


@dataclass(slots=True)
class Recorded:
    """One call. principal: the role's or user's ARN. resource: None where it was not known.

    policy, statement: the one that decided last, its place in the document; None where none did. context: the condition
    keys that the action has of its own, with the values of its first time. reason: in words. service: who called, where
    it was one of AWS's services as the role.
    """

    principal: str
    action: str
    resource: str | None
    allowed: bool
    kind: str
    policy: str
    statement: int | None
    reason: str
    context: Mapping[str, tuple[str, ...]]
    count: int = 0
    service: str = ""

    def decided(self, decision: Decision) -> None:
        """By which statement, the last time."""
        index = decision.statement.index if decision.statement is not None else None
        if (self.allowed, self.policy, self.statement) != (decision.allowed, decision.policy, index) or not self.kind:
            self.allowed, self.kind, self.policy = decision.allowed, decision.kind, decision.policy
            self.statement, self.reason = index, decision.reason

    def document(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "principal": self.principal,
            "action": self.action,
            "resource": self.resource,
            "allowed": self.allowed,
            "kind": self.kind,
            "policy": self.policy,
            "statement": self.statement,
            "reason": self.reason,
            "context": {key: list(values) for key, values in self.context.items()},
            "count": self.count,
            "service": self.service,
        }


def recorded(document: Mapping[str, Any]) -> Recorded:
    """A call out of JSON. Raises KeyError or TypeError for what is none."""
    context = {str(key): tuple(values) for key, values in document["context"].items()}
    return Recorded(**{**document, "context": context})


@dataclass(slots=True)
class CallRecord:
    """All calls since it was made. left_out: calls that were more than can be kept."""

    left_out: int = 0
    _calls: dict[tuple[str, str, str | None], Recorded] = field(default_factory=dict)

    def add(
        self,
        principal: str,
        action: str,
        resource: str | None,
        decision: Decision,
        context: Callable[[], Mapping[str, tuple[str, ...]]],
    ) -> None:
        """One call. context: asked the first time only."""
        key = (principal, action, resource)
        found = self._calls.get(key)
        if found is None:
            if len(self._calls) >= _MOST:
                self.left_out += 1
                return
            found = self._calls[key] = Recorded(principal, action, resource, False, "", "", None, "", context())
        found.count += 1
        statement = decision.statement
        index = statement.index if statement is not None else None
        if (found.allowed, found.policy, found.statement) != (
            decision.allowed,
            decision.policy,
            index,
        ) or not found.kind:
            found.allowed, found.kind, found.policy = decision.allowed, decision.kind, decision.policy
            found.statement, found.reason = index, decision.reason

    def calls(self) -> Iterable[Recorded]:
        """In the order in which they were first made."""
        return self._calls.values()

    def clear(self) -> None:
        """From now on."""
        self._calls.clear()
        self.left_out = 0
