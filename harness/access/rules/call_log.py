"""The log of what roles and users have called and how it was decided, for advice on their policies.

Calls of the same action on the same resource by the same role or user are one entry with a count.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from harness.access.rules.evaluation import Decision

# More entries than any stack has statements for. Calls beyond them are counted, not kept.
_MOST_ENTRIES = 20_000


@dataclass(slots=True)
class LoggedCall:
    """One entry of the log.

    principal: the ARN of the role or user. resource: None if it was not known.
    kind, policy, statement: the kind and name of the policy that decided the last of the calls, and the statement's
    index in it; None if no statement did. reason: the decision in words. context: the condition keys that are specific
    to the action, with their values at the first call. service: the AWS service that called as the role, else "".
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

    @classmethod
    def undecided(
        cls,
        principal: str,
        action: str,
        resource: str | None,
        context: Mapping[str, tuple[str, ...]],
        service: str = "",
    ) -> LoggedCall:
        """An entry without a call yet: add_call() adds them."""
        return cls(principal, action, resource, False, "", "", None, "", context, service=service)

    def add_call(self, decision: Decision) -> None:
        """Counts one more call and keeps how it was decided."""
        self.count += 1
        index = decision.statement.index if decision.statement is not None else None
        # The reason takes time to write: it is written only when the decision is another than the last one.
        if (self.allowed, self.policy, self.statement) != (decision.allowed, decision.policy, index) or not self.kind:
            self.allowed, self.kind, self.policy = decision.allowed, decision.kind, decision.policy
            self.statement, self.reason = index, decision.reason

    def document(self) -> dict[str, Any]:
        """The entry as JSON."""
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

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> LoggedCall:
        """Reads an entry from JSON. Raises KeyError, TypeError or AttributeError if it is not one."""
        context = {str(key): tuple(values) for key, values in document["context"].items()}
        return cls(**{**document, "context": context})


@dataclass(slots=True)
class CallLog:
    """All calls since the log began. left_out: number of calls that the log had no room for."""

    left_out: int = 0
    _entries: dict[tuple[str, str, str | None], LoggedCall] = field(default_factory=dict)

    def add(
        self,
        principal: str,
        action: str,
        resource: str | None,
        decision: Decision,
        context: Callable[[], Mapping[str, tuple[str, ...]]],
    ) -> None:
        """Adds one call. context: gives the action's condition keys; called for a new entry only."""
        key = (principal, action, resource)
        entry = self._entries.get(key)
        if entry is None:
            if len(self._entries) >= _MOST_ENTRIES:
                self.left_out += 1
                return
            entry = self._entries[key] = LoggedCall.undecided(principal, action, resource, context())
        entry.add_call(decision)

    def entries(self) -> Iterable[LoggedCall]:
        """Every entry, in the order of the first calls."""
        return self._entries.values()
