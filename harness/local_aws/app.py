"""The local AWS in one process: the backend, the services and the gateway, started and stopped together."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import math
import os
import shutil
import socket
import tempfile
from collections.abc import Iterator, Mapping
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import uvicorn

from harness.access.api import Access
from harness.access.rules.access_history import AccessHistory
from harness.backend.client import Backend
from harness.backend.metrics import Metrics
from harness.backend.moto import EmbeddedMoto
from harness.backend.watch import BackendWatch
from harness.core.calls import Service
from harness.core.clock import Clock, WallClock
from harness.core.errors import AwsError, HarnessError
from harness.functions.api import Functions
from harness.gateway.app import Gateway
from harness.gateway.authorizer import Authorizer
from harness.gateway.forward import Forwarder
from harness.gateway.head_limit import BoundedProtocol
from harness.hosting.api import Hosting
from harness.hosting.instances.kinds import read_local_settings
from harness.hosting.instances.settings import LocalSettings, LocalSettingsError
from harness.hosting.runtime.api import HostingRuntime
from harness.local_aws.options import HIGHEST_SPEED, LocalAwsOptions
from harness.scaling.api import Scaling

# Requests under way get this long when the gateway stops.
_GRACE_SECONDS = 5
_SCRATCH = "/var/tmp" if os.access("/var/tmp", os.W_OK) else None  # noqa: S108


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers. The process that runs the local AWS handles signals itself."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class LocalAws:
    """A local AWS, as an async context manager.

    url: the value for AWS_ENDPOINT_URL. workspace: a folder for everything temporary, removed at the end.
    Raises HarnessError on entry if the port is taken or the backend does not answer.
    """

    def __init__(
        self, options: LocalAwsOptions | None = None, *, workspace: Path | None = None, clock: Clock | None = None
    ) -> None:
        self.options = options or LocalAwsOptions()
        self.region = self.options.region
        self.clock = clock or WallClock(self.options.speed)
        self._workspace = workspace
        self._stack = contextlib.AsyncExitStack()
        self.url = ""
        self.administrator: tuple[str, str] | None = None
        """Access key and secret of the administrator, if the well-known key is not the administrator's."""

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
        listener = self._listen()
        # A harness that listens on every address does so for containers. Clients here use loopback.
        host = "127.0.0.1" if self.options.host == "0.0.0.0" else self.options.host  # noqa: S104
        self.url = f"http://{host}:{listener.getsockname()[1]}"
        # Not below /tmp: each function environment has a /tmp of its own and sees no other (harness.functions.storage).
        workspace = self._workspace or Path(tempfile.mkdtemp(prefix="sagemaker-harness-", dir=_SCRATCH))
        workspace.mkdir(parents=True, exist_ok=True)
        self._stack.push_async_callback(asyncio.to_thread, partial(shutil.rmtree, workspace, ignore_errors=True))
        self.backend = self._find_backend()
        account = await self._backend_account()
        self.access = Access(
            self.backend, account, administrator=self.options.administrator, quotas=self.options.quotas
        )
        if not self.options.administrator:
            self.administrator = self.access.directory.make_administrator()
        self.metrics = Metrics(self.backend, self.clock)
        await self.metrics.start()
        self._stack.push_async_callback(self.metrics.close)
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
        self._stack.push_async_callback(self.hosting.close)
        self._stack.push_async_callback(self.functions.close)
        await self.functions.start()
        scaled: list[Service] = [self.hosting, self.functions]
        self.scaling = Scaling(
            self.backend, self.clock, self.metrics, {service.service_name: service for service in scaled}
        )
        await self.scaling.start()
        self._stack.push_async_callback(self.scaling.close)
        if self.options.backend_url:
            watch = BackendWatch(self.backend, self.hosting.relies_on)
            await watch.start()
            self._stack.push_async_callback(watch.close)
        forwarder = Forwarder(self.backend.url)
        await forwarder.start()
        self._stack.push_async_callback(forwarder.close)
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
        gateway = Gateway(services, self.access.directory, authorizer, forwarder, self._control, self.region)
        await self._serve(gateway, listener)

    def _listen(self) -> socket.socket:
        # asyncio sets TCP_NODELAY only if the socket names its protocol; without it answers wait 40 ms for an ACK.
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((self.options.host, self.options.port))
        except OSError as error:
            listener.close()
            if error.errno == errno.EADDRINUSE:
                raise HarnessError(
                    f"Port {self.options.port} is taken by another program: stop it (a harness: `harness down`), "
                    "or choose another port with --port."
                ) from None
            raise HarnessError(f"Cannot listen on {self.options.host}:{self.options.port}: {error.strerror}.") from None
        self._stack.callback(listener.close)
        return listener

    def _find_backend(self) -> Backend:
        if self.options.backend_url:
            return Backend(self.options.backend_url, self.region)
        moto = EmbeddedMoto(self.clock)
        url = moto.start()
        self._stack.push_async_callback(asyncio.to_thread, moto.stop)
        return Backend(url, self.region, self.clock.now)

    async def _backend_account(self) -> str:
        """The backend's account, which is the harness's too: what the backend makes has it in its ARNs."""
        try:
            return str((await self.backend.call("sts", "get_caller_identity"))["Account"])
        except Exception as error:
            raise HarnessError(f"The backend at {self.backend.url} does not answer as AWS STS does: {error}") from None

    async def _serve(self, gateway: Gateway, listener: socket.socket) -> None:
        config = uvicorn.Config(
            gateway,
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            http=BoundedProtocol,
            ws="none",  # no service here has web sockets, and uvicorn would load a package for them
            backlog=2048,
            timeout_graceful_shutdown=_GRACE_SECONDS,
            timeout_keep_alive=75,
        )
        server = _Server(config)
        serving = asyncio.create_task(server.serve(sockets=[listener]))

        async def stop() -> None:
            server.should_exit = True
            await serving

        self._stack.push_async_callback(stop)
        while not server.started:
            if serving.done():
                await serving
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

        GET health, scaling, access, clock. PUT clock with a speed, sessions with a role and a name, endpoints/NAME
        with the members of LocalSettings, plans/NAME with those of PlannedEndpoint, oidc/keys with an issuer and its
        JSON Web Key Set, oidc/tokens with an issuer and claims.
        """
        if method == "GET" and path == "health":
            return {
                "status": "ok",
                "version": version("sagemaker-harness"),
                "pid": os.getpid(),
                "region": self.region,
                "account": self.access.state.default_account,
                "backend": self.backend.url,
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
