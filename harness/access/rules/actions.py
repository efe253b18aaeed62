"""Which IAM actions on which resources a request to a service needs.

The service authorization reference names actions, botocore names operations, and nearly always the names are the same.
The tables below hold the exceptions; they follow each operation's page in the API references.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from botocore.model import ServiceModel

from harness.access.rules import reference
from harness.access.rules.reference import Action, ResourceType

Members = Mapping[str, Any]
"""A request's members by their botocore names."""


@dataclass(frozen=True, slots=True)
class Need:
    """A permission that a request needs.

    resources: ARNs; ``*`` for an action without a resource type; none if they are not known: then the action must be
    allowed on some resource.
    """

    action: str
    resources: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AccountRegion:
    """Where a request is made: the part of its ARNs that the request does not say."""

    region: str
    account: str
    partition: str = "aws"


# botocore's service name -> prefix of its actions, for services none of whose own names is the prefix.
_PREFIXES = {"resourcegroupstaggingapi": "tag", "iot-data": "iot", "cloudcontrol": "cloudformation"}
_OPERATIONS: Mapping[str, tuple[str, ...]] = {
    "lambda:Invoke": ("InvokeFunction",),
    "lambda:InvokeWithResponseStream": ("InvokeFunction",),
    "lambda:GetLayerVersionByArn": ("GetLayerVersion",),
    "sqs:SendMessageBatch": ("SendMessage",),
    "sqs:DeleteMessageBatch": ("DeleteMessage",),
    "sqs:ChangeMessageVisibilityBatch": ("ChangeMessageVisibility",),
    "sns:PublishBatch": ("Publish",),
    "kms:ReEncrypt": ("ReEncryptFrom", "ReEncryptTo"),
    "dynamodb:TransactGetItems": ("GetItem",),
    "bedrock:Converse": ("InvokeModel",),
    "bedrock:ConverseStream": ("InvokeModelWithResponseStream",),
    "s3:CompleteMultipartUpload": ("PutObject",),
    "s3:CopyObject": ("PutObject",),
    "s3:CreateMultipartUpload": ("PutObject",),
    "s3:DeleteObjects": ("DeleteObject",),
    "s3:GetObjectLockConfiguration": ("GetBucketObjectLockConfiguration",),
    "s3:HeadBucket": ("ListBucket",),
    "s3:HeadObject": ("GetObject",),
    "s3:ListBuckets": ("ListAllMyBuckets",),
    "s3:ListMultipartUploads": ("ListBucketMultipartUploads",),
    "s3:ListObjectVersions": ("ListBucketVersions",),
    "s3:ListObjects": ("ListBucket",),
    "s3:ListObjectsV2": ("ListBucket",),
    "s3:ListParts": ("ListMultipartUploadParts",),
    "s3:PutObjectLockConfiguration": ("PutBucketObjectLockConfiguration",),
    "s3:SelectObjectContent": ("GetObject",),
    "s3:UploadPart": ("PutObject",),
    "s3:UploadPartCopy": ("PutObject",),
}
# What S3's operations call a bucket's configuration -> what its actions call it. To delete one is to put it.
_S3_CONFIGURATIONS = {
    "BucketAccelerateConfiguration": "AccelerateConfiguration",
    "BucketAnalyticsConfiguration": "AnalyticsConfiguration",
    "BucketAnalyticsConfigurations": "AnalyticsConfiguration",
    "BucketCors": "BucketCORS",
    "BucketEncryption": "EncryptionConfiguration",
    "BucketIntelligentTieringConfiguration": "IntelligentTieringConfiguration",
    "BucketIntelligentTieringConfigurations": "IntelligentTieringConfiguration",
    "BucketInventoryConfiguration": "InventoryConfiguration",
    "BucketInventoryConfigurations": "InventoryConfiguration",
    "BucketLifecycle": "LifecycleConfiguration",
    "BucketLifecycleConfiguration": "LifecycleConfiguration",
    "BucketMetricsConfiguration": "MetricsConfiguration",
    "BucketMetricsConfigurations": "MetricsConfiguration",
    "BucketNotificationConfiguration": "BucketNotification",
    "BucketOwnershipControls": "BucketOwnershipControls",
    "BucketReplication": "ReplicationConfiguration",
    "BucketTagging": "BucketTagging",
    "PublicAccessBlock": "BucketPublicAccessBlock",
}
_S3_OF_A_VERSION = {
    "GetObject": "GetObjectVersion",
    "GetObjectAcl": "GetObjectVersionAcl",
    "GetObjectAttributes": "GetObjectVersionAttributes",
    "GetObjectTagging": "GetObjectVersionTagging",
    "DeleteObject": "DeleteObjectVersion",
    "DeleteObjectTagging": "DeleteObjectVersionTagging",
    "PutObjectAcl": "PutObjectVersionAcl",
    "PutObjectTagging": "PutObjectVersionTagging",
}
# Placeholder of an ARN, in lower case -> the members that fill it under another name.
_MEMBERS = {
    "bucketname": ("Bucket",),
    "objectname": ("Key",),
    "keyname": ("Key",),
    "layerversion": ("VersionNumber",),
    "loggroupname": ("logGroupName", "logGroupIdentifier"),
    "queuename": ("QueueName", "QueueUrl"),
    "rulename": ("Name", "Rule"),
    "secretid": ("SecretId", "Name"),
    "parameternamewithoutleadingslash": ("Name", "Names"),
    "keyid": ("KeyId",),
}
_DEFAULTS = {"eventbusname": "default"}
# No request nests its roles deeper than this.
_DEEPEST = 6
# The end of an ARN that no request says, as a pattern: a secret's six random characters.
_UNSAID = {"secret": "-??????"}


