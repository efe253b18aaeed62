"""The gateway: an ASGI application that answers for the harness's services and forwards the rest to the backend."""

from __future__ import annotations

import asyncio
import json
import logging
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import botocore

from harness.access.directory import Directory
from harness.access.rules.actions import Need, action_names, passed_roles, prefix_of
from harness.core.calls import (
    CONTROL_PREFIX,
    CONTROL_SIGNING_NAME,
    Call,
    HttpRequest,
    PathHandler,
    Principal,
    Service,
    Signer,
)
from harness.core.errors import AwsError
from harness.gateway.authorizer import Authorizer, Identity, RequestDetails
from harness.gateway.backend_calls import BackendCalls
from harness.gateway.backend_services import is_emulators_own
from harness.gateway.canonical import members_of
from harness.gateway.content_encoding import decoded
from harness.gateway.forward import Forwarder
from harness.gateway.http import ClientGone, Exchange, Receive, Scope, Send
from harness.gateway.identify import (
    RPC_PROTOCOLS,
    AwsRequest,
    Services,
    credential_of,
    identify,
    refusal_protocol,
)
from harness.gateway.web_requests import WebRequests
from harness.gateway.wire.codec import encode_response
from harness.gateway.wire.faults import encode_fault
from harness.gateway.wire.models import has_blob_payload
from harness.gateway.wire.query import encode_query
from harness.gateway.wire.validation import validate

log = logging.getLogger(__name__)

# Bytes of a request of the query protocol, which is read for its Action. AWS's own limit is not published.
_FORM_BODY_LIMIT = 10 * 1024 * 1024
# What everybody may call below CONTROL_PREFIX: how a program finds out whether a harness answers, and which.
_OPEN_CONTROLS = frozenset((("GET", "health"),))

Control = Callable[[str, str, Mapping[str, Any]], Awaitable[Mapping[str, Any]]]
"""Answers the harness's own calls: (method, path below /_harness/, JSON body) -> JSON answer."""


