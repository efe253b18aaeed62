"""The gateway: an ASGI application that answers as AWS for the services it owns and forwards the rest."""

from __future__ import annotations

import json
import logging
import uuid
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import botocore

from harness.access.directory import Directory
from harness.access.rules.actions import Need, action_names, passed_roles, prefix_of
from harness.core.calls import Call, HttpRequest, PathHandler, Service, Signer
from harness.core.errors import AwsError
from harness.gateway.authorizing import Asked, Authorizer, Identity
from harness.gateway.backend_calls import BackendCalls
from harness.gateway.forward import Forwarder
from harness.gateway.http import ClientGone, Exchange, Receive, Scope, Send
from harness.gateway.identify import Head, Target, credential_of, identify, protocol_of
from harness.gateway.wire.codec import decode_request, encode_response
from harness.gateway.wire.faults import encode_fault
from harness.gateway.wire.models import is_known_service, service_for
from harness.gateway.wire.query import decode_query, encode_query
from harness.gateway.wire.validation import validate

log = logging.getLogger(__name__)

# A query-protocol request is read for its Action; AWS's own limit is not published, S3 uploads never come this way.
_FORM_BODY_LIMIT = 10 * 1024 * 1024
CONTROL_PREFIX = "/_harness/"

Control = Callable[[str, str, Mapping[str, Any]], Awaitable[Mapping[str, Any]]]
"""The harness's own calls: method, path below /_harness/, JSON body -> JSON answer."""


