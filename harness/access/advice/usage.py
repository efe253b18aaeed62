"""Which statements a run used, and which never. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from harness.access.rules.observed import Observed
from harness.access.rules.policy import Policy, Statement
from harness.access.rules.record import Recorded

_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Use:
    """One statement of one of a role's policies. calls: those that it decided, none if it was never used."""

    policy: str
    statement: Statement
    calls: tuple[Recorded, ...]

    @property
    def count(self) -> int:
        return sum(call.count for call in self.calls)


def uses(observed: Observed, role_arn: str) -> list[Use]:
    """Every statement of a role's policies, in their order."""
    calls = observed.of(role_arn)
    return [
        Use(policy.name, statement, tuple(_decided(calls, policy, statement)))
        for policy in observed.roles[role_arn]
        for statement in policy.statements
    ]


def _decided(calls: Iterable[Recorded], policy: Policy, statement: Statement) -> Iterable[Recorded]:
    return (one for one in calls if (one.policy, one.statement) == (policy.name, statement.index))


def denied(observed: Observed, role_arn: str) -> list[Recorded]:
    """The calls that the role was refused."""
    return [call for call in observed.of(role_arn) if not call.allowed]


def summary(values: Sequence[str]) -> str:
    """The first few of them."""
    more = f" and {len(values) - _SHOWN} more" if len(values) > _SHOWN else ""
    return ", ".join(values[:_SHOWN]) + more


def actions_of(statement: Statement) -> str:
    """As a reader names a statement."""
    return ("all but " if statement.not_actions else "") + summary(statement.written_actions)


def resources_of(statement: Statement) -> str:
    return ("all but " if statement.not_resources else "") + summary(statement.written_resources)
