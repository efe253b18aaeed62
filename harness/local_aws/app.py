"""The local AWS in one process: the backend, the services and the gateway, started and stopped together."""

from __future__ import annotations

import asyncio
import contextlib
import math
import os
import socket
import tempfile
from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import uvicorn

from harness.access.api import Access
from harness.access.directory import ADMINISTRATOR_KEYS
from harness.access.rules.access_history import AccessHistory
from harness.backend.client import Backend
from harness.backend.emptying import way_to_empty
from harness.backend.metrics import Metrics
from harness.backend.moto import EmbeddedMoto
from harness.backend.watch import BackendWatch
from harness.core import folders, tasks
from harness.core.calls import Service
from harness.core.clock import Clock, WallClock
from harness.core.errors import AwsError, HarnessError
from harness.functions.api import Functions
from harness.gateway.app import Gateway
from harness.gateway.authorizer import Authorizer
from harness.gateway.entrance import Entrance
from harness.gateway.forward import Forwarder
from harness.gateway.head_limit import BoundedProtocol, OwnUserBoundedProtocol
from harness.gateway.web_requests import WebRequests
from harness.hosting.api import Hosting
from harness.hosting.instances.kinds import read_local_settings
from harness.hosting.instances.settings import LocalSettings, LocalSettingsError
from harness.hosting.runtime.api import HostingRuntime
from harness.local_aws.listener import BACKLOG, listen
from harness.local_aws.options import HIGHEST_SPEED, LocalAwsOptions
from harness.scaling.api import Scaling
from model_server.peers import is_loopback
from model_server.private import private_folder
from model_server.web_pages import AllowedHosts, allowed_hosts