class Gateway:
    """ASGI application. services: the owned ones by botocore's service name; control: answers /_harness/ paths."""

    def __init__(
        self,
        services: Mapping[str, Service],
        directory: Directory,
        authorizer: Authorizer,
        forwarder: Forwarder,
        control: Control,
        region: str,
    ) -> None:
        self._services = services
        self._directory = directory
        self._authorizer = authorizer
        self._backend_calls = BackendCalls(directory, authorizer, forwarder, region)
        self._control = control
        self._region = region
        self._handlers = tuple(handler for service in services.values() for handler in service.paths())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        exchange = Exchange(scope, receive, send)
        request_id = str(uuid.uuid4())
        try:
            if exchange.head.path.startswith(CONTROL_PREFIX):
                await self._answer_control(exchange)
            elif handler := self._handler(exchange.head.path):
                await self._answer_path(handler, exchange, request_id)
            else:
                await self._serve(exchange, request_id)
        except ClientGone:
            return
        except AwsError as error:
            await self._refuse(exchange, error, request_id)
        except Exception:
            log.exception("request %s: %s %s", request_id, exchange.head.method, exchange.head.path)
            if exchange.started:
                raise
            message = f"The harness failed on this request; its log has the reason under request id {request_id}."
            await self._refuse(exchange, AwsError("InternalFailure", message, 500), request_id)

    async def _serve(self, exchange: Exchange, request_id: str) -> None:
        head = exchange.head
        form = await exchange.body(_FORM_BODY_LIMIT) if head.is_form else None
        target = identify(head, form or b"", self._services)
        identity = await self._authorizer.identity(target)
        service = self._services.get(target.service)
        if service is None or service.delegates(target.operation_name):
            await self._backend_calls.serve(exchange, target, identity, form)
        else:
            await self._serve_owned(exchange, target, service, identity, form, request_id)

    async def _serve_owned(
        self,
        exchange: Exchange,
        target: Target,
        service: Service,
        identity: Identity,
        form: bytes | None,
        request_id: str,
    ) -> None:
        operation = target.operation
        method = getattr(service, _method(target.operation_name), None)
        if operation is None or method is None:
            message = f"{target.operation_name} of {target.service} is not part of this harness."
            raise AwsError("NotImplementedException", message, 501)
        head, body = exchange.head, form
        if body is None:
            body = await exchange.body(service.body_limit, partial(service.too_large, target.operation_name))
        self._authorizer.verify(identity, target.credential, head, body, target.protocol)
        query = target.protocol in ("query", "ec2")
        if query:
            request = decode_query(operation, body, head.query)
        else:
            request = decode_request(operation, target.labels, head.query, head.headers, body)
        validate(operation.input_shape, request, "ValidationError" if query else service.validation_code)
        region = target.credential.region if target.credential else self._region
        principal = identity.principal
        call = Call(target.service, target.operation_name, principal, self._directory.account, region, request_id)
        if principal.kind != "root":
            await self._authorize(service, call, request, identity, target, exchange)
        answer = await method(call, request)
        encode = encode_query if query else encode_response
        await exchange.respond(encode(operation, answer, request_id))

    async def _authorize(
        self,
        service: Service,
        call: Call,
        request: Mapping[str, Any],
        identity: Identity,
        target: Target,
        exchange: Exchange,
    ) -> None:
        assert target.operation is not None, "an owned operation has a model"
        model = target.operation.service_model
        prefix = prefix_of(target.service, model, model.signing_name)
        action = f"{prefix}:{action_names(prefix, call.operation, request)[0]}"
        need = Need(action, tuple(service.resources(call.operation, request, call)))
        asked = Asked(exchange.head, exchange.source, call.region, request)
        await self._authorizer.require(identity, (need,), asked, target.protocol)
        roles = passed_roles(action, request)
        if roles:
            await self._authorizer.require_pass_role(identity, roles, prefix, asked, target.protocol)

    def _handler(self, path: str) -> PathHandler | None:
        return next((handler for handler in self._handlers if path.startswith(handler.prefix)), None)

    async def _answer_path(self, handler: PathHandler, exchange: Exchange, request_id: str) -> None:
        """One request below a service's own path. An error is answered as JSON, whoever asks."""
        head = exchange.head
        try:
            body = await exchange.body(handler.body_limit)
            request = HttpRequest(
                head.method,
                head.path.removeprefix(handler.prefix),
                head.query,
                exchange.raw_headers,
                body,
                exchange.source,
            )
            answer = await handler.answer(request, request_id, partial(self._signer, handler, exchange, body))
        except AwsError as error:
            await exchange.respond(encode_fault(error, "rest-json", request_id))
        else:
            await exchange.answer(answer.status, [("x-amzn-RequestId", request_id), *answer.headers], answer.body)

    async def _signer(
        self,
        handler: PathHandler,
        exchange: Exchange,
        body: bytes,
        actions: Sequence[str],
        resource: str,
        region: str,
        keys: Mapping[str, tuple[str, ...]],
    ) -> Signer:
        """Who signed a request below a service's path (harness.core.calls.Authorize)."""
        credential = credential_of(exchange.head)
        if credential is None or credential.signing_name != handler.signing_name:
            raise AwsError("MissingAuthenticationTokenException", "Missing Authentication Token", 403)
        identity = await self._authorizer.holder(credential, "rest-json")
        self._authorizer.verify(identity, credential, exchange.head, body, "rest-json")
        asked = Asked(exchange.head, exchange.source, region, {}, keys)
        await self._authorizer.require(identity, [Need(action, (resource,)) for action in actions], asked, "rest-json")
        principal = identity.principal
        return Signer(principal, credential.access_key, await self._authorizer.user_id(principal))

    async def _answer_control(self, exchange: Exchange) -> None:
        body = await exchange.body(_FORM_BODY_LIMIT)
        try:
            document = json.loads(body or b"{}")
        except (ValueError, RecursionError):
            document = None
        if not isinstance(document, dict):
            raise AwsError("SerializationException", "The request body must be a JSON object.")
        answer = await self._control(exchange.head.method, exchange.head.path.removeprefix(CONTROL_PREFIX), document)
        await exchange.answer(200, [("Content-Type", "application/json")], json.dumps(answer).encode())

    async def _refuse(self, exchange: Exchange, error: AwsError, request_id: str) -> None:
        if error.status >= 500:
            log.warning("request %s: %s", request_id, error)
        await exchange.respond(encode_fault(error, _protocol(exchange.head, self._services), request_id))


def _method(operation: str) -> str:
    return botocore.xform_name(operation) if operation else ""


def _protocol(head: Head, owned: Iterable[str]) -> str:
    """The protocol to refuse in, found as well as it can be for a request that may be malformed."""
    if head.path.startswith(CONTROL_PREFIX):
        return "rest-json"
    try:
        credential = credential_of(head)
    except AwsError:
        credential = None
    if credential is None:
        try:
            return identify(
                Head(head.method, head.path, head.query, {**head.headers, "authorization": ""}), b"", owned
            ).protocol
        except AwsError:
            return protocol_of(head, "")
    service = service_for(credential.signing_name, head.path, head.headers.get("x-amz-target", ""))
    return protocol_of(head, service) if is_known_service(service) else "rest-json"
