"""The gateway: an ASGI application that answers as AWS for the services it owns and forwards the rest."""

from __future__ import annotations

import json
import logging
import uuid
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import botocore

from harness.access.actions import action_name, s3_action
from harness.access.directory import Directory
from harness.access.evaluation import Decision, Policies, Request, denial, evaluate
from harness.access.policy import Policy
from harness.access.principals import Caller, session_caller
from harness.calls import Call, Principal, Service
from harness.errors import AwsError
from harness.functions.function_url import PATH_PREFIX
from harness.functions.names import FunctionReference
from harness.gateway.forward import Forwarder
from harness.gateway.function_urls import FunctionUrls
from harness.gateway.http import ClientGone, Exchange, Receive, Scope, Send
from harness.gateway.identify import Head, Target, credential_of, identify, missing_token, protocol_of
from harness.gateway.wire.codec import decode_request, encode_response
from harness.gateway.wire.faults import encode_fault
from harness.gateway.wire.models import is_known_service, service_for
from harness.gateway.wire.validation import validate

log = logging.getLogger(__name__)

# A 50 MB function zip in base64 and the JSON around it: the largest request that an owned service takes whole.
_OWNED_BODY_LIMIT = 70 * 1024 * 1024
# InvokeEndpoint's payload limit (botocore, BodyBlob).
_RUNTIME_BODY_LIMIT = 6_291_456
# A query-protocol request is read for its Action; AWS's own limit is not published, S3 uploads never come this way.
_FORM_BODY_LIMIT = 10 * 1024 * 1024
CONTROL_PREFIX = "/_harness/"

Control = Callable[[str, str, Mapping[str, Any]], Awaitable[Mapping[str, Any]]]
"""The harness's own calls: method, path below /_harness/, JSON body -> JSON answer."""


