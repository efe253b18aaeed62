"""What somebody who has a role's credentials could do beyond what the stack needs.

A function's credentials are in its environment, and an endpoint's in its container: whoever runs code there has them.
Each capability below is one that the write-ups name, or a known way from one permission to more.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from harness.access.rules import reference
from harness.access.rules.policy import Policy, Statement


@dataclass(frozen=True, slots=True)
class Capability:
    """Something that a policy may let its holder do. actions: any one of them is enough."""

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
    """A capability that a policy grants broadly.

    resources: the statement's broad ones. conditional: the statement has conditions, which may narrow it.
    """

    capability: Capability
    policy: str
    statement: Statement
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    conditional: bool


def risks(policies: Sequence[Policy]) -> list[Risk]:
    """What a role's policies grant broadly, with one statement for each capability: unconditional ones come first."""
    all_risks: list[Risk] = []
    for capability in CAPABILITIES:
        of_capability = sorted(
            _risks_of(policies, capability), key=lambda risk: (risk.conditional, risk.resources != ("*",))
        )
        all_risks += of_capability[:1]
    return all_risks


def _risks_of(policies: Sequence[Policy], capability: Capability) -> Iterable[Risk]:
    for policy in policies:
        for statement in policy.statements:
            lowered = ((action, action.lower()) for action in capability.actions)
            actions = tuple(action for action, low in lowered if statement.about(low) and not _is_denied(policies, low))
            resources = _broad_resources(statement, actions)
            if statement.effect == "Allow" and actions and resources:
                yield Risk(capability, policy.name, statement, actions, resources, bool(statement.conditions))


def _is_denied(policies: Sequence[Policy], action: str) -> bool:
    """Whether an action is denied on every resource without conditions."""
    return any(
        statement.effect == "Deny" and not statement.conditions and statement.covers_some_resource()
        for policy in policies
        for statement in policy.about(action)
    )


def _broad_resources(statement: Statement, actions: Sequence[str]) -> tuple[str, ...]:
    """The statement's broad resources that the actions can be on."""
    if statement.not_resources:
        return (f"all but {len(statement.written_resources)} that it names",)
    entries = (reference.action(action) for action in actions)
    templates = [kind.arn for entry in entries if entry is not None for kind in entry.resources]
    return tuple(
        resource for resource in statement.written_resources if is_broad(resource) and _fits_type(resource, templates)
    )


def _fits_type(resource: str, templates: Sequence[str]) -> bool:
    """Whether a pattern can fit ARNs of one of the resource types, given as templates of ARNs."""
    parts = resource.split(":", 5)
    if len(parts) < 6:
        return True
    beginning = parts[5].partition("*")[0]
    for template in templates:
        template_parts = template.split(":", 5)
        literal = template_parts[5].partition("${")[0]
        if template_parts[2] == parts[2] and (beginning.startswith(literal) or literal.startswith(beginning)):
            return True
    return not templates


def is_broad(resource: str) -> bool:
    """Whether a pattern covers more than one named resource with what is in it.

    ``*`` and ``arn:aws:s3:::*sagemaker*`` do, ``arn:aws:s3:::bucket/*`` does not. Stars for region and account do not
    count.
    """
    name = resource.split(":", 5)[-1] if resource.startswith("arn:") else resource
    own = name.removesuffix("*").rstrip("/:") if name.endswith(("/*", ":*")) else name
    # The rest of role/* or secret:* names a type of resource, not a resource.
    names_one = resource.startswith("arn:aws:s3:") or "/" in own or ":" in own
    return "*" in own or "?" in own.removesuffix("-??????") or not own or not names_one
