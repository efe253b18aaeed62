"""What the gateway has to know about the backend's services beyond botocore's models.

The gateway names a service here and in harness.gateway.s3 only. The services that the harness owns say themselves what
the gateway has to know about them (harness.core.calls.Service).
"""

from __future__ import annotations

from harness.access.rules.policy import Attachment

S3 = "s3"
_API_GATEWAY = ("apigateway", "apigatewayv2")

# ---- which service a request is for

# Signing names that are not botocore's names, or that several services share: then the service taken by default.
_SERVICE_OF_SIGNING_NAME = {
    "monitoring": "cloudwatch",
    "email": "ses",
    "elasticloadbalancing": "elbv2",
    "states": "stepfunctions",
}
KNOWN_UNSIGNED = ("logs",)
"""Services whose unsigned requests are recognized by their target, so that they are refused in the right protocol."""
UNSIGNED_FORM = "sts"
"""The service of any other unsigned request of the query protocol."""


def service_of(signing_name: str, target: str) -> str:
    """botocore's name of the service. target: the header X-Amz-Target."""
    if signing_name == "dynamodb" and target.startswith("DynamoDBStreams"):
        return "dynamodbstreams"
    return _SERVICE_OF_SIGNING_NAME.get(signing_name, signing_name)


# ---- what a request needs

FREE_ACTIONS = frozenset(("sts:GetCallerIdentity", "sts:GetSessionToken"))
"""Actions that every caller may do, and that no policy can deny (IAM user guide)."""
TRUST_ACTIONS = frozenset(
    (
        "sts:AssumeRole",
        "sts:AssumeRoleWithWebIdentity",
        "sts:AssumeRoleWithSAML",
        "sts:TagSession",
        "sts:SetSourceIdentity",
        "sts:SetContext",
    )
)
"""Actions on a role that its trust policy has to allow."""
PASS_ROLE = "iam:PassRole"  # noqa: S105 - an action
PASSED_TO_SERVICE = "iam:passedtoservice"


def takes_anonymous(service: str) -> bool:
    """Whether a service takes unsigned requests: a bucket's policy may be for everybody."""
    return service == S3


def quotes_resource(action: str) -> bool:
    """Whether a refusal of the action has the resource in quotation marks."""
    return action.startswith("s3:")


def open_to_root(action: str) -> bool:
    """Whether the account's root may do an action whatever the resource's policy says, so that nobody is locked out.

    Source: botocore, PutBucketPolicy.
    """
    return action in ("s3:GetBucketPolicy", "s3:PutBucketPolicy", "s3:DeleteBucketPolicy")


def bucket_of(action: str, resource: str) -> str | None:
    """The bucket whose policy applies to an action; None for an action that is not S3's, or is on no bucket."""
    bucket = resource.rpartition(":")[2].partition("/")[0] if action.startswith("s3:") else ""
    return bucket if bucket not in ("", "*") else None


def has_http_actions(service: str) -> bool:
    """Whether the service's actions are HTTP methods."""
    return service in _API_GATEWAY


# ---- requests that change access

_BUCKET_WRITES = frozenset(("PutBucketPolicy", "DeleteBucketPolicy", "DeleteBucket", "CreateBucket"))


def policy_member(service: str, operation: str) -> tuple[str, Attachment] | None:
    """The member of a request that is a policy, and what the policy is attached to; None if there is none."""
    return ("Policy", "resource") if (service, operation) == (S3, "PutBucketPolicy") else None


def changes_buckets(service: str, operation: str) -> bool:
    """Whether a bucket's policy may be another one afterwards."""
    return service == S3 and operation in _BUCKET_WRITES
