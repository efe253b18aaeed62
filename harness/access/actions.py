"""Which IAM action and resource a backend request stands for, as far as its path tells.

Owned services name their own resources. Of the backend's, S3 is told by path (service authorization reference, Amazon
S3); for the others the resource is not known here, and the gateway asks whether the action is allowed anywhere.
"""

from __future__ import annotations

from urllib.parse import unquote

_SIGNING_TO_PREFIX = {"monitoring": "cloudwatch", "email": "ses"}
_OBJECT_ACTIONS = {
    "GET": "GetObject",
    "HEAD": "GetObject",
    "PUT": "PutObject",
    "POST": "PutObject",
    "DELETE": "DeleteObject",
}
_BUCKET_ACTIONS = {
    "GET": "ListBucket",
    "HEAD": "ListBucket",
    "PUT": "CreateBucket",
    "POST": "DeleteObject",
    "DELETE": "DeleteBucket",
}


def action_name(signing_name: str, operation: str) -> str:
    """``logs`` and ``PutLogEvents`` -> ``logs:PutLogEvents``; the prefix is the signing name but for a few services."""
    return f"{_SIGNING_TO_PREFIX.get(signing_name, signing_name)}:{operation}"


def s3_action(method: str, host: str, path: str) -> tuple[str, str]:
    """The action and resource ARN of an S3 request, path style or virtual-host style (``BUCKET.s3.HOST``)."""
    name = host.partition(":")[0]
    bucket_in_host = name.partition(".s3.")[0] if ".s3." in name else ""
    bucket, _, key = (f"{bucket_in_host}{path}" if bucket_in_host else path.lstrip("/")).partition("/")
    if not bucket:
        return "s3:ListAllMyBuckets", "*"
    if key:
        return f"s3:{_OBJECT_ACTIONS.get(method, method)}", f"arn:aws:s3:::{unquote(bucket)}/{unquote(key)}"
    return f"s3:{_BUCKET_ACTIONS.get(method, method)}", f"arn:aws:s3:::{unquote(bucket)}"
