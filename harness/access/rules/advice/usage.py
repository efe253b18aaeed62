"""Which statements of a role's policies a run used, and which it never used."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from harness.access.rules.access_history import AccessHistory
from harness.access.rules.call_log import LoggedCall
from harness.access.rules.policy import Policy, Statement

# Values that a summary lists.
_SUMMARY_VALUES = 3


@dataclass(frozen=True, slots=True)
class StatementUse:
    """A statement of a role's policies. calls: the calls that it decided; none if it was never used."""

    policy: str
    statement: Statement
    calls: tuple[LoggedCall, ...]

    @property
    def count(self) -> int:
        return sum(call.count for call in self.calls)


def statement_uses(history: AccessHistory, role_arn: str) -> list[StatementUse]:
    """Every statement of a role's policies, in their order."""
    calls = history.calls_of(role_arn)
    return [
        StatementUse(policy.name, statement, tuple(_decided_by(policy, statement, calls)))
        for policy in history.roles[role_arn]
        for statement in policy.statements
    ]


def _decided_by(policy: Policy, statement: Statement, calls: Iterable[LoggedCall]) -> Iterable[LoggedCall]:
    return (call for call in calls if (call.policy, call.statement) == (policy.name, statement.index))


def denied_calls(history: AccessHistory, role_arn: str) -> list[LoggedCall]:
    """The calls as the role that were denied."""
    return [call for call in history.calls_of(role_arn) if not call.allowed]


def summary(values: Sequence[str]) -> str:
    """The first few values, and how many more there are."""
    more = f" and {len(values) - _SUMMARY_VALUES} more" if len(values) > _SUMMARY_VALUES else ""
    return ", ".join(values[:_SUMMARY_VALUES]) + more


def actions_of(statement: Statement) -> str:
    """A statement's actions, in short."""
    return ("all but " if statement.not_actions else "") + summary(statement.written_actions)


def resources_of(statement: Statement) -> str:
    """A statement's resources, in short."""
    return ("all but " if statement.not_resources else "") + summary(statement.written_resources)