# Requests under way get this long when the gateway stops.
_GRACE_SECONDS = 5
ENDED = "The local AWS ended by itself ({}); its log has the details."
_SCRATCH = "/var/tmp" if os.access("/var/tmp", os.W_OK) else None  # noqa: S108


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers. The process that runs the local AWS handles signals itself."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class LocalAws:
    """A local AWS, as an async context manager.

    url: the value for AWS_ENDPOINT_URL. workspace: a folder for everything temporary, removed at the end. listener: a
    socket that listens where the options say; by default it makes one.
    Raises HarnessError on entry if the port is taken or the backend does not answer.
    """

    def __init__(
        self,
        options: LocalAwsOptions | None = None,
        *,
        workspace: Path | None = None,
        clock: Clock | None = None,
        listener: socket.socket | None = None,
    ) -> None:
        self.options = options or LocalAwsOptions()
        self.region = self.options.region
        self.clock = clock or WallClock(self.options.speed)
        self._workspace = workspace
        self._listener = listener
        self._own_clock = clock is None
        self._stack = contextlib.AsyncExitStack()
        self._services = contextlib.AsyncExitStack()
        self._entrance = Entrance()
        self._emptying = asyncio.Lock()
        self.url = ""
        self.administrator: tuple[str, str] | None = None
        """Access key and secret of the administrator, if the well-known key is not the administrator's."""

        self.failure: BaseException | None = None
        """What has ended the serving of requests, if anything has."""
        self.on_failure: Callable[[], object] = lambda: None
        """Called when the serving of requests has ended with a failure."""

    def _fail(self, error: BaseException) -> None:
        self.failure = error
        self.on_failure()

    @property
    def _containers(self) -> LocalSettings | None:
        """Settings with which the running containers of the options stand behind every endpoint."""
        containers = self.options.containers
        return _local_settings({"instances": "container", "containers": list(containers)}) if containers else None

    async def __aenter__(self) -> LocalAws:
        try:
            await self._start()
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(self, *reason: object) -> None:
        await self._stack.aclose()

    async def _start(self) -> None:
        listener = self._listener or listen(self.options.host, self.options.port)
        self._stack.callback(listener.close)
        # A harness that listens on every address does so for containers. Clients here use loopback.
        host = "127.0.0.1" if self.options.host == "0.0.0.0" else self.options.host  # noqa: S104
        self.url = f"http://{host}:{listener.getsockname()[1]}"
        # Not below /tmp: each function environment has a /tmp of its own and sees no other (harness.functions.storage).
        workspace = self._workspace or Path(tempfile.mkdtemp(prefix="sagemaker-harness-", dir=_SCRATCH))
        private_folder(workspace)
        self._stack.push_async_callback(tasks.in_thread, folders.remove, workspace)
        self._workspace = workspace
        self.backend = self._find_backend()
        self._stack.push_async_callback(self._end_services)
        await self._start_services(workspace)
        await self._serve(listener)

    async def _end_services(self) -> None:
        await self._services.aclose()

    async def _start_services(self, workspace: Path) -> None:
        """Starts what is emptied by ending it and starting it again: the services, and the gateway to them."""
        stack = self._services
        account = await self._backend_account()
        self.access = Access(
            self.backend, account, administrator=self.options.administrator, quotas=self.options.quotas
        )
        if not self.options.administrator:
            self.administrator = self.access.directory.make_administrator(self.administrator)
        self.metrics = Metrics(self.backend, self.clock)
        await self.metrics.start()
        stack.push_async_callback(self.metrics.close)
        self.hosting = Hosting(
            self.backend,
            self.clock,
            self.metrics,
            self.access.roles,
            gateway_url=self.url,
            workspace=workspace / "hosting",
            settings=self._containers,
        )
        self.functions = Functions(
            self.backend,
            self.clock,
            self.metrics,
            self.access.roles,
            gateway_url=self.url,
            workspace=workspace / "functions",
            preparation=self.options.provisioning_seconds,
        )
        stack.push_async_callback(self.hosting.close)
        stack.push_async_callback(self.functions.close)
        await self.functions.start()
        scaled: list[Service] = [self.hosting, self.functions]
        self.scaling = Scaling(
            self.backend, self.clock, self.metrics, {service.service_name: service for service in scaled}
        )
        await self.scaling.start()
        stack.push_async_callback(self.scaling.close)
        if self.options.backend_url:
            watch = BackendWatch(self.backend, self.hosting.relies_on)
            await watch.start()
            stack.push_async_callback(watch.close)
        transport = self.backend.transport()
        stack.push_async_callback(transport.close)
        owned: list[Service] = [
            self.hosting,
            HostingRuntime(self.hosting),
            self.scaling,
            self.access,
            self.access.tokens,
        ]
        if self.options.functions == "harness":
            owned.append(self.functions)
        services = {service.service_name: service for service in owned}
        authorizer = Authorizer(
            self.access.directory,
            self.access.state.calls,
            {name: service.resource_policy for name, service in services.items()},
            {name: service.tags_of for name, service in services.items()},
        )
        web_requests = WebRequests(self._hosts(), self.backend, services, ADMINISTRATOR_KEYS)
        self._entrance.gateway = Gateway(
            services,
            self.access.directory,
            authorizer,
            Forwarder(transport),
            web_requests,
            self._control,
            self.region,
        )

    async def reset(self) -> None:
        """Empties everything: the services, the backend, the clock. The administrator's key stays what it is.

        The services end as they do when the local AWS stops, and start anew: nothing of them can be left. Requests
        under way get a second and are then refused, as new ones are meanwhile. Raises AwsError, and nothing is
        emptied, if the backend cannot be emptied.
        """
        async with self._emptying:
            empty_backend = await way_to_empty(self.backend)
            external = bool(self.options.backend_url)
            async with self._entrance.closed() as gateway:
                if external:  # it may refuse: then nothing is emptied
                    await tasks.in_thread(empty_backend)
                try:
                    await self._services.aclose()
                    await tasks.in_thread(empty_backend)
                    if self._own_clock and isinstance(self.clock, WallClock):
                        self.clock.restart(self.options.speed)
                    assert self._workspace is not None, "reset() before it is up"
                    await self._start_services(self._workspace)
                except Exception as error:
                    sentence = f"The local AWS was emptied and did not come up again: {error} Restart it."
                    gateway.refusal = AwsError("ServiceUnavailable", sentence, 503)
                    raise gateway.refusal from None

    def _hosts(self) -> AllowedHosts:
        """The names by which it may be called."""
        host = self.options.host
        try:
            return allowed_hosts(host, self.options.allowed_hosts, loopback=is_loopback(host))
        except ValueError as error:
            raise HarnessError(f"An allowed host is wrong: {error}") from None

    def _find_backend(self) -> Backend:
        if self.options.backend_url:
            return Backend(self.options.backend_url, self.region)
        return Backend(EmbeddedMoto(self.clock), self.region, self.clock.now)

    async def _backend_account(self) -> str:
        """The backend's account, which is the harness's too: what the backend makes has it in its ARNs."""
        try:
            return str((await self.backend.call("sts", "get_caller_identity"))["Account"])
        except Exception as error:
            raise HarnessError(f"The {self.backend.name} does not answer as AWS STS does: {error}") from None

    async def _serve(self, listener: socket.socket) -> None:
        config = uvicorn.Config(
            self._entrance,
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            http=OwnUserBoundedProtocol if self.options.own_user_only else BoundedProtocol,
            ws="none",  # no service here has web sockets, and uvicorn would load a package for them
            backlog=BACKLOG,
            timeout_graceful_shutdown=_GRACE_SECONDS,
            timeout_keep_alive=75,
        )
        server = _Server(config)
        serving = tasks.start(server.serve(sockets=[listener]), "serving requests", failed=self._fail)

        async def stop() -> None:
            server.should_exit = True
            await asyncio.wait([serving])

        self._stack.push_async_callback(stop)
        while not server.started:
            if self.failure is not None:
                raise HarnessError(ENDED.format(tasks.said_of(self.failure)))
            await asyncio.sleep(0.01)

    @property
    def _speed(self) -> float | None:
        """Seconds of the clock in one second of wall time; None if a test moves the clock."""
        return self.clock.speed if isinstance(self.clock, WallClock) else None

    def _change_speed(self, speed: object) -> None:
        number = isinstance(speed, int | float) and not isinstance(speed, bool) and math.isfinite(speed)
        if not (isinstance(self.clock, WallClock) and number and 0 < speed <= HIGHEST_SPEED):  # type: ignore[operator]
            raise AwsError(
                "ValidationException", f"A speed is a number above 0 and up to {HIGHEST_SPEED}, not {speed!r}."
            )
        self.clock.change_speed(float(speed))  # type: ignore[arg-type]

    async def _access_history(self) -> AccessHistory:
        service_calls = [*self.functions.role_calls(), *self.hosting.role_calls(self.access.state.default_account)]
        return await self.access.history(service_calls, self.region)

    def _session(self, document: Mapping[str, Any]) -> Mapping[str, Any]:
        """Credentials of a role for a test, in the form of STS's. document: the role's ARN, and the session's name."""
        role, name = str(document.get("role", "")), str(document.get("name", ""))
        credentials = self.access.roles.impersonate(role, name)
        if credentials is None:
            raise AwsError("ValidationException", f"There is no role {role!r}.")
        return {
            "AccessKeyId": credentials.access_key,
            "SecretAccessKey": credentials.secret_key,
            "SessionToken": credentials.session_token,
        }

    def _take_keys(self, document: Mapping[str, Any]) -> Mapping[str, Any]:
        issuer, keys = document.get("issuer"), document.get("keys")
        if not isinstance(issuer, str) or not isinstance(keys, Mapping):
            raise AwsError("ValidationException", "Give an issuer's URL and, as keys, its JSON Web Key Set.")
        try:
            self.access.state.token_keys.add(issuer, keys)
        except ValueError as error:
            raise AwsError("ValidationException", str(error)) from None
        return {}

    def _token(self, document: Mapping[str, Any]) -> str:
        issuer, claims = document.get("issuer"), document.get("claims")
        if not isinstance(issuer, str) or not isinstance(claims, Mapping):
            raise AwsError("ValidationException", "Give an issuer's URL and the claims of the token.")
        try:
            return self.access.state.token_keys.issue(issuer, claims, self.access.state.now())
        except (TypeError, ValueError) as error:
            raise AwsError("ValidationException", str(error)) from None

    async def _control(self, method: str, path: str, document: Mapping[str, Any]) -> Mapping[str, Any]:
        """Answers the harness's own calls.

        GET health, scaling, access, clock. POST reset. PUT clock with a speed, sessions with a role and a name,
        endpoints/NAME with the members of LocalSettings, plans/NAME with those of PlannedEndpoint, oidc/keys with an
        issuer and its JSON Web Key Set, oidc/tokens with an issuer and claims.
        """
        if method == "GET" and path == "health":
            return {
                "status": "ok",
                "version": version("sagemaker-harness"),
                "pid": os.getpid(),
                "region": self.region,
                "account": self.access.state.default_account,
                "backend": "moto" if self.options.backend_url is None else "external",
                "speed": self._speed,
            }
        if method == "GET" and path == "scaling":
            return {**self.scaling.snapshot(), "functions": self.functions.concurrency()}
        if method == "GET" and path == "access":
            return (await self._access_history()).document()
        if path == "clock" and method in ("GET", "PUT"):
            if method == "PUT":
                self._change_speed(document.get("speed"))
            return {"now": self.clock.now(), "speed": self._speed}
        if method == "POST" and path == "reset":
            await self.reset()
            return {}
        if method == "PUT" and path == "sessions":
            return self._session(document)
        if method == "PUT" and path == "oidc/keys":
            return self._take_keys(document)
        if method == "PUT" and path == "oidc/tokens":
            return {"token": self._token(document)}
        kind, _, name = path.partition("/")
        if method == "PUT" and kind == "plans" and name:
            from harness.hosting.rules.planned import read_planned  # it loads pydantic, which nothing else here needs

            self.hosting.take_plan(read_planned(document))
            return {}
        if method == "PUT" and kind == "endpoints" and name:
            self.hosting.configure(name, self._containers or _local_settings(document))
            return {}
        raise AwsError("UnknownOperationException", f"The harness has no call {method} {path}.", 404)


def _local_settings(document: Mapping[str, Any]) -> LocalSettings:
    """Parses the settings of an endpoint. Raises AwsError ValidationException if they cannot be used."""
    try:
        return read_local_settings(document)
    except LocalSettingsError as error:
        raise AwsError("ValidationException", str(error)) from None
