"""The values between gateway and services: one AWS request, its caller, and what a service registers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Protocol

from harness.core.errors import AwsError

HEADERS = "$headers"
"""Under this name an operation's answer may hold HTTP headers that the service's model has not, as a mapping."""


@dataclass(frozen=True, slots=True)
class Principal:
    """Who signed a request.

    arn: ``arn:aws:iam::ACCOUNT:root``, ``...:user/NAME`` or ``arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION``.
    kind: the account's root user is its administrator: no policy limits it. Whoever does not sign is anonymous.
    """

    arn: str
    account: str
    kind: Literal["root", "user", "assumed-role", "anonymous"]

    @property
    def name(self) -> str:
        """The user's name, or the role's (not the session's)."""
        return self.arn.split("/")[-2] if self.kind == "assumed-role" else self.arn.split("/")[-1]


@dataclass(frozen=True, slots=True)
class Call:
    """One request to an operation, after the gateway has named and authorized it.

    service: botocore's service name (``sagemaker-runtime``), not the signing name.
    operation: the API's name (``InvokeEndpoint``).
    request_id: what the client sees as ``ResponseMetadata.RequestId``.
    """

    service: str
    operation: str
    principal: Principal
    account: str
    region: str
    request_id: str


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A request below a path that a service answers itself, such as a function URL.

    path: what follows the handler's prefix, raw. headers: names in lower case, in their order, repeats kept.
    source: the client's address.
    """

    method: str
    path: str
    query: str
    headers: Sequence[tuple[str, str]]
    body: bytes
    source: str


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """The answer to an HttpRequest."""

    status: int
    headers: Sequence[tuple[str, str]]
    body: bytes


@dataclass(frozen=True, slots=True)
class Signer:
    """Who signed a request. user_id: IAM's ``aws:userid``, with the session's name for a role."""

    principal: Principal
    access_key: str
    user_id: str


Authorize = Callable[[Sequence[str], str, str, Mapping[str, tuple[str, ...]]], Awaitable[Signer]]
"""(actions, resource ARN, region, condition keys of the service's own) -> who signed the request.

Raises AwsError for a request without a valid signature, or whose signer may not do all of the actions.
"""


class PathHandler(Protocol):
    """Answers every request below a path. prefix: with its slashes. signing_name: of the signatures that it takes."""

    prefix: ClassVar[str]
    signing_name: ClassVar[str]
    body_limit: ClassVar[int]

    async def answer(self, request: HttpRequest, request_id: str, authorize: Authorize) -> HttpResponse:
        """Raises AwsError, which is answered as JSON."""
        ...


class Service(Protocol):
    """An AWS service that the harness owns.

    Each operation is one coroutine method named in snake case as in boto3, ``create_model(self, call, request)``: it
    takes the request's members by their botocore names (blobs as bytes, timestamps as datetime) and returns the
    response's likewise, or raises AwsError. An operation without a method is answered as not supported, except those
    that ``delegates`` names, which go to the backend. A service inherits from this class for the defaults.

    body_limit: bytes of a request. validation_code: the error code for a request that botocore's model refuses.
    """

    service_name: ClassVar[str]
    # The default is Lambda's limit, for a 50 MB zip in base64 and the JSON around it (recorded from AWS).
    body_limit: ClassVar[int] = 70_167_211
    validation_code: ClassVar[str] = "ValidationException"

    def delegates(self, operation: str) -> bool:
        """Whether an operation that has no method here is the backend's (SageMaker training, for example)."""
        return False

    def resources(self, operation: str, request: Mapping[str, Any], call: Call) -> Iterable[str]:
        """The ARNs that the request acts on, for authorization; ``*`` for an operation without a resource type."""
        ...

    def paths(self) -> Iterable[PathHandler]:
        """What the service answers beside its API."""
        return ()

    def resource_policy(self, arn: str) -> str | None:
        """The resource policy of an ARN as JSON, or None."""
        return None

    def tags_of(self, arn: str) -> Mapping[str, str]:
        """The tags of an ARN."""
        return {}

    def too_large(self, operation: str, limit: int) -> AwsError:
        """The error for a request above the limit, as printed in public logs of SageMaker: its code is the status."""
        return request_too_large(limit)


def request_too_large(limit: int) -> AwsError:
    return AwsError("413", f"HTTP content length exceeded {limit} bytes.", 413)
