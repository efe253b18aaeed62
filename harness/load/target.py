"""Finds where the load goes and with whose credentials: this machine's local AWS, or a real account on request.

Nothing is sent to the target for it; boto3's credential chain may ask the machine's own metadata service.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError

from harness.core.environment import check_key_for_aws
from harness.core.errors import HarnessError, shown
from harness.core.sigv4 import SigningCredentials
from harness.load.answers import Kind

SERVICES: dict[Kind, str] = {"lambda": "lambda", "endpoint": "sagemaker-runtime", "function-url": "lambda"}
"""boto3's name for the service that each kind of request goes to."""
_FUNCTION_URL = re.compile(r"https://[a-z0-9]+\.lambda-url\.([a-z0-9-]+)\.on\.aws")
_AWS_ITSELF: Any = Config(ignore_configured_endpoint_urls=True)  # type: ignore[call-arg] # not in the stubs
HOW_TO_EXPORT = "run `harness up` and export the lines that it prints"


@dataclass(frozen=True, slots=True)
class LoadTarget:
    """An AWS endpoint, with the credentials and region to sign for it.

    url: ``http://127.0.0.1:4566``, without a path.
    current_credentials: gives the credentials of this moment, because temporary ones are renewed.
    """

    url: str
    region: str
    current_credentials: Callable[[], SigningCredentials]

    @property
    def credentials(self) -> SigningCredentials:
        return self.current_credentials()


def target_from(environ: Mapping[str, str], host: str | None = None) -> LoadTarget:
    """The target that the environment names. ``host`` (locust's --host) takes precedence over AWS_ENDPOINT_URL.

    Raises HarnessError if something is missing, or the host is not this machine.
    """
    url = host or environ.get("AWS_ENDPOINT_URL")
    if not url:
        raise HarnessError(f"There is no target: set AWS_ENDPOINT_URL ({HOW_TO_EXPORT}) or give locust --host URL.")
    names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
    missing = [name for name in names if not environ.get(name)]
    if missing:
        raise HarnessError(f"Requests cannot be signed without {' and '.join(missing)}: {HOW_TO_EXPORT}.")
    region = environ.get("AWS_DEFAULT_REGION") or environ.get("AWS_REGION")
    if not region:
        raise HarnessError(f"Requests cannot be signed without AWS_DEFAULT_REGION: {HOW_TO_EXPORT}.")
    credentials = SigningCredentials(
        environ["AWS_ACCESS_KEY_ID"], environ["AWS_SECRET_ACCESS_KEY"], environ.get("AWS_SESSION_TOKEN") or None
    )
    return LoadTarget(url=_local_url(url), region=region, current_credentials=lambda: credentials)


def aws_target(service: str, environ: Mapping[str, str]) -> LoadTarget:
    """The real AWS, with the credentials and the region that boto3 finds. service: boto3's name for it.

    Raises HarnessError if there are no credentials or no region, or the environment names another endpoint.
    """
    if environ.get("AWS_ENDPOINT_URL"):
        raise HarnessError(
            f"AWS_ENDPOINT_URL is {environ['AWS_ENDPOINT_URL']}, which is not AWS: unset it, or leave --target aws out."
        )
    session = botocore.session.Session()
    try:
        region = session.get_config_variable("region")
        credentials = session.get_credentials()
        if not region:
            raise HarnessError("There is no region: set AWS_DEFAULT_REGION, or one in ~/.aws/config.")
        if credentials is None:
            raise HarnessError("There are no AWS credentials: set AWS_PROFILE, or run `aws configure`.")
        check_key_for_aws(str(credentials.access_key))
        # The client is made only because it finds the endpoint by botocore's rules.
        client = session.create_client(service, config=_AWS_ITSELF)
    except BotoCoreError as error:
        raise HarnessError(f"AWS cannot be reached as configured: {error}") from None

    def current_credentials() -> SigningCredentials:
        frozen = credentials.get_frozen_credentials()
        return SigningCredentials(str(frozen.access_key), str(frozen.secret_key), frozen.token)

    return LoadTarget(url=client.meta.endpoint_url, region=region, current_credentials=current_credentials)


def function_url_target(url: str | None, environ: Mapping[str, str]) -> LoadTarget:
    """A function URL of a real account. Raises HarnessError if ``url`` is not one."""
    match = _FUNCTION_URL.fullmatch((url or "").rstrip("/"))
    if match is None:
        raise HarnessError(
            f"{url or 'No host'} is not a function URL: give --host https://ID.lambda-url.REGION.on.aws with "
            "--target aws."
        )
    credentials = aws_target("lambda", environ).current_credentials
    return LoadTarget(url=match[0], region=match[1], current_credentials=credentials)


def _local_url(url: str) -> str:
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname, parts.port
    except ValueError:
        host, parts = None, urlsplit("")
    if parts.scheme not in {"http", "https"} or not host:
        raise HarnessError(f"{shown(url)} is not a target: give a URL such as http://127.0.0.1:4566.")
    if not is_loopback(host):
        raise HarnessError(
            f"{shown(host)} is not this machine, and load is sent to this machine only: "
            "give a URL such as http://127.0.0.1:4566 as --host or AWS_ENDPOINT_URL."
        )
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def is_loopback(host: str) -> bool:
    """Whether the name or address always means this machine; no name is looked up."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
