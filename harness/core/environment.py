"""The environment in which a client finds the harness: its address, and the key that it knows as an administrator's."""

from __future__ import annotations

import os

DEFAULT_PORT = 4566
DEFAULT_URL = f"http://127.0.0.1:{DEFAULT_PORT}"
ADMINISTRATOR_KEY = "test"
ADMINISTRATOR_SECRET = "test"  # noqa: S105 - the well-known key pair of local emulators, worth nothing anywhere else
OWN_KEY_VARIABLE = "HARNESS_ACCESS_KEY_ID"


def harness_url() -> str:
    """Where the harness is: AWS_ENDPOINT_URL, or the default port."""
    return os.environ.get("AWS_ENDPOINT_URL", DEFAULT_URL).rstrip("/")


def client_environment(url: str, region: str, key: tuple[str, str] | None = None) -> dict[str, str]:
    """What an unmodified boto3, aws CLI or locust needs to talk to the harness.

    key: an administrator's key and secret, where the well-known key is none: the harness's own commands take it then.
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
