"""Where the load goes and as whom: this machine's local AWS, or, when asked for by name, a real account.

Resolving either sends nothing to the target; boto3's credential chain may ask the machine's own metadata service.
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

from harness.core.errors import HarnessError, shown
from harness.load.answers import Kind
from harness.load.sigv4 import Credentials

SERVICES: dict[Kind, str] = {"lambda": "lambda", "endpoint": "sagemaker-runtime", "function-url": "lambda"}
"""boto3's name of the service that each kind of request goes to."""
_FUNCTION_URL = re.compile(r"https://[a-z0-9]+\.lambda-url\.([a-z0-9-]+)\.on\.aws")
_AWS_ITSELF: Any = Config(ignore_configured_endpoint_urls=True)  # type: ignore[call-arg] # not in the stubs
HOW_TO_EXPORT = "run `harness up` and export the lines that it prints"


@dataclass(frozen=True, slots=True)
class Target:
    """An AWS endpoint, with the credentials and region to sign for it.

    url: ``http://127.0.0.1:4566``, without a path.
    sign_as: the credentials of this moment, as temporary ones are renewed.
    """

    url: str
    region: str
    sign_as: Callable[[], Credentials]

    @property
    def credentials(self) -> Credentials:
        return self.sign_as()


def target_from(environ: Mapping[str, str], host: str | None = None) -> Target:
    """The target that the environment names; ``host`` (locust's --host) goes before AWS_ENDPOINT_URL.

    Raises HarnessError when something is missing, or the host is not this machine.
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
    credentials = Credentials(
        environ["AWS_ACCESS_KEY_ID"], environ["AWS_SECRET_ACCESS_KEY"], environ.get("AWS_SESSION_TOKEN") or None
    )
    return Target(url=_local_url(url), region=region, sign_as=lambda: credentials)


def aws_target(service: str, environ: Mapping[str, str]) -> Target:
    """The real AWS of boto3's own credential chain and region. service: as boto3 calls it.

    Raises HarnessError when there are no credentials or no region, or the environment points elsewhere.
    """
    if environ.get("AWS_ENDPOINT_URL"):
        raise HarnessError(
            f"AWS_ENDPOINT_URL is {environ['AWS_ENDPOINT_URL']}, which is not AWS: unset it, or leave --target aws out."
        )
    session = botocore.session.Session()
    try:
        region = session.get_config_variable("region")
        found = session.get_credentials()
        if not region:
            raise HarnessError("There is no region: set AWS_DEFAULT_REGION, or one in ~/.aws/config.")
        if found is None:
            raise HarnessError("There are no AWS credentials: set AWS_PROFILE, or run `aws configure`.")
        # A client is not made for its own sake: it knows the endpoint by botocore's rules.
        client = session.create_client(service, config=_AWS_ITSELF)
    except BotoCoreError as error:
        raise HarnessError(f"AWS cannot be reached as configured: {error}") from None

    def sign_as() -> Credentials:
        frozen = found.get_frozen_credentials()
        return Credentials(str(frozen.access_key), str(frozen.secret_key), frozen.token)

    return Target(url=client.meta.endpoint_url, region=region, sign_as=sign_as)


def function_url_target(url: str | None, environ: Mapping[str, str]) -> Target:
    """The function URL of a real account; HarnessError for a host that is none."""
    match = _FUNCTION_URL.fullmatch((url or "").rstrip("/"))
    if match is None:
        raise HarnessError(
            f"{url or 'No host'} is no function URL: give --host https://ID.lambda-url.REGION.on.aws with --target aws."
        )
    return Target(url=match[0], region=match[1], sign_as=aws_target("lambda", environ).sign_as)


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
    """Whether the name or address means this machine by itself; no name is looked up."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