class Gateway:
    """ASGI application. services: the owned ones by botocore's service name; control: answers /_harness/ paths."""

    def __init__(
        self, services: Mapping[str, Service], directory: Directory, forwarder: Forwarder, control: Control, region: str
    ) -> None:
        self._services = services
        self._directory = directory
        self._forwarder = forwarder
        self._control = control
        self._region = region
        functions: Any = services.get("lambda")
        self._function_urls = functions and FunctionUrls(functions, directory.principal, self._authorize_url)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        exchange = Exchange(scope, receive, send)
        request_id = str(uuid.uuid4())
        try:
            if exchange.head.path.startswith(CONTROL_PREFIX):
                await self._answer_control(exchange)
            elif self._function_urls is not None and exchange.head.path.startswith(PATH_PREFIX):
                await self._function_urls.answer(exchange, request_id)
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
        target = identify(head, form or b"")
        principal = await self._principal(target)
        service = self._services.get(target.service)
        if service is None or service.delegates(target.operation_name):
            await self._authorize_backend(head, target, principal)
            await self._forwarder.forward(exchange, form)
            if target.service == "iam":
                self._directory.forget_policies()
            return
        await self._serve_owned(exchange, target, service, principal, request_id)

    async def _serve_owned(
        self, exchange: Exchange, target: Target, service: Service, principal: Principal, request_id: str
    ) -> None:
        operation = target.operation
        method = getattr(service, botocore.xform_name(target.operation_name), None)
        if operation is None or method is None:
            message = f"{target.operation_name} of {target.service} is not part of this harness."
            raise AwsError("NotImplementedException", message, 501)
        body = await exchange.body(_RUNTIME_BODY_LIMIT if target.service == "sagemaker-runtime" else _OWNED_BODY_LIMIT)
        request = decode_request(operation, target.labels, exchange.head.query, exchange.head.headers, body)
        runtime = target.service == "sagemaker-runtime"
        validate(operation.input_shape, request, "ValidationError" if runtime else "ValidationException")
        region = target.credential.region if target.credential else self._region
        call = Call(target.service, target.operation_name, principal, self._directory.account, region, request_id)
        if principal.kind != "root":
            signing_name = operation.service_model.signing_name
            await self._authorize_owned(service, call, request, action_name(signing_name, _action(target)))
        await exchange.respond(encode_response(operation, await method(call, request), request_id))

    async def _principal(self, target: Target) -> Principal:
        """Who signed. Raises AwsError for an unsigned request or a key that nobody issued."""
        if target.credential is None:
            if target.operation is not None and target.operation.auth_type == "none":
                return self._directory.root  # AssumeRoleWithWebIdentity and its kin carry their own proof
            raise missing_token(target.protocol)
        principal = await self._directory.principal(target.credential.access_key)
        if principal is None:
            raise _unknown_key(target.protocol)
        return principal

    async def _authorize_owned(self, service: Service, call: Call, request: Mapping[str, Any], action: str) -> None:
        policies = await self._directory.policies(call.principal)
        for resource in service.resources(call.operation, request, call):
            decision = _decide(call.principal, policies, action, resource)
            if not decision.allowed:
                raise _denied(denial(_caller(call.principal), action, resource, decision))

    async def _authorize_url(self, principal: Principal, reference: FunctionReference) -> None:
        if principal.kind != "root":
            call = Call("lambda", "InvokeFunctionUrl", principal, reference.account, reference.region, "")
            request = {"FunctionName": reference.name, "Qualifier": reference.qualifier}
            await self._authorize_owned(self._services["lambda"], call, request, "lambda:InvokeFunctionUrl")

    async def _authorize_backend(self, head: Head, target: Target, principal: Principal) -> None:
        if principal.kind == "root" or target.credential is None:
            return
        policies = await self._directory.policies(principal)
        if target.service == "s3":
            action, resource = s3_action(head.method, head.headers.get("host", ""), head.path)
            decision = _decide(principal, policies, action, resource)
            if not decision.allowed:
                message = denial(_caller(principal), action, resource, decision, quoted=True)
                raise AwsError("AccessDenied", message, 403)
            return
        action = action_name(target.credential.signing_name, target.operation_name)
        # GetCallerIdentity needs no permission, and none can be taken away (IAM user guide).
        decision = _decide(principal, policies, action, None)
        if action != "sts:GetCallerIdentity" and not decision.allowed:
            message = denial(_caller(principal), action, None, decision)
            raise AwsError("AccessDenied", message, 403) if target.protocol in ("query", "ec2") else _denied(message)

    async def _answer_control(self, exchange: Exchange) -> None:
        body = await exchange.body(_FORM_BODY_LIMIT)
        try:
            document = json.loads(body or b"{}")
        except ValueError:
            document = None
        if not isinstance(document, dict):
            raise AwsError("SerializationException", "The request body must be a JSON object.")
        answer = await self._control(exchange.head.method, exchange.head.path.removeprefix(CONTROL_PREFIX), document)
        await exchange.answer(200, [("Content-Type", "application/json")], json.dumps(answer).encode())

    async def _refuse(self, exchange: Exchange, error: AwsError, request_id: str) -> None:
        if error.status >= 500:
            log.warning("request %s: %s", request_id, error)
        await exchange.respond(encode_fault(error, _protocol(exchange.head), request_id))


def _caller(principal: Principal) -> Caller:
    if principal.kind == "assumed-role":
        return session_caller(principal.arn)
    return Caller(principal.arn, principal.account, principal.kind)


def _decide(principal: Principal, policies: tuple[Policy, ...], action: str, resource: str | None) -> Decision:
    return evaluate(Request(_caller(principal), action, resource), Policies(policies))


def _action(target: Target) -> str:
    """The IAM action of an operation: its name, but for Lambda's Invoke (service authorization reference)."""
    if target.service == "lambda" and target.operation_name == "Invoke":
        return "InvokeFunction"
    return target.operation_name


def _protocol(head: Head) -> str:
    """The protocol to refuse in, found as well as it can be for a request that may be malformed."""
    try:
        credential = credential_of(head)
    except AwsError:
        credential = None
    if credential is None:
        try:
            return identify(Head(head.method, head.path, head.query, {**head.headers, "authorization": ""})).protocol
        except AwsError:
            return protocol_of(head, "")
    service = service_for(credential.signing_name, head.path, head.headers.get("x-amz-target", ""))
    return protocol_of(head, service) if is_known_service(service) else "rest-json"


def _unknown_key(protocol: str) -> AwsError:
    if protocol == "rest-xml":
        message = "The AWS Access Key Id you provided does not exist in our records."
        return AwsError("InvalidAccessKeyId", message, 403)
    code = "InvalidClientTokenId" if protocol in ("query", "ec2") else "UnrecognizedClientException"
    return AwsError(code, "The security token included in the request is invalid.", 403)


def _denied(message: str) -> AwsError:
    return AwsError("AccessDeniedException", message, 403)
