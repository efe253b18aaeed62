"""What somebody with a role's credentials could do beyond what the stack needs. Pure.

The credentials of a function are in its environment, and those of an endpoint in its container: whoever runs code there
has them. Each capability below is one that the write-ups name, or a known way from one permission to more.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from harness.access import reference
from harness.access.rules.policy import Policy, Statement


@dataclass(frozen=True, slots=True)
class Capability:
    """actions: any one of them is enough."""

    name: str
    sentence: str
    actions: tuple[str, ...]


CAPABILITIES = (
    Capability("s3-read", "read objects in S3", ("s3:GetObject",)),
    Capability("s3-write", "overwrite or delete objects in S3", ("s3:PutObject", "s3:DeleteObject")),
    Capability("secrets", "read secrets", ("secretsmanager:GetSecretValue", "ssm:GetParameter", "ssm:GetParameters")),
    Capability("vpc-endpoints", "create VPC endpoints, and carry data out through them", ("ec2:CreateVpcEndpoint",)),
    Capability("pass-role", "hand other roles to services, and act as them", ("iam:PassRole",)),
    Capability("assume-role", "assume other roles", ("sts:AssumeRole",)),
    Capability(
        "iam-write",
        "change IAM, and give itself everything",
        (
            "iam:AttachRolePolicy",
            "iam:AttachUserPolicy",
            "iam:CreateAccessKey",
            "iam:CreatePolicyVersion",
            "iam:PutRolePolicy",
            "iam:PutUserPolicy",
            "iam:UpdateAssumeRolePolicy",
        ),
    ),
    Capability("lambda-code", "replace the code of functions", ("lambda:UpdateFunctionCode", "lambda:CreateFunction")),
    Capability("lambda-invoke", "invoke other functions", ("lambda:InvokeFunction",)),
    Capability(
        "endpoints",
        "delete or change endpoints",
        ("sagemaker:DeleteEndpoint", "sagemaker:UpdateEndpoint", "sagemaker:CreateEndpoint"),
    ),
    Capability(
        "compute",
        "start training jobs and notebooks at your cost",
        ("sagemaker:CreateTrainingJob", "sagemaker:CreateNotebookInstance", "sagemaker:CreateProcessingJob"),
    ),
    Capability("data", "read tables and streams", ("dynamodb:GetItem", "dynamodb:Scan", "kinesis:GetRecords")),
    Capability("decrypt", "decrypt with KMS keys", ("kms:Decrypt",)),
    Capability("logs-read", "read the logs of everything else", ("logs:GetLogEvents", "logs:FilterLogEvents")),
)


@dataclass(frozen=True, slots=True)
class Risk:
    """A capability that a policy grants broadly. resources: of the statement, as far as they are broad.

    conditional: the statement has conditions, which may narrow it.
    """

    capability: Capability
    policy: str
    statement: Statement
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    conditional: bool


def risks(policies: Sequence[Policy]) -> list[Risk]:
    """What a role's policies grant broadly: the first statement for each capability, unconditional ones first."""
    found: list[Risk] = []
    for capability in CAPABILITIES:
        granted = sorted(_granting(policies, capability), key=lambda one: (one.conditional, one.resources != ("*",)))
        found += granted[:1]
    return found


def _granting(policies: Sequence[Policy], capability: Capability) -> Iterable[Risk]:
    for policy in policies:
        for statement in policy.statements:
            asked = ((one, one.lower()) for one in capability.actions)
            actions = tuple(one for one, low in asked if statement.about(low) and not _denied(policies, low))
            resources = _broad(statement, actions)
            if statement.effect == "Allow" and actions and resources:
                yield Risk(capability, policy.name, statement, actions, resources, bool(statement.conditions))


def _denied(policies: Sequence[Policy], action: str) -> bool:
    """Whether an action is denied on everything, whatever the circumstances."""
    return any(
        statement.effect == "Deny" and not statement.conditions and statement.on_some()
        for policy in policies
        for statement in policy.about(action)
    )


def _broad(statement: Statement, actions: Sequence[str]) -> tuple[str, ...]:
    """The resources of a statement that the actions may be on, and that are not the few that one names."""
    if statement.not_resources:
        return (f"all but {len(statement.written_resources)} that it names",)
    kinds = [kind.arn for one in actions if (found := reference.action(one)) is not None for kind in found.resources]
    return tuple(one for one in statement.written_resources if is_broad(one) and _concerns(one, kinds))


def _concerns(resource: str, kinds: Sequence[str]) -> bool:
    """Whether a pattern may be of one of the kinds, given as templates of ARNs."""
    parts = resource.split(":", 5)
    if len(parts) < 6:
        return True
    for kind in kinds:
        own = kind.split(":", 5)
        begins, given = own[5].partition("${")[0], parts[5].partition("*")[0]
        if own[2] == parts[2] and (given.startswith(begins) or begins.startswith(given)):
            return True
    return not kinds


def is_broad(resource: str) -> bool:
    """Whether a pattern goes beyond one named thing and what is in it: ``*``, ``arn:aws:s3:::*sagemaker*``; but not
    ``arn:aws:s3:::bucket/*``. Regions and accounts may be stars."""
    name = resource.split(":", 5)[-1] if resource.startswith("arn:") else resource
    own = name.removesuffix("*").rstrip("/:") if name.endswith(("/*", ":*")) else name
    # What is left of role/* or secret:* is a kind of things, not one.
    one_of_a_kind = resource.startswith("arn:aws:s3:") or "/" in own or ":" in own
    return "*" in own or "?" in own.removesuffix("-??????") or not own or not one_of_a_kind
