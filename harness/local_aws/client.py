"""The calls that only the harness answers: the paths below /_harness/ of a local AWS.

This module imports quickly, for `harness up` and `harness down` load it too.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from http.client import HTTPException
from typing import Any
from urllib.parse import urlsplit

from harness.core.calls import CONTROL_PREFIX, CONTROL_SIGNING_NAME
from harness.core.environment import ADMINISTRATOR_KEY, ADMINISTRATOR_SECRET, OWN_KEY_VARIABLE, harness_url
from harness.core.errors import HarnessError
from harness.core.sigv4 import SigningCredentials, signed_headers
from harness.local_aws import daemon

_SECONDS = 10
# For `harness watch` and `harness doctor`, where a person waits.
_LOOK_SECONDS = 5
# The harness first reads the roles' policies from IAM, with one call for each policy.
_ACCESS_SECONDS = 30
# Model servers get 30 s to end (SM guide), and LocalStack loads its services again.
_RESET_SECONDS = 180


class NoHarness(HarnessError):
    """No harness answers at a URL. something_else: whether another program answers there, such as LocalStack."""

    def __init__(self, url: str, *, something_else: bool) -> None:
        super().__init__(f"No harness answers at {url}: bring it up with `harness up`.")
        self.something_else = something_else


class CallRefused(HarnessError):
    """The harness refused the content of a call. The text says why."""


class LocalAwsClient:
    """Calls the local AWS at a URL. Every method raises NoHarness; all but health() raise CallRefused too.

    key: the administrator's access key and secret; by default those of administrator_key().
    """

    def __init__(self, url: str, key: tuple[str, str] | None = None) -> None:
        self.url = url.rstrip("/")
        self._key = key

    def health(self) -> dict[str, Any]:
        """What runs there: status, version, pid, region, account, backend, speed."""
        return self._call("health", seconds=_LOOK_SECONDS)

    def scaling(self) -> dict[str, Any]:
        """Every scalable target with its policies, alarms and activities, and the functions' concurrency."""
        return self._call("scaling", seconds=_LOOK_SECONDS)

    def access(self) -> dict[str, Any]:
        """The calls that roles and users have made so far (harness.access.rules.access_history reads them)."""
        return self._call("access", seconds=_ACCESS_SECONDS)

    def clock(self) -> dict[str, Any]:
        """now: Unix seconds of the clock. speed: how many of its seconds pass in one second of wall time."""
        return self._call("clock")

    def set_speed(self, speed: float) -> None:
        """Changes how fast the clock runs."""
        self._call("clock", {"speed": speed}, what=f"a speed of {speed:g}")

    def reset(self) -> None:
        """Empties it."""
        self._call("reset", method="POST", what="to empty itself", seconds=_RESET_SECONDS)

    def role_credentials(self, role: str, session: str) -> dict[str, str]:
        """Temporary credentials of a role, in the form of STS's, whomever the role trusts. role: its ARN."""
        return dict(self._call("sessions", {"role": role, "name": session}, what=f"a session of {role}"))

    def put_token_keys(self, issuer: str, keys: Mapping[str, Any]) -> None:
        """Gives the keys that verify the tokens of an OpenID Connect issuer: its JSON Web Key Set."""
        self._call("oidc/keys", {"issuer": issuer, "keys": keys}, what=f"the keys of {issuer}")

    def oidc_token(self, issuer: str, claims: Mapping[str, Any]) -> str:
        """A token that the local AWS itself signs in the name of an OpenID Connect issuer."""
        return str(
            self._call("oidc/tokens", {"issuer": issuer, "claims": claims}, what=f"a token of {issuer}")["token"]
        )

    def put_endpoint(self, name: str, local: Mapping[str, Any]) -> None:
        """Sets what the stack file says under [local] for the endpoint of that name, which need not exist yet."""
        self._call(f"endpoints/{name}", local, what="[local]")

    def put_plan(self, endpoint: str, plan: Mapping[str, Any]) -> None:
        """Hands over a plan (harness.hosting.planned), with which Inference Recommender answers for the endpoint."""
        self._call(f"plans/{endpoint}", plan, what="the plan")

    def _call(
        self,
        path: str,
        document: Mapping[str, Any] | None = None,
        *,
        method: str = "",
        what: str = "the call",
        seconds: float = _SECONDS,
    ) -> dict[str, Any]:
        """Sends GET, or PUT with a document. what: names the document in the error."""
        body = b"" if document is None else json.dumps(document).encode()
        method = method or ("GET" if document is None else "PUT")
        url = f"{self.url}{CONTROL_PREFIX}{path}"
        headers = self._signed(method, url, body)
        request = urllib.request.Request(  # noqa: S310 - the URL is the endpoint that the user named
            url, None if method == "GET" else body, headers, method=method
        )
        try:
            with urllib.request.urlopen(request, timeout=seconds) as answer:  # noqa: S310
                return dict(json.loads(answer.read()))
        except urllib.error.HTTPError as error:
            message = None if error.code == 404 else _message(error)
            if message is None:
                raise NoHarness(self.url, something_else=True) from None
            raise CallRefused(f"The harness at {self.url} refused {what}: {message}") from None
        except (ValueError, HTTPException):
            raise NoHarness(self.url, something_else=True) from None
        except OSError:
            raise NoHarness(self.url, something_else=False) from None

    def _signed(self, method: str, url: str, body: bytes) -> dict[str, str]:
        """The headers of a request that the administrator signs."""
        parts = urlsplit(url)
        return signed_headers(
            SigningCredentials(*(self._key or administrator_key(self.url))),
            "us-east-1",
            CONTROL_SIGNING_NAME,
            method=method,
            path=parts.path,
            query="",
            headers={"Host": parts.netloc},
            body=body,
            at=time.time(),
        )


def administrator_key(url: str) -> tuple[str, str]:
    """Access key and secret of the administrator of the harness at a URL.

    The key that `harness up` has put into the environment, or that the harness on the URL's port keeps in its state;
    else the well-known one. A key of an AWS account that happens to be in the environment is never used.
    """
    key, secret = os.environ.get("AWS_ACCESS_KEY_ID"), os.environ.get("AWS_SECRET_ACCESS_KEY")
    if key and secret and key == os.environ.get(OWN_KEY_VARIABLE) and url == harness_url():
        return key, secret
    running = None
    with contextlib.suppress(ValueError):  # no port
        port = urlsplit(url).port
        running = daemon.find(port) if port else None
    if running is not None and running.url == url and running.key is not None:
        return running.key[0], running.key[1]
    return ADMINISTRATOR_KEY, ADMINISTRATOR_SECRET


def _message(error: urllib.error.HTTPError) -> str | None:
    """The message of a harness's error; None if the answer is another program's."""
    try:
        return str(json.loads(error.read())["message"])
    except (ValueError, TypeError, KeyError, OSError, HTTPException):
        return None
