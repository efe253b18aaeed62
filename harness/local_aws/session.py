"""The boto3 sessions with which the harness's own commands call a local AWS, or the real one."""

from __future__ import annotations

import os

import boto3

from harness.core.environment import (
    ADMINISTRATOR_KEY,
    ADMINISTRATOR_SECRET,
    OWN_KEY_VARIABLE,
    check_key_for_aws,
    harness_url,
)
from harness.core.errors import HarnessError


def administrator_session(url: str | None = None) -> boto3.Session:
    """A session with the key that every harness knows as an administrator's.

    Where `harness up` has put another key into the environment for the harness at ``url``, the session has that one.
    A key of an AWS account that happens to be in the environment is never sent to a harness.
    """
    own = os.environ.get(OWN_KEY_VARIABLE)
    if own and own == os.environ.get("AWS_ACCESS_KEY_ID") and url in (None, harness_url()):
        return boto3.Session()
    return boto3.Session(aws_access_key_id=ADMINISTRATOR_KEY, aws_secret_access_key=ADMINISTRATOR_SECRET)


def aws_session() -> boto3.Session:
    """A boto3 session for the real AWS, with the credentials that boto3 finds.

    Raises HarnessError if the environment names another endpoint, or has a local AWS's key.
    """
    # Also AWS_ENDPOINT_URL_LAMBDA and the like, which name the endpoint of one service.
    for name in sorted(os.environ):
        if name.startswith("AWS_ENDPOINT_URL") and os.environ[name]:
            raise HarnessError(f"{name} is {os.environ[name]}, which is not AWS: unset it, or leave --aws out.")
    session = boto3.Session()
    credentials = session.get_credentials()
    if credentials is None:
        raise HarnessError("There are no AWS credentials: set AWS_PROFILE, or run `aws configure`.")
    check_key_for_aws(str(credentials.access_key))
    return session