class Gateway:
    """The ASGI application. region: the region of a request that names none."""

    def __init__(
        self,
        services: Services,
        directory: Directory,
        authorizer: Authorizer,
        forwarder: Forwarder,
        web_requests: WebRequests,
        control: Control,
        region: str,
    ) -> None:
        self._services = services
        self._directory = directory
        self._authorizer = authorizer
        self._backend_calls = BackendCalls(directory, authorizer, forwarder, region)
        self._web_requests = web_requests
        self._control = control
        self.refusal: AwsError | None = None
        """Refuses every request, also those that are cancelled, while what is behind the gateway is emptied."""
        self._region = region
        self._handlers = tuple(handler for service in services.values() for handler in service.paths())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        exchange = Exchange(scope, receive, send)
        request_id = str(uuid.uuid4())
        try:
            await self._answer(exchange, request_id)
        except ClientGone:
            return
        except AwsError as error:
            await self._refuse(exchange, error, request_id)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if self.refusal is None or exchange.started or task is None:
                raise
            task.uncancel()
            await self._refuse(exchange, self.refusal, request_id)
        except Exception:
            log.exception("request %s: %s %s", request_id, exchange.head.method, exchange.head.path)
            if exchange.started:
                raise
            message = f"The harness failed on this request; its log has the reason under request id {request_id}."
            await self._refuse(exchange, AwsError("InternalFailure", message, 500), request_id)

    async def _answer(self, exchange: Exchange, request_id: str) -> None:
        """Answers a request, by its path. Raises AwsError for one that is refused."""
        if exchange.refusal is not None:
            raise AwsError("AccessDeniedException", exchange.refusal, 403)
        if self.refusal is not None:
            raise self.refusal
        if exchange.doubled is not None:
            raise AwsError("InvalidRequest", f"The header {exchange.doubled} is there more than once.", 400)
        handler = self._handler(exchange.head.path)
        preflight = await self._web_requests.admit(exchange, handler, request_id)
        if preflight is not None:
            await exchange.respond(preflight)
        elif exchange.head.path.startswith(CONTROL_PREFIX):
            await self._answer_control(exchange)
        elif handler is not None:
            await self._answer_path(handler, exchange, request_id)
        else:
            await self._serve(exchange, request_id)

    async def _serve(self, exchange: Exchange, request_id: str) -> None:
        """Serves a request to an operation of AWS."""
        head = exchange.head
        if is_emulators_own(head.first_segment):
            raise AwsError(
                "AccessDenied",
                f"{head.first_segment} is a path of the emulator behind this harness, and no operation of AWS. "
                "`harness reset` empties the local AWS.",
                403,
            )
        form = await exchange.body(_FORM_BODY_LIMIT) if head.is_form else None
        encoding = head.headers.get("content-encoding", "")
        fields = b"" if form is None else decoded(encoding, form, _FORM_BODY_LIMIT)
        request = identify(head, fields, self._services)
        identity = self._authorizer.identity(request)
        service = self._services.get(request.service)
        if service is None or service.delegates(request.operation_name):
            await self._backend_calls.serve(exchange, request, identity, form)
        else:
            await self._serve_owned(exchange, request, service, identity, form, request_id)

    async def _serve_owned(
        self,
        exchange: Exchange,
        request: AwsRequest,
        service: Service,
        identity: Identity,
        form: bytes | None,
        request_id: str,
    ) -> None:
        operation = request.operation
        method = getattr(service, _method_name(request.operation_name), None)
        if operation is None or method is None:
            reason = service.refusal(request.operation_name)
            message = f"{request.operation_name} of {request.service} is not part of this harness."
            raise AwsError("NotImplementedException", f"{message} {reason}" if reason else message, 501)
        head, body = exchange.head, form
        if body is None:
            body = await exchange.body(service.body_limit, partial(service.body_too_large, request.operation_name))
        self._authorizer.verify(identity, request.credential, head, body, request.protocol)
        query = request.protocol in ("query", "ec2")
        if request.protocol in RPC_PROTOCOLS or not has_blob_payload(operation):
            encoding = head.headers.get("content-encoding", "")
            if encoding:
                too_large = partial(service.body_too_large, request.operation_name)
                body = decoded(encoding, body, service.body_limit, too_large)
        members = members_of(request, head, body)
        code = "ValidationError" if query else service.validation_code
        quotes, sentences = service.validation_quotes, service.validation_sentences
        validate(operation.input_shape, members, code, quotes=quotes, sentences=sentences)
        region = request.credential.region if request.credential else self._region
        principal = identity.principal
        access_key = identity.key.key_id if identity.key else ""
        account = principal.account
        details = RequestDetails(head, exchange.source, region, members)
        require = partial(self._require, identity, details, request.protocol)
        call = Call(
            request.service, request.operation_name, principal, account, region, request_id, access_key, require
        )
        self._authorizer.admit(identity, request.service, request.operation_name, request.protocol)
        # What the services have is the default account's: nothing limits its root.
        unlimited = principal.kind == "root" and account == self._directory.account
        if not (unlimited or service.authorizes(request.operation_name)):
            await self._authorize(service, call, members, identity, request, details)
        answer = await method(call, members)
        encode = encode_query if query else encode_response
        await exchange.respond(encode(operation, answer, request_id))

    async def _authorize(
        self,
        service: Service,
        call: Call,
        members: Mapping[str, Any],
        identity: Identity,
        request: AwsRequest,
        details: RequestDetails,
    ) -> None:
        assert request.operation is not None, "an owned operation has a model"
        model = request.operation.service_model
        prefix = prefix_of(request.service, model, model.signing_name)
        action = f"{prefix}:{action_names(prefix, call.operation, members)[0]}"
        need = Need(action, tuple(service.resources(call.operation, members, call)))
        keys = service.condition_keys(call.operation, members, call)
        if keys:
            details = replace(details, condition_keys={**details.condition_keys, **keys})
        await self._authorizer.require(identity, (need,), details, request.protocol)
        roles = passed_roles(action, members)
        if roles:
            await self._authorizer.require_pass_role(identity, roles, prefix, details, request.protocol)

    async def _require(
        self,
        identity: Identity,
        details: RequestDetails,
        protocol: str,
        actions: Sequence[str],
        resource: str,
        condition_keys: Mapping[str, tuple[str, ...]],
        *,
        provider: str = "",
    ) -> None:
        """harness.core.calls.Require, for one request."""
        if provider:
            identity = Identity(Principal(provider, "", "federated"), None)
        needs = [Need(action, (resource,)) for action in actions]
        await self._authorizer.require(identity, needs, replace(details, condition_keys=condition_keys), protocol)

    def _handler(self, path: str) -> PathHandler | None:
        return next((handler for handler in self._handlers if path.startswith(handler.prefix)), None)

    async def _answer_path(self, handler: PathHandler, exchange: Exchange, request_id: str) -> None:
        """Answers a request below a path that a service registered. An error is answered as JSON."""
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
        """Finds who signed a request to a PathHandler, and authorizes it (harness.core.calls.Authorize)."""
        credential = credential_of(exchange.head)
        if credential is None or credential.signing_name != handler.signing_name:
            raise AwsError("MissingAuthenticationTokenException", "Missing Authentication Token", 403)
        identity = self._authorizer.key_owner(credential, "rest-json")
        self._authorizer.verify(identity, credential, exchange.head, body, "rest-json")
        details = RequestDetails(exchange.head, exchange.source, region, {}, keys)
        needs = [Need(action, (resource,)) for action in actions]
        await self._authorizer.require(identity, needs, details, "rest-json")
        principal = identity.principal
        return Signer(principal, credential.access_key, self._authorizer.user_id(identity))

    async def _answer_control(self, exchange: Exchange) -> None:
        body = await exchange.body(_FORM_BODY_LIMIT)
        try:
            document = json.loads(body or b"{}")
        except (ValueError, RecursionError):
            document = None
        if not isinstance(document, dict):
            raise AwsError("SerializationException", "The request body must be a JSON object.")
        head = exchange.head
        path = head.path.removeprefix(CONTROL_PREFIX)
        if (head.method, path) not in _OPEN_CONTROLS:
            await self._require_administrator(exchange, body)
        answer = await self._control(head.method, path, document)
        await exchange.answer(200, [("Content-Type", "application/json")], json.dumps(answer).encode())

    async def _require_administrator(self, exchange: Exchange, body: bytes) -> None:
        """Raises AwsError AccessDeniedException unless the account's administrator has signed the request."""
        try:
            credential = credential_of(exchange.head)
            if credential is not None and credential.signing_name == CONTROL_SIGNING_NAME:
                identity = self._authorizer.key_owner(credential, "rest-json")
                self._authorizer.verify(identity, credential, exchange.head, body, "rest-json")
                if self._directory.is_administrator(identity.principal):
                    return
            why = "it is not signed by it"
        except AwsError as error:
            why = error.message
        raise AwsError(
            "AccessDeniedException",
            f"The harness answers {exchange.head.method} {exchange.head.path} to the account's administrator only: "
            f"{why}. Sign with the administrator's key, for the service {CONTROL_SIGNING_NAME}.",
            403,
        )

    async def _refuse(self, exchange: Exchange, error: AwsError, request_id: str) -> None:
        if error.status >= 500:
            log.warning("request %s: %s", request_id, error)
        control = exchange.head.path.startswith(CONTROL_PREFIX)
        protocol = "rest-json" if control else refusal_protocol(exchange.head, self._services)
        await exchange.respond(encode_fault(error, protocol, request_id))


def _method_name(operation: str) -> str:
    return botocore.xform_name(operation) if operation else ""
