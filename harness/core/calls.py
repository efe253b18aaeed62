"""What the gateway and the services tell each other: a call, who makes it, and what a service registers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, Protocol

from harness.core.errors import AwsError

CONTROL_PREFIX = "/_harness/"
"""What the local AWS answers itself is below this path."""
CONTROL_SIGNING_NAME = "sagemaker-harness"
"""The service of a signature of a request below CONTROL_PREFIX."""
HEADERS = "$headers"
"""An operation's answer may have a mapping under this name: HTTP headers that the operation's model does not have."""


@dataclass(frozen=True, slots=True)
class Principal:
    """Who signed a request.

    arn: ``arn:aws:iam::ACCOUNT:root``, ``...:user/NAME``, ``arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION`` or
    ``arn:aws:sts::ACCOUNT:federated-user/NAME``.
    kind: root is the account's administrator, whom no identity policy limits; anonymous sent an unsigned request;
    federated is a caller with an identity provider's token; ``arn`` is then the provider's ARN or name.
    """

    arn: str
    account: str
    kind: Literal["root", "user", "assumed-role", "federated-user", "federated", "anonymous"]

    @property
    def name(self) -> str:
        """The name of the user, or of the role (not of its session)."""
        return self.arn.split("/")[-2] if self.kind == "assumed-role" else self.arn.split("/")[-1]


class Require(Protocol):
    """Authorizes a call for an operation that says itself what it needs (Service.authorizes)."""

    async def __call__(
        self,
        actions: Sequence[str],
        resource: str,
        condition_keys: Mapping[str, tuple[str, ...]],
        *,
        provider: str = "",
    ) -> None:
        """Raises AwsError unless the caller may do all of the actions on the resource.

        condition_keys: the service's own, in lower case. provider: the ARN or name of the identity provider that
        vouches for the caller of an unsigned request; then the resource's own policy alone decides.
        """
        ...


async def _require_nothing(
    actions: Sequence[str], resource: str, condition_keys: Mapping[str, tuple[str, ...]], *, provider: str = ""
) -> None:
    """Authorizes a call of the harness's own, which asks nobody."""


@dataclass(frozen=True, slots=True)
class Call:
    """One request to an operation, after the gateway has named and authorized it.

    service: botocore's service name (``sagemaker-runtime``), not the signing name.
    operation: the API's name (``InvokeEndpoint``).
    access_key: the id of the key that signed the request; "" for an unsigned one.
    request_id: what the client sees as ``ResponseMetadata.RequestId``.
    require: authorizes the call, for an operation that does so itself.
    """

    service: str
    operation: str
    principal: Principal
    account: str
    region: str
    request_id: str
    access_key: str = ""
    require: Require = field(default=_require_nothing, repr=False, compare=False)


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
    """The principal who signed a request, and the access key. user_id: ``aws:userid``, such as ``AROA...:session``."""

    principal: Principal
    access_key: str
    user_id: str


Authorize = Callable[[Sequence[str], str, str, Mapping[str, tuple[str, ...]]], Awaitable[Signer]]
"""(actions, resource ARN, region, the service's own condition keys) -> who signed the request.

Raises AwsError if the request has no valid signature, or if its signer may not do all of the actions.
"""


class PathHandler(Protocol):
    """Answers every request below a path of its own.

    prefix: the path, with its slashes. signing_name: the service that a signature has to be for. body_limit: bytes.
    """

    prefix: ClassVar[str]
    signing_name: ClassVar[str]
    body_limit: ClassVar[int]

    async def answer(self, request: HttpRequest, request_id: str, authorize: Authorize) -> HttpResponse:
        """Raises AwsError, which is answered as JSON."""
        ...

    def answers_page(self, path: str, origin: str) -> bool:
        """Whether a web page of another origin may send a request to a path, and gets CORS headers.

        origin: ``https://example.com``, ``null``, or ``cross-site`` and ``same-site`` if the browser does not say it.
        """
        return False


class Service(Protocol):
    """An AWS service that the harness owns.

    A service inherits from this class and says here all that the gateway has to know about it.

    Each operation is one coroutine method named in snake case as in boto3, ``create_model(self, call, request)``. It
    takes the request's members by their botocore names (blobs as bytes, timestamps as datetime) and returns the
    response's in the same way, or raises AwsError. An operation without a method is answered as not supported, unless
    the service delegates it to the backend.

    service_name: botocore's name. signing_name: the name in signatures, if it is another. body_limit: bytes of the
    largest request. validation_code: the error code for a request that breaks the constraints of botocore's model.
    validation_quotes: whether such an error quotes the value. validation_sentences: by a pattern of the model, the
    sentence about a value that does not fit it; ``{}`` stands for the member.
    """

    service_name: ClassVar[str]
    signing_name: ClassVar[str] = ""
    # The default is Lambda's limit, for a 50 MB zip in base64 and the JSON around it (recorded from AWS).
    body_limit: ClassVar[int] = 70_167_211
    validation_code: ClassVar[str] = "ValidationException"
    validation_quotes: ClassVar[bool] = True
    validation_sentences: ClassVar[Mapping[str, str]] = {}

    def refusal(self, operation: str) -> str | None:
        """Why the service does not answer an operation, in a sentence; None for one without a reason of its own."""
        return None

    def delegates(self, operation: str) -> bool:
        """Whether an operation goes to the backend (SageMaker training, for example)."""
        return False

    def resources(self, operation: str, request: Mapping[str, Any], call: Call) -> Iterable[str]:
        """The ARNs that the request acts on, for authorization; ``*`` for an operation without a resource type."""
        ...

    def authorizes(self, operation: str) -> bool:
        """Whether the operation authorizes its calls itself, with Call.require. By default the gateway does."""
        return False

    def condition_keys(self, operation: str, request: Mapping[str, Any], call: Call) -> Mapping[str, tuple[str, ...]]:
        """Condition keys, in lower case, whose values only the service knows, and not the request."""
        return {}

    def paths(self) -> Iterable[PathHandler]:
        """Handlers of paths that are not operations of the service's API."""
        return ()

    def resource_policy(self, arn: str) -> str | None:
        """The resource's own policy as JSON; None if it has none."""
        return None

    def tags_of(self, arn: str) -> Mapping[str, str]:
        """The resource's tags."""
        return {}

    def body_too_large(self, operation: str, limit: int) -> AwsError:
        """The error for a request of more than ``limit`` bytes."""
        return body_too_large(limit)


def body_too_large(limit: int) -> AwsError:
    """SageMaker's error, as printed in public logs. Its code is the status: "An error occurred (413) when calling"."""
    return AwsError("413", f"HTTP content length exceeded {limit} bytes.", 413)
