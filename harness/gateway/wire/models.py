"""botocore's service models, and the operations of REST services by method and path."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import parse_qs, unquote

import botocore.session
from botocore.loaders import UnknownServiceError
from botocore.model import OperationModel, ServiceModel


@cache
def _session() -> botocore.session.Session:
    return botocore.session.get_session()


@cache
def service_model(service: str) -> ServiceModel:
    """The model of a service by botocore's name. Raises botocore's UnknownServiceError."""
    return _session().get_service_model(service)


@cache
def is_known_service(name: str) -> bool:
    """Whether botocore has a service of that name."""
    return name in _session().get_available_services()


@cache
def protocols(service: str) -> tuple[str, ...]:
    """The protocols that a service speaks, botocore's choice first.

    Services that botocore calls awsQueryCompatible still take the query protocol from older clients.
    """
    metadata: Mapping[str, Any] = service_model(service).metadata
    first = str(metadata["protocol"])
    others = [str(protocol) for protocol in metadata.get("protocols", ())]
    legacy = ("query",) if "awsQueryCompatible" in metadata else ()
    return tuple(dict.fromkeys((first, *others, *legacy)))


def has_blob_payload(operation: OperationModel) -> bool:
    """Whether the body of a REST request is one member's bytes, which mean what the service's user says."""
    shape = operation.input_shape
    if shape is None or "payload" not in shape.serialization:
        return False
    return str(shape.members[shape.serialization["payload"]].type_name) == "blob"


def takes_unsigned_body(operation: OperationModel) -> bool:
    """Whether a signature of the operation does not include its body (botocore's auth types)."""
    return operation.auth_type == "v4-unsigned-body" or bool(getattr(operation, "unsigned_payload", False))


@dataclass(frozen=True, slots=True)
class Route:
    """The path of a REST operation as a pattern, the literal query that it needs, and the names of its labels.

    literals: number of literal characters in the path; a path with more of them is more specific.
    """

    operation: OperationModel
    path: re.Pattern[str]
    query: Mapping[str, str | None]
    literals: int
    labels: tuple[str, ...]


class RestRouter:
    """Finds the operation of a REST request by method, path and literal query."""

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
        """The most specific operation with its path labels, or None. path: raw, so that %2F stays in a label."""
        return next(self.matches(method, path, query), None)

    def matches(self, method: str, path: str, query: str) -> Iterator[tuple[OperationModel, dict[str, str]]]:
        """All operations that a request may be, the most specific first."""
        parameters = parse_qs(query, keep_blank_values=True)
        bare = path.rstrip("/") or "/"
        for route in self._routes.get(method, ()):
            match = route.path.fullmatch(bare)
            if match and all(
                key in parameters and value in (None, parameters[key][0]) for key, value in route.query.items()
            ):
                yield (
                    route.operation,
                    {label: unquote(value) for label, value in zip(route.labels, match.groups(), strict=True)},
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
    """The router of a REST service."""
    return RestRouter(service_model(service))


@cache
def first_segments(service: str) -> frozenset[str]:
    """The first segments of a REST service's paths (``2015-03-31``). A path that begins with a label has none."""
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
    "has_blob_payload",
    "is_known_service",
    "protocols",
    "rest_router",
    "service_model",
    "takes_unsigned_body",
]
