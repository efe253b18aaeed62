"""Function URLs: each HTTP request below PATH_PREFIX invokes a function."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import ClassVar

from harness.core.calls import Authorize, HttpRequest, HttpResponse
from harness.core.errors import AwsError
from harness.functions import errors
from harness.functions.rules import function_url, payload
from harness.functions.rules.function_url import PATH_PREFIX, UrlCaller, UrlConfig, UrlRequest
from harness.functions.rules.names import FunctionReference
from harness.functions.rules.result import Invocation
from harness.functions.state import State

# A caller needs both actions since October 2025 (Lambda guide, urls-auth).
_ACTIONS = ("lambda:InvokeFunctionUrl", "lambda:InvokeFunction")
_KEYS = {"lambda:functionurlauthtype": ("AWS_IAM",), "lambda:invokedviafunctionurl": ("true",)}


class FunctionUrls:
    """Answers the requests below PATH_PREFIX (harness.core.calls.PathHandler)."""

    prefix: ClassVar[str] = PATH_PREFIX
    signing_name: ClassVar[str] = "lambda"
    body_limit: ClassVar[int] = errors.SYNCHRONOUS_PAYLOAD_LIMIT

    def __init__(self, state: State) -> None:
        self._state = state

    async def answer(self, request: HttpRequest, request_id: str, authorize: Authorize) -> HttpResponse:
        """Answer a request. Raises AwsError: forbidden (403), throttled, or too large."""
        identity, _, rest = request.path.partition("/")
        target = self._find(identity)
        if target is None:
            raise errors.forbidden_url()
        reference, config = target
        host, _, port = dict(request.headers).get("host", "").rpartition(":")
        url_request = UrlRequest(
            request.method,
            f"/{rest}",
            request.query,
            _joined_headers(request.headers),
            request.body,
            request.source,
            port=int(port) if host and port.isdigit() else 80,
        )
        if function_url.is_preflight(config.cors, url_request):
            allowed = function_url.allows_method(config.cors, url_request)
            return HttpResponse(200, function_url.cors_headers(config.cors, url_request) if allowed else [], b"")
        if config.auth_type == "AWS_IAM":
            url_request = replace(url_request, caller=await _caller(reference, authorize))
        return await self._invoke(reference, config, url_request, request_id)

    def answers_page(self, path: str, origin: str) -> bool:
        """Whether the CORS configuration of the URL allows the origin."""
        target = self._find(path.partition("/")[0])
        return target is not None and function_url.allows_origin(target[1].cors, origin)

    async def _invoke(
        self, reference: FunctionReference, config: UrlConfig, request: UrlRequest, request_id: str
    ) -> HttpResponse:
        function = self._state.functions.get(reference)
        if function is None or function.version(reference.qualifier) is None:
            raise errors.forbidden_url()
        policy = function.policies.get(reference.qualifier)
        if config.auth_type == "NONE" and (policy is None or not policy.opens_url()):
            raise errors.forbidden_url()
        event = function_url.event(config, request, request_id, reference.region, self._state.clock.now())
        invocation = Invocation(request_id, reference.arn, payload.check_event(event, "RequestResponse"))
        result, _ = await self._state.invoker.run(function, reference, invocation)
        answer = function_url.response(result)
        return replace(answer, headers=[*answer.headers, *function_url.cors_headers(config.cors, request)])

    def _find(self, identity: str) -> tuple[FunctionReference, UrlConfig] | None:
        """The function or alias that a URL invokes, and the URL's configuration."""
        for function in self._state.functions.by_key.values():
            for qualifier, config in function.urls.items():
                if config.identity == identity:
                    return replace(function.reference, qualifier=qualifier), config
        return None


async def _caller(reference: FunctionReference, authorize: Authorize) -> UrlCaller:
    """The caller who signed the request. Raises AwsError (forbidden) if the caller may not invoke the URL."""
    try:
        signer = await authorize(_ACTIONS, reference.arn, reference.region, _KEYS)
    except AwsError as error:
        raise errors.forbidden_url() from error
    return UrlCaller(signer.principal.arn, signer.principal.account, signer.access_key, signer.user_id)


def _joined_headers(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Headers by lower-case name, as Lambda passes them on: repeated ones joined, those of the signature left out."""
    joined: dict[str, str] = {}
    for name, value in headers:
        if name in ("authorization", "x-amz-security-token"):
            continue
        joined[name] = f"{joined[name]},{value}" if name in joined else value
    return joined
