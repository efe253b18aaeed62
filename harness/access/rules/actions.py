"""Which IAM actions and resources a request to a service stands for.

The service authorization reference names actions and resources, and botocore operations: nearly always alike. Where
they differ, the tables below say so; they follow each operation's page in the API references. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from botocore.model import ServiceModel

from harness.access import reference
from harness.access.reference import Action, ResourceType

Request = Mapping[str, Any]
"""The request's members by their botocore names."""


@dataclass(frozen=True, slots=True)
class Need:
    """One permission that a request needs. resources: ARNs; ``*`` for an action without; none where it is not known
    which, and then the action must be allowed on some."""

    action: str
    resources: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a request is made."""

    region: str
    account: str
    partition: str = "aws"


# botocore's service -> prefix, where none of the service's own names is it.
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
# What S3's operations call a bucket's configuration, and what its actions do. Deleting one is putting it.
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
# Placeholders of ARNs (in lower case), and the members that fill them under another name.
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
# No request nests its roles deeper.
_DEEPEST = 6
# What an ARN's last part has that no request says; stands for any.
_UNSAID = {"secret": "-??????"}


def prefix_of(service: str, model: ServiceModel | None, signing_name: str) -> str:
    """The prefix of a service's actions. model: None where botocore has none."""
    names = [_PREFIXES.get(service, service)] if model is None else [
        _PREFIXES.get(service, signing_name), signing_name, model.endpoint_prefix, service
    ]  # fmt: skip
    return next((name for name in names if name in reference.prefixes()), signing_name)


def needs(prefix: str, operation: str, request: Request, place: Place) -> Iterator[Need]:
    """What a request to an operation needs.

    A service that the reference lists without the action is asked for under the operation's own name.
    """
    for name in action_names(prefix, operation, request):
        found = reference.action(f"{prefix}:{name}")
        full = f"{prefix}:{name}" if found is None else str(found)
        yield Need(full, () if found is None else resources(found, request, place))
    source = request.get("CopySource")
    if prefix == "s3" and source:
        yield Need("s3:GetObject", tuple(_copied(source)))


def http_need(method: str, path: str, place: Place) -> Need:
    """API Gateway's actions are HTTP's, on the paths of its API."""
    return Need(f"apigateway:{method}", (f"arn:{place.partition}:apigateway:{place.region}::{unquote(path)}",))


def passed_roles(action: str, request: Request) -> tuple[str, ...]:
    """The roles that a request hands to the service, for which ``iam:PassRole`` is needed: whatever writes, and has a
    role's ARN under a member named so. IAM and STS name roles to change or assume them.

    Source: IAM user guide, "Grant a user permissions to pass a role to an AWS service".
    """
    found = reference.action(action)
    if found is None or found.level in ("List", "Read") or found.prefix in ("iam", "sts"):
        return ()
    return tuple(dict.fromkeys(_roles(request)))


def _roles(value: Any, name: str = "", deep: int = 0) -> Iterator[str]:
    if isinstance(value, str):
        if name.lower().endswith(("role", "rolearn")) and value.startswith("arn:") and ":role/" in value:
            yield value
    elif deep < _DEEPEST and isinstance(value, Mapping):
        for member, inner in value.items():
            yield from _roles(inner, str(member), deep + 1)
    elif deep < _DEEPEST and isinstance(value, list):
        for inner in value:
            yield from _roles(inner, name, deep + 1)


def action_names(prefix: str, operation: str, request: Request) -> tuple[str, ...]:
    """The names of an operation's actions, without the prefix: nearly always the operation's own."""
    if (given := _OPERATIONS.get(f"{prefix}:{operation}")) is not None:
        names = given
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


def _copied(source: Any) -> Iterator[str]:
    if isinstance(source, str):
        yield f"arn:aws:s3:::{unquote(source).partition('?')[0].lstrip('/')}"


def resources(action: Action, request: Request, place: Place) -> tuple[str, ...]:
    """The ARNs that a request acts on: of every type that the action requires or, where it requires none, of the first
    that the request names. ``*`` for an action without resource types; none where they are not known."""
    if not action.resources:
        return ("arn:aws:s3:::*",) if str(action) == "s3:ListAllMyBuckets" else ("*",)
    required = [one for one in action.resources if one.required]
    found: list[str] = []
    for one in required:
        arns = tuple(_arns(one, request, place))
        if not arns:
            return ()
        found += arns
    if required:
        return tuple(dict.fromkeys(found))
    # The type that needs most of the request comes first: an object before its bucket.
    for one in sorted(action.resources, key=lambda one: len(one.placeholders), reverse=True):
        arns = tuple(_arns(one, request, place))
        if arns:
            return arns
    return ()


def _arns(kind: ResourceType, request: Request, place: Place) -> Iterator[str]:
    given = [value for value in _top_texts(request) if value.startswith("arn:") and kind.pattern.fullmatch(value)]
    if given:
        yield from given
        return
    alone = len(kind.placeholders) == 1
    values = {"Partition": place.partition, "Region": place.region, "Account": place.account}
    several: tuple[str, list[str]] | None = None
    for placeholder in kind.placeholders:
        found = _filling(placeholder, request, alone=alone)
        if not found:
            return
        values[placeholder] = found[0]
        if len(found) > 1:
            several = (placeholder, found)
    placeholder, choices = several or ("", [""])
    for choice in choices:
        arn = kind.filled({**values, placeholder: choice} if placeholder else values)
        yield arn + _UNSAID.get(kind.name.lower(), "")


def _filling(placeholder: str, request: Request, *, alone: bool) -> list[str]:
    """What a request says of a placeholder: one value, or several where a member is a list.

    alone: the ARN has no other, so that a member that is only called Name can mean it.
    """
    name = placeholder.lower()
    members = {member.lower(): value for member, value in request.items()}
    bare = name.removesuffix("withpath").removesuffix("resourceid")
    candidates = [*(one.lower() for one in _MEMBERS.get(name, ())), name, bare, f"{bare}s", f"{bare}identifier"]
    if bare.endswith("name") and alone:
        candidates += ["name", "names"]
    for one in candidates:
        value = members.get(one)
        found = [value] if isinstance(value, str | int) else value if isinstance(value, list) else []
        texts = [_bare(one, str(item)) for item in found if isinstance(item, str | int)]
        if texts and all(texts):
            return texts
    return [_DEFAULTS[name]] if alone and name in _DEFAULTS else []


def _bare(member: str, value: str) -> str:
    """A member's value as it stands in an ARN: of a URL or an ARN the last part, of a path what is after its slash."""
    if member.endswith("url"):
        return value.rpartition("/")[2]
    if value.startswith("arn:"):
        return value.rpartition(":")[2]
    return value.lstrip("/") if member in ("name", "names") else value


def _top_texts(request: Request) -> Iterator[str]:
    for value in request.values():
        if isinstance(value, str):
            yield value
        elif isinstance(value, list):
            yield from (item for item in value if isinstance(item, str))
