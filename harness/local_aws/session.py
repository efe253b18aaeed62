"""The boto3 session with which the harness's own commands call a local AWS."""

from __future__ import annotations

import os

import boto3

from harness.core.environment import ADMINISTRATOR_KEY, ADMINISTRATOR_SECRET, OWN_KEY_VARIABLE, harness_url


def administrator_session(url: str | None = None) -> boto3.Session:
    """A session with the key that every harness knows as an administrator's.

    Where `harness up` has put another key into the environment for the harness at ``url``, the session has that one.
    A key of an AWS account that happens to be in the environment is never sent to a harness.
    """
    own = os.environ.get(OWN_KEY_VARIABLE)
    if own and own == os.environ.get("AWS_ACCESS_KEY_ID") and url in (None, harness_url()):
        return boto3.Session()
    return boto3.Session(aws_access_key_id=ADMINISTRATOR_KEY, aws_secret_access_key=ADMINISTRATOR_SECRET)
