"""The environment variables by which a client finds the harness: its address and an access key."""

from __future__ import annotations

import os

from harness.core.errors import HarnessError

DEFAULT_PORT = 4566
DEFAULT_URL = f"http://127.0.0.1:{DEFAULT_PORT}"
ADMINISTRATOR_KEY = "test"
ADMINISTRATOR_SECRET = "test"  # noqa: S105 - the well-known key pair of local emulators, worthless elsewhere
OWN_KEY_VARIABLE = "HARNESS_ACCESS_KEY_ID"
"""Set if the administrator's access key is not the well-known one, so that the harness's own commands use it."""


def harness_url() -> str:
    """The URL of the harness: AWS_ENDPOINT_URL, or the default port."""
    return os.environ.get("AWS_ENDPOINT_URL", DEFAULT_URL).rstrip("/")


def client_environment(url: str, region: str, key: tuple[str, str] | None = None) -> dict[str, str]:
    """The variables that an unmodified boto3, aws CLI or locust needs to call the harness.

    key: the administrator's access key and secret, if they are not the well-known ones.
    """
    access_key, secret_key = key or (ADMINISTRATOR_KEY, ADMINISTRATOR_SECRET)
    own = {OWN_KEY_VARIABLE: access_key} if key else {}
    return {
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": access_key,
        "AWS_SECRET_ACCESS_KEY": secret_key,
        "AWS_DEFAULT_REGION": region,
        **own,
    }


def check_key_for_aws(access_key: str) -> None:
    """Raises HarnessError for the well-known key, which never goes to AWS, and for a key that a local AWS made."""
    if access_key in (ADMINISTRATOR_KEY, os.environ.get(OWN_KEY_VARIABLE)):
        raise HarnessError(
            f"The access key {access_key} is a local AWS's and not sent to AWS: set AWS_PROFILE, or your own "
            "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."
        )
