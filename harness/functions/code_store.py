"""The store in the backend's S3 that GetFunction's link to the code points to."""

from __future__ import annotations

import hashlib
from typing import Any

from harness.backend.client import Backend
from harness.functions.package import Package
from harness.functions.rules.names import FunctionReference

LINK_SECONDS = 600  # a link is valid for ten minutes (botocore, GetFunction)


class CodeStore:
    """Stores a package when its link is first requested; most packages are never requested."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._stored: set[tuple[str, str]] = set()

    async def link(self, reference: FunctionReference, package: Package) -> str:
        """A presigned URL of the package. Stores the package first if it is not stored yet."""
        bucket = f"awslambda-{reference.region}-tasks"
        digest = hashlib.sha256(package.content).hexdigest()
        key = f"snapshots/{reference.account}/{reference.name}-{digest}"
        if (bucket, key) not in self._stored:
            await self._store(bucket, key, reference.region, package)
            self._stored.add((bucket, key))
        parameters = {"Bucket": bucket, "Key": key}
        client = self._backend.client("s3")
        link: str = client.generate_presigned_url("get_object", Params=parameters, ExpiresIn=LINK_SECONDS)
        return link

    async def _store(self, bucket: str, key: str, region: str, package: Package) -> None:
        arguments: dict[str, Any] = {"Bucket": bucket}
        if region != "us-east-1":  # S3 refuses its default region as a constraint
            arguments["CreateBucketConfiguration"] = {"LocationConstraint": region}
        buckets = await self._backend.call("s3", "list_buckets")
        if bucket not in {existing["Name"] for existing in buckets["Buckets"]}:
            await self._backend.call("s3", "create_bucket", **arguments)
        await self._backend.call("s3", "put_object", Bucket=bucket, Key=key, Body=package.content)
