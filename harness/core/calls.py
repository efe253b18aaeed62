"""What a service sees of one AWS request: who calls, which operation, where. Pure values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Protocol

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


class Service(Protocol):
    """An AWS service that the harness owns.

    Each operation is one coroutine method named in snake case as in boto3, ``create_model(self, call, request)``: it
    takes the request's members by their botocore names (blobs as bytes, timestamps as datetime) and returns the
    response's likewise, or raises AwsError. An operation without a method is answered as not supported, except those
    that ``delegates`` names, which go to the backend.
    """

    service_name: ClassVar[str]

    def delegates(self, operation: str) -> bool:
        """Whether an operation that has no method here is the backend's (SageMaker training, for example)."""
        ...

    def resources(self, operation: str, request: Mapping[str, Any], call: Call) -> Iterable[str]:
        """The ARNs that the request acts on, for authorization; ``*`` for an operation without a resource type."""
        ...
