"""Function URLs: the HTTP requests below PATH_PREFIX, each an invocation of its function."""

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

# Both actions, since October 2025 (Lambda guide, urls-auth).
_ACTIONS = ("lambda:InvokeFunctionUrl", "lambda:InvokeFunction")
_KEYS = {"lambda:functionurlauthtype": ("AWS_IAM",), "lambda:invokedviafunctionurl": ("true",)}


class FunctionUrls:
    """Answers what is below PATH_PREFIX (harness.core.calls.PathHandler)."""

    prefix: ClassVar[str] = PATH_PREFIX
    signing_name: ClassVar[str] = "lambda"
    body_limit: ClassVar[int] = errors.SYNCHRONOUS_PAYLOAD_LIMIT

    def __init__(self, state: State) -> None:
        self._state = state

    async def answer(self, request: HttpRequest, request_id: str, authorize: Authorize) -> HttpResponse:
        """Raises AwsError: forbidden (403), throttled, too large."""
        identity, _, rest = request.path.partition("/")
        found = self._find(identity)
        if found is None:
            raise errors.forbidden_url()
        reference, config = found
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
            return HttpResponse(200, function_url.cors_headers(config.cors, url_request), b"")
        if config.auth_type == "AWS_IAM":
            url_request = replace(url_request, caller=await _caller(reference, authorize))
        return await self._invoke(reference, config, url_request, request_id)

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
        """The function or alias behind a URL, and its configuration."""
        for function in self._state.functions.by_key.values():
            for qualifier, config in function.urls.items():
                if config.identity == identity:
                    return replace(function.reference, qualifier=qualifier), config
        return None


async def _caller(reference: FunctionReference, authorize: Authorize) -> UrlCaller:
    """Who signed the request. Raises AwsError, forbidden, where the caller may not invoke the URL."""
    try:
        signer = await authorize(_ACTIONS, reference.arn, reference.region, _KEYS)
    except AwsError as error:
        raise errors.forbidden_url() from error
    return UrlCaller(signer.principal.arn, signer.principal.account, signer.access_key, signer.user_id)


def _joined_headers(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Headers by name in lower case, repeated ones joined; without those of the signature, as Lambda passes them on."""
    joined: dict[str, str] = {}
    for name, value in headers:
        if name in ("authorization", "x-amz-security-token"):
            continue
        joined[name] = f"{joined[name]},{value}" if name in joined else value
    return joined
