"""Function URLs at the gateway: who calls, may he, and the request as Lambda takes it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Protocol

from harness.core.errors import AwsError
from harness.functions.errors import SYNCHRONOUS_PAYLOAD_LIMIT, forbidden_url
from harness.functions.rules.function_url import (
    PATH_PREFIX,
    UrlCaller,
    UrlConfig,
    UrlRequest,
    UrlResponse,
    is_preflight,
)
from harness.functions.rules.names import FunctionReference
from harness.gateway.http import Exchange
from harness.gateway.wire.faults import encode_fault

Authorize = Callable[[Exchange, bytes, FunctionReference], Awaitable[UrlCaller]]
"""Who calls; raises AwsError unless he may call the URL of a function or alias."""


class UrlService(Protocol):
    """What Lambda offers for it."""

    def function_url(self, identity: str) -> tuple[FunctionReference, UrlConfig] | None: ...

    async def invoke_url(
        self, reference: FunctionReference, config: UrlConfig, request: UrlRequest, request_id: str
    ) -> UrlResponse: ...


class FunctionUrls:
    """Answers what is below PATH_PREFIX."""

    def __init__(self, service: UrlService, authorize: Authorize) -> None:
        self._service = service
        self._authorize = authorize

    async def answer(self, exchange: Exchange, request_id: str) -> None:
        """One request. What is refused (403), throttled or too large is answered as JSON, whoever asks."""
        try:
            answer = await self._answer(exchange, request_id)
        except AwsError as error:
            await exchange.respond(encode_fault(error, "rest-json", request_id))
        else:
            await exchange.answer(answer.status, [("x-amzn-RequestId", request_id), *answer.headers], answer.body)

    async def _answer(self, exchange: Exchange, request_id: str) -> UrlResponse:
        head = exchange.head
        identity, _, rest = head.path.removeprefix(PATH_PREFIX).partition("/")
        found = self._service.function_url(identity)
        if found is None:
            raise forbidden_url()
        reference, config = found
        host, _, port = head.headers.get("host", "").rpartition(":")
        request = UrlRequest(
            head.method,
            f"/{rest}",
            head.query,
            _headers(exchange),
            await exchange.body(SYNCHRONOUS_PAYLOAD_LIMIT),
            exchange.source,
            port=int(port) if host and port.isdigit() else 80,
        )
        if config.auth_type == "AWS_IAM" and not is_preflight(config.cors, request):
            request = await self._signed(exchange, reference, request)
        return await self._service.invoke_url(reference, config, request, request_id)

    async def _signed(self, exchange: Exchange, reference: FunctionReference, request: UrlRequest) -> UrlRequest:
        try:
            caller = await self._authorize(exchange, request.body, reference)
        except AwsError as error:
            raise forbidden_url() from error
        return replace(request, caller=caller)


def _headers(exchange: Exchange) -> dict[str, str]:
    """Names in lower case; what comes several times is joined, and the signature is Lambda's own business."""
    joined: dict[str, str] = {}
    for name, value in exchange.raw_headers:
        if name in ("authorization", "x-amz-security-token"):
            continue
        joined[name] = f"{joined[name]},{value}" if name in joined else value
    return joined