def prefix_of(service: str, model: ServiceModel | None, signing_name: str) -> str:
    """The prefix of a service's actions. model: None if botocore has no model of the service."""
    names = [_PREFIXES.get(service, service)] if model is None else [
        _PREFIXES.get(service, signing_name), signing_name, model.endpoint_prefix, service
    ]  # fmt: skip
    return next((name for name in names if name in reference.prefixes()), signing_name)


def needs(prefix: str, operation: str, request: Members, place: AccountRegion) -> Iterator[Need]:
    """The permissions that a request to an operation needs.

    An action that the reference does not have is taken to be named like the operation, on resources that are not known.
    """
    for name in action_names(prefix, operation, request):
        action = reference.action(f"{prefix}:{name}")
        if action is None:
            yield Need(f"{prefix}:{name}", ())
        else:
            yield Need(str(action), resources(action, request, place))
    source = request.get("CopySource")
    if prefix == "s3" and source:
        yield Need("s3:GetObject", tuple(_copy_source(source)))


def http_need(method: str, path: str, place: AccountRegion) -> Need:
    """The permission for a call of API Gateway, whose actions are HTTP methods on the paths of its API."""
    return Need(f"apigateway:{method}", (f"arn:{place.partition}:apigateway:{place.region}::{unquote(path)}",))


def passed_roles(action: str, request: Members) -> tuple[str, ...]:
    """The roles that a request hands to the service, for which the caller needs ``iam:PassRole``.

    These are the ARNs of roles under members named like a role, in a request that writes. IAM and STS name roles to
    change or assume them, not to pass them.

    Source: IAM user guide, "Grant a user permissions to pass a role to an AWS service".
    """
    entry = reference.action(action)
    if entry is None or entry.level in ("List", "Read") or entry.prefix in ("iam", "sts"):
        return ()
    return tuple(dict.fromkeys(_roles(request)))


def _roles(value: Any, name: str = "", depth: int = 0) -> Iterator[str]:
    if isinstance(value, str):
        if name.lower().endswith(("role", "rolearn")) and value.startswith("arn:") and ":role/" in value:
            yield value
    elif depth < _DEEPEST and isinstance(value, Mapping):
        for member, inner in value.items():
            yield from _roles(inner, str(member), depth + 1)
    elif depth < _DEEPEST and isinstance(value, list):
        for inner in value:
            yield from _roles(inner, name, depth + 1)


