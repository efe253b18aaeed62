"""The calls that only the harness answers: the paths below /_harness/ of a local AWS.

This module imports quickly, for `harness up` and `harness down` load it too.
"""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from http.client import HTTPException
from typing import Any

from harness.core.errors import HarnessError

_SECONDS = 10
# For `harness watch` and `harness doctor`, where a person waits.
_LOOK_SECONDS = 5
# The harness first reads the roles' policies from IAM, with one call for each policy.
_ACCESS_SECONDS = 30


class NoHarness(HarnessError):
    """No harness answers at a URL. something_else: whether another program answers there, such as LocalStack."""

    def __init__(self, url: str, *, something_else: bool) -> None:
        super().__init__(f"No harness answers at {url}: bring it up with `harness up`.")
        self.something_else = something_else


class CallRefused(HarnessError):
    """The harness refused the content of a call. The text says why."""


class LocalAwsClient:
    """Calls the local AWS at a URL. Every method raises NoHarness; those that send something raise CallRefused too."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")

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
        self, path: str, document: Mapping[str, Any] | None = None, *, what: str = "the call", seconds: float = _SECONDS
    ) -> dict[str, Any]:
        """Sends GET, or PUT with a document. what: names the document in the error."""
        data = None if document is None else json.dumps(document).encode()
        request = urllib.request.Request(  # noqa: S310 - the URL is the endpoint that the user named
            f"{self.url}/_harness/{path}", data, method="GET" if data is None else "PUT"
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


def _message(error: urllib.error.HTTPError) -> str | None:
    """The message of a harness's error; None if the answer is another program's."""
    try:
        return str(json.loads(error.read())["message"])
    except (ValueError, TypeError, KeyError, OSError, HTTPException):
        return None
