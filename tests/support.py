"""A local AWS beside the test, in a thread with an event loop of its own."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
import uuid
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config
from botocore.session import get_session

from harness.local_aws.app import LocalAws
from harness.local_aws.client import LocalAwsClient
from harness.local_aws.options import LocalAwsOptions

REGION = "us-east-1"
ACCOUNT = "123456789012"
_MODELS = get_session().get_component("data_loader")  # reading a service's model takes most of making a client


@dataclass(frozen=True)
class Aws:
    """url: the endpoint; local: the harness itself; run: runs a coroutine on its loop."""

    url: str
    local: LocalAws
    run: Callable[[Coroutine[Any, Any, Any]], Any]

    def client(
        self, service: str, key: str = "test", secret: str = "test", token: str | None = None, **config: Any
    ) -> Any:
        settings = Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}, **config)
        botocore = get_session()
        botocore.register_component("data_loader", _MODELS)
        session = boto3.Session(
            aws_access_key_id=key, aws_secret_access_key=secret, aws_session_token=token, botocore_session=botocore
        )
        return session.client(service, region_name=REGION, endpoint_url=self.url, config=settings)  # type: ignore[call-overload]

    def role(
        self,
        policies: dict[str, Any] | None = None,
        service: str = "lambda.amazonaws.com",
        *,
        trusts_account: bool = False,
    ) -> str:
        """A new role with an inline policy document per name; its ARN. trusts_account: in place of the service."""
        iam, name = self.client("iam"), unique("role")
        principal = {"AWS": ACCOUNT} if trusts_account else {"Service": service}
        trust = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
        document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
        arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=document)["Role"]["Arn"]
        for policy, body in (policies or {}).items():
            iam.put_role_policy(RoleName=name, PolicyName=policy, PolicyDocument=json.dumps(body))
        return str(arn)

    def as_role(self, arn: str, service: str, session: str = "session") -> Any:
        """A client of a service signed with the role's temporary credentials, whomever the role trusts."""
        found = LocalAwsClient(self.url).role_credentials(arn, session)
        return self.client(service, found["AccessKeyId"], found["SecretAccessKey"], found["SessionToken"])


def unique(prefix: str) -> str:
    return f"{prefix}-{uuid.uuid4().hex[:8]}"


@contextlib.contextmanager
def running_aws(how: LocalAwsOptions | None = None, **options: Any) -> Iterator[Aws]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    def run(work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, loop).result(120)

    local = LocalAws(how or LocalAwsOptions(port=0), **options)
    try:
        run(local.__aenter__())
        try:
            yield Aws(local.url, local, run)
        finally:
            run(local.__aexit__())
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()