def action_names(prefix: str, operation: str, request: Members) -> tuple[str, ...]:
    """The names of an operation's actions, without the prefix: nearly always the operation's own name."""
    if (listed := _OPERATIONS.get(f"{prefix}:{operation}")) is not None:
        names = listed
    elif prefix == "s3":
        names = (_s3_configuration(operation),)
    else:
        names = (operation,)
    if prefix == "s3" and request.get("VersionId"):
        return tuple(_S3_OF_A_VERSION.get(name, name) for name in names)
    return names


def _s3_configuration(operation: str) -> str:
    for verb, action in (("Get", "Get"), ("List", "Get"), ("Put", "Put"), ("Delete", "Put")):
        noun = _S3_CONFIGURATIONS.get(operation.removeprefix(verb)) if operation.startswith(verb) else None
        if noun is not None:
            return f"{action}{noun}"
    return operation


def _copy_source(source: Any) -> Iterator[str]:
    if isinstance(source, str):
        yield f"arn:aws:s3:::{unquote(source).partition('?')[0].lstrip('/')}"


def resources(action: Action, request: Members, place: AccountRegion) -> tuple[str, ...]:
    """The ARNs that a request acts on.

    They are of every resource type that the action requires; if it requires none, of the first type that the request
    names. ``*`` for an action without resource types; none if the ARNs are not known.
    """
    if not action.resources:
        return ("arn:aws:s3:::*",) if str(action) == "s3:ListAllMyBuckets" else ("*",)
    required = [kind for kind in action.resources if kind.required]
    all_arns: list[str] = []
    for kind in required:
        arns = tuple(_arns(kind, request, place))
        if not arns:
            return ()
        all_arns += arns
    if required:
        return tuple(dict.fromkeys(all_arns))
    # The type that needs most of the request comes first: an object before its bucket.
    for kind in sorted(action.resources, key=lambda kind: len(kind.placeholders), reverse=True):
        arns = tuple(_arns(kind, request, place))
        if arns:
            return arns
    return ()


def _arns(kind: ResourceType, request: Members, place: AccountRegion) -> Iterator[str]:
    whole = [value for value in _top_texts(request) if value.startswith("arn:") and kind.pattern.fullmatch(value)]
    if whole:
        yield from whole
        return
    alone = len(kind.placeholders) == 1
    values = {"Partition": place.partition, "Region": place.region, "Account": place.account}
    several: tuple[str, list[str]] | None = None
    for placeholder in kind.placeholders:
        choices = _values_of(placeholder, request, alone=alone)
        if not choices:
            return
        values[placeholder] = choices[0]
        if len(choices) > 1:
            several = (placeholder, choices)
    varied, choices = several or ("", [""])
    for choice in choices:
        arn = kind.arn_with({**values, varied: choice} if varied else values)
        yield arn + _UNSAID.get(kind.name.lower(), "")


def _values_of(placeholder: str, request: Members, *, alone: bool) -> list[str]:
    """What a request says for a placeholder: one value, or several if the member is a list.

    alone: the ARN has no other placeholder, so that a member called just Name can mean it.
    """
    name = placeholder.lower()
    members = {member.lower(): value for member, value in request.items()}
    bare = name.removesuffix("withpath").removesuffix("resourceid")
    candidates = [*(member.lower() for member in _MEMBERS.get(name, ())), name, bare, f"{bare}s", f"{bare}identifier"]
    if bare.endswith("name") and alone:
        candidates += ["name", "names"]
    for candidate in candidates:
        value = members.get(candidate)
        items = [value] if isinstance(value, str | int) else value if isinstance(value, list) else []
        texts = [_in_arn(candidate, str(item)) for item in items if isinstance(item, str | int)]
        if texts and all(texts):
            return texts
    return [_DEFAULTS[name]] if alone and name in _DEFAULTS else []


def _in_arn(member: str, value: str) -> str:
    """A member's value as it stands in an ARN: the last part of a URL or an ARN; a path without its leading slash."""
    if member.endswith("url"):
        return value.rpartition("/")[2]
    if value.startswith("arn:"):
        return value.rpartition(":")[2]
    return value.lstrip("/") if member in ("name", "names") else value


def _top_texts(request: Members) -> Iterator[str]:
    """The strings among a request's own members, not those that are nested deeper."""
    for value in request.values():
        if isinstance(value, str):
            yield value
        elif isinstance(value, list):
            yield from (item for item in value if isinstance(item, str))
