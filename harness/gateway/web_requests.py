"""Requests that a web page may have sent: refused, unless the service that they are for answers that page (CORS).

Nothing else stands between a page in the user's browser and the local AWS: the key ``test`` is public, and credentials
may be in a URL (see model_server.web_pages).
"""

from __future__ import annotations

from dataclasses import dataclass

from harness.access import errors
from harness.backend.client import Backend
from harness.core.calls import PathHandler
from harness.core.errors import AwsError
from harness.gateway import s3
from harness.gateway.backend_services import S3
from harness.gateway.http import Exchange
from harness.gateway.identify import Services, identify, refusal_protocol
from harness.gateway.rules import bucket_cors
from harness.gateway.wire.codec import Response
from harness.gateway.wire.faults import encode_fault
from model_server import web_pages
from model_server.web_pages import AllowedHosts

_PREFLIGHT_METHOD = "access-control-request-method"
_PREFLIGHT_HEADERS = "access-control-request-headers"
# S3's words (recorded from AWS in public issues).
_CORS_OFF = "CORSResponse: CORS is not enabled for this bucket."
_CORS_REFUSED = (
    "CORSResponse: This CORS request is not allowed. This is usually because the evalution of Origin, request method / "
    "Access-Control-Request-Method or Access-Control-Request-Headers are not whitelisted by the resource's CORS spec."
)
# On AWS each bucket and each function URL has a host of its own, so that its pages are foreign to every API.
_OWN_PAGE = "A request by a web page is refused: a page that this port serves, from S3 for example, may not call it."


@dataclass(frozen=True, slots=True)
class WebRequests:
    """Decides about the requests of web pages.

    hosts: the names by which the gateway may be called. backend: has the buckets' CORS configurations. well_known: keys
    with which every page could sign.
    """

    hosts: AllowedHosts
    backend: Backend
    services: Services
    well_known: frozenset[str]

    async def admit(self, exchange: Exchange, handler: PathHandler | None, request_id: str) -> Response | None:
        """Admits a request, or returns the answer to a preflight. Raises AwsError for a request that is refused.

        handler: of the request's path, if a service registered one. The exchange's answer gets the CORS headers of S3.
        """
        host_fault = web_pages.host_fault(exchange.raw_headers, self.hosts)
        if host_fault is not None:
            raise self._refused(exchange, host_fault)
        origin = web_pages.foreign_origin(exchange.raw_headers, self.hosts)
        if origin is None:
            if web_pages.is_own_page(exchange.raw_headers) and not _takes_own_page(exchange, handler):
                raise self._refused(exchange, _OWN_PAGE)
            return None
        if handler is not None:
            if handler.answers_page(exchange.head.path.removeprefix(handler.prefix), origin):
                return None
        elif (bucket := self._bucket(exchange)) is not None:
            return await self._admit_to_bucket(exchange, bucket, origin, request_id)
        raise self._refused(exchange, web_pages.origin_fault(origin) or "")

    def _refused(self, exchange: Exchange, sentence: str) -> AwsError:
        return errors.denied(sentence, refusal_protocol(exchange.head, self.services))

    def _bucket(self, exchange: Exchange) -> str | None:
        """The bucket of a request to S3, or of the preflight of one; None for any other request."""
        head = exchange.head
        if head.method == "OPTIONS":
            return s3.operation_of("GET", head.path, "", head.headers)[1].get("Bucket") if _asks(exchange) else None
        try:
            request = identify(head, b"", self.services)
        except AwsError:
            return None
        return request.labels.get("Bucket") if request.service == S3 else None

    async def _admit_to_bucket(self, exchange: Exchange, bucket: str, origin: str, request_id: str) -> Response | None:
        head = exchange.head
        preflight = head.method == "OPTIONS"
        method = head.headers.get(_PREFLIGHT_METHOD, "") if preflight else head.method
        requested = _listed(head.headers.get(_PREFLIGHT_HEADERS, "")) if preflight else []
        rules = await s3.cors_rules(self.backend, bucket)
        rule = bucket_cors.matching_rule(rules, origin, method, requested)
        if rule is None:
            if preflight:
                refusal = AwsError("AccessForbidden", _CORS_REFUSED if rules else _CORS_OFF, 403)
                return encode_fault(refusal, "rest-xml", request_id)
            raise AwsError("AccessDenied", web_pages.origin_fault(origin) or "", 403)
        headers = bucket_cors.answer_headers(rule, origin, requested)
        if preflight:
            return Response(200, dict(headers), b"")
        credential = identify(head, b"", self.services).credential
        well_known = credential is not None and credential.access_key in self.well_known
        if well_known and not bucket_cors.names_site(rule, origin):
            message = (
                "A page of another origin may not use the well-known access key, as the bucket's CORS configuration is "
                "for every site. Name the origin there, or sign with a key of a user or role."
            )
            raise AwsError("AccessDenied", message, 403)
        exchange.answer_headers += headers
        return None


def _takes_own_page(exchange: Exchange, handler: PathHandler | None) -> bool:
    """Whether a page of this port's own calls what takes it: a function URL its own page, or one that CORS allows."""
    if handler is None:
        return False
    page, path = web_pages.referring_path(exchange.raw_headers), exchange.head.path
    called, calling = (text.removeprefix(handler.prefix).partition("/")[0] for text in (path, page))
    if page.startswith(handler.prefix) and called == calling:
        return True
    return handler.answers_page(path.removeprefix(handler.prefix), f"http://{exchange.head.headers.get('host', '')}")


def _asks(exchange: Exchange) -> bool:
    """Whether an OPTIONS request is a preflight."""
    return _PREFLIGHT_METHOD in exchange.head.headers


def _listed(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]
