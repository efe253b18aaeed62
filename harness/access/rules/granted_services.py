"""Which services a policy allows any action of. Resources, conditions and denials do not count.

Source: IAM API reference, ListPoliciesGrantingServiceAccess and GenerateServiceLastAccessedDetails.
"""

from __future__ import annotations

from harness.access.rules.policy import Policy, Statement
from harness.access.rules.wildcards import STAR, glob


def grants_service(policy: Policy, namespace: str) -> bool:
    """namespace: the prefix of a service's actions, such as ``s3``."""
    return any(statement.effect == "Allow" and _about(statement, namespace.lower()) for statement in policy.statements)


def _about(statement: Statement, namespace: str) -> bool:
    if statement.not_actions:  # all services but those of which it leaves out every action
        return not any(glob(pattern, f"{namespace}:{STAR}") for pattern in statement.patterns)
    return any(action.startswith(f"{namespace}:") for action in statement.actions) or any(
        glob(pattern.partition(":")[0], namespace) for pattern in statement.patterns
    )
