"""LocalSettings from their JSON, as ``PUT /_harness/endpoints/NAME`` brings them, and what a kind cannot do without."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.core.errors import AwsError, HarnessError
from harness.hosting.instances.base import LocalSettings
from harness.hosting.instances.kinds import kind_names

if TYPE_CHECKING:
    from harness.core.profile import Profile

SERVERS = ("torchserve", "asgi")
_CONTAINER = re.compile(r"^http://[^/?#\s@]+/?$")
_MEMBERS = (
    "instances",
    "server",
    "responses",
    "containers",
    "profile",
    "provisioning_seconds",
    "serve_unready",
    "concurrent_requests",
)


def lacking(instances: str, *, containers: bool, profile: bool) -> str | None:
    """What keeps a kind from being used, as a sentence's end after its name; None when nothing does."""
    names = kind_names()
    if instances not in names:
        return f"is no kind of instance here; there are: {', '.join(names)}"
    if instances == "container" and not containers:
        return 'needs containers, such as ["http://model-1:8080"]'
    if instances == "twin" and not profile:
        return "needs a profile, the path of a capacity profile"
    return None


def is_container(url: str) -> bool:
    """Whether a URL is an address that a container can have: plain HTTP, no path."""
    return bool(_CONTAINER.match(url))


def local_settings(document: Mapping[str, Any]) -> LocalSettings:
    """Raises AwsError ValidationException for a value that they do not take."""
    unknown = set(document) - set(_MEMBERS)
    if unknown:
        raise _refused(f"{min(unknown)} is no local setting; there are: {', '.join(_MEMBERS)}.")
    server = document.get("server", "torchserve")
    if server not in SERVERS:
        raise _refused(f"server must be one of {', '.join(SERVERS)}, not {server!r}.")
    responses = document.get("responses")
    if responses is not None and not Path(responses).is_dir():
        raise _refused(f"responses must be a folder of recorded responses; {responses} is none.")
    containers = document.get("containers", [])
    if not isinstance(containers, list) or not all(isinstance(one, str) and is_container(one) for one in containers):
        raise _refused(f"containers must be a list of addresses such as http://model-1:8080, not {containers!r}.")
    profile = document.get("profile")
    instances = str(document.get("instances", "process"))
    reason = lacking(instances, containers=bool(containers), profile=profile is not None)
    if reason is not None:
        raise _refused(f"instances {instances!r} {reason}.")
    try:
        parsed = None if profile is None else _parsed(profile)
    except HarnessError as error:
        raise _refused(str(error)) from None
    seconds = document.get("provisioning_seconds", 0.0)
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 <= seconds < float("inf"):
        raise _refused(f"provisioning_seconds must be a number of seconds, not {seconds!r}.")
    serve_unready = document.get("serve_unready", False)
    if not isinstance(serve_unready, bool):
        raise _refused(f"serve_unready must be true or false, not {serve_unready!r}.")
    most = document.get("concurrent_requests")
    if most is not None and (isinstance(most, bool) or not isinstance(most, int) or most < 1):
        raise _refused(f"concurrent_requests must be a whole number of at least 1, not {most!r}.")
    return LocalSettings(
        instances,
        server,
        Path(responses) if responses else None,
        tuple(url.rstrip("/") for url in containers),
        parsed,
        float(seconds),
        serve_unready,
        most,
    )


def _parsed(profile: Any) -> Profile:
    from harness.core.profile import parse_profile  # with pydantic: a tenth of the local AWS's start, for twins alone

    return parse_profile(profile)


def _refused(message: str) -> AwsError:
    return AwsError("ValidationException", message)
