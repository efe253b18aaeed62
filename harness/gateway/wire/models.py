"""botocore's service models: which service a request is for, and which operation."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from urllib.parse import parse_qs, unquote

import botocore.session
from botocore.loaders import UnknownServiceError
from botocore.model import OperationModel, ServiceModel

# Signing names that are not botocore's service names, or that several services share: the one taken where no rule below
# tells them apart.
_SERVICE_OF_SIGNING_NAME = {
    "monitoring": "cloudwatch",
    "email": "ses",
    "elasticloadbalancing": "elbv2",
    "states": "stepfunctions",
}


@cache
def _session() -> botocore.session.Session:
    return botocore.session.get_session()


@cache
def service_model(service: str) -> ServiceModel:
    """The model of a botocore service name; raises botocore's UnknownServiceError."""
    return _session().get_service_model(service)


@cache
def is_known_service(name: str) -> bool:
    """Whether botocore has a service of that name."""
    return name in _session().get_available_services()


def service_for(signing_name: str, path: str, target: str) -> str:
    """The botocore service that a request signed for ``signing_name`` is for.

    ``sagemaker`` and ``sagemaker-runtime`` sign alike and differ in the path (botocore); DynamoDB and its streams
    differ in the ``X-Amz-Target`` prefix. A name that botocore does not know is returned as it came.
    """
    if signing_name == "sagemaker" and path.startswith("/endpoints/"):
        return "sagemaker-runtime"
    if signing_name == "dynamodb" and target.startswith("DynamoDBStreams"):
        return "dynamodbstreams"
    return _SERVICE_OF_SIGNING_NAME.get(signing_name, signing_name)


@dataclass(frozen=True, slots=True)
class Route:
    """Where a REST operation lives: a compiled path, the literal query it needs, and its labels' names."""

    operation: OperationModel
    path: re.Pattern[str]
    query: Mapping[str, str | None]
    literals: int
    labels: tuple[str, ...]


class RestRouter:
    """Finds the operation of a REST request by method, path and literal query, most specific first."""

    def __init__(self, model: ServiceModel) -> None:
        routes = defaultdict(list)
        for name in model.operation_names:
            operation = model.operation_model(name)
            routes[operation.http["method"]].append(_route(operation))
        self._routes = {
            method: sorted(group, key=lambda route: (len(route.query), route.literals), reverse=True)
            for method, group in routes.items()
        }

    def match(self, method: str, path: str, query: str) -> tuple[OperationModel, dict[str, str]] | None:
        """The operation and its path labels as text, or None. ``path`` is raw, so that %2F stays in its label."""
        return next(self.matches(method, path, query), None)

    def matches(self, method: str, path: str, query: str) -> Iterator[tuple[OperationModel, dict[str, str]]]:
        """All operations that a request may be, the most specific first."""
        asked = parse_qs(query, keep_blank_values=True)
        bare = path.rstrip("/") or "/"
        for route in self._routes.get(method, ()):
            found = route.path.fullmatch(bare)
            if found and all(key in asked and value in (None, asked[key][0]) for key, value in route.query.items()):
                yield (
                    route.operation,
                    {label: unquote(value) for label, value in zip(route.labels, found.groups(), strict=True)},
                )


def _route(operation: OperationModel) -> Route:
    template, _, literal_query = operation.http["requestUri"].partition("?")
    pattern, labels, literals = [], [], 0
    for part in re.split(r"(\{[^}]+\})", template.rstrip("/") or "/"):
        if part.startswith("{"):
            name = part[1:-1]
            pattern.append("(.+)" if name.endswith("+") else "([^/]+)")
            labels.append(name.rstrip("+"))
        else:
            pattern.append(re.escape(part))
            literals += len(part)
    query = {key: values[0] or None for key, values in parse_qs(literal_query, keep_blank_values=True).items()}
    return Route(operation, re.compile("".join(pattern)), query, literals, tuple(labels))


@cache
def rest_router(service: str) -> RestRouter:
    """The router of a REST service, compiled once."""
    return RestRouter(service_model(service))


@cache
def first_segments(service: str) -> frozenset[str]:
    """The literal first segments of a REST service's paths (``2015-03-31``); none where a path begins with a label."""
    model = service_model(service)
    if not str(model.metadata["protocol"]).startswith("rest-"):
        return frozenset()
    paths = (model.operation_model(name).http["requestUri"] for name in model.operation_names)
    segments = {path.lstrip("/").partition("/")[0].partition("?")[0] for path in paths}
    return frozenset(segment for segment in segments if segment and not segment.startswith("{"))


__all__ = [
    "OperationModel",
    "RestRouter",
    "ServiceModel",
    "UnknownServiceError",
    "first_segments",
    "is_known_service",
    "rest_router",
    "service_for",
    "service_model",
]
