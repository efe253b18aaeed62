"""The configuration of a function: accepted values, defaults, and its form in AWS's answers."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from harness.functions import errors
from harness.functions.layers import LayerVersion
from harness.functions.rules.names import LATEST, FunctionReference

MEMORY_RANGE = (128, 10_240)  # MB (Lambda guide, quotas)
TIMEOUT_RANGE = (1, 900)  # seconds (Lambda guide, quotas)
STORAGE_RANGE = (512, 10_240)  # MB of /tmp (Lambda guide, quotas)
VARIABLES_LIMIT = 4_096  # bytes of the variables as JSON (Lambda guide, quotas)

PYTHON_RUNTIMES = tuple(f"python3.{minor}" for minor in range(8, 15))
"""The supported runtimes. The code always runs under the interpreter of the harness, whichever runtime is named. The
name decides AWS_EXECUTION_ENV and how awslambdaric polls (in a thread from python3.12 on)."""

# In the order in which AWS prints them.
_AWS_RUNTIMES = (
    "nodejs20.x, python3.14, provided.al2023, python3.12, python3.13, nodejs24.x, nodejs22.x, java25, python3.10, "
    "python3.11, java21, ruby3.3, ruby3.4, ruby3.2, python3.8, python3.9, java17, nodejs16.x, dotnet10, dotnet8, "
    "java11, dotnet6, nodejs18.x, provided.al2, java8.al2"
)

# Blocked for creation and update (Lambda guide, lambda-runtimes; eight of them recorded from AWS).
_RETIRED_RUNTIMES = (
    "nodejs, nodejs4.3, nodejs4.3-edge, nodejs6.10, nodejs8.10, nodejs10.x, nodejs12.x, nodejs14.x, java8, python2.7, "
    "python3.6, python3.7, dotnetcore1.0, dotnetcore2.0, dotnetcore2.1, dotnetcore3.1, go1.x, ruby2.5, ruby2.7, "
    "provided"
)

RESERVED_VARIABLES = frozenset(
    {
        "AWS_ACCESS_KEY",
        "AWS_ACCESS_KEY_ID",
        "AWS_DEFAULT_REGION",
        "AWS_EXECUTION_ENV",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
        "AWS_LAMBDA_FUNCTION_NAME",
        "AWS_LAMBDA_FUNCTION_VERSION",
        "AWS_LAMBDA_INITIALIZATION_TYPE",
        "AWS_LAMBDA_LOG_GROUP_NAME",
        "AWS_LAMBDA_LOG_STREAM_NAME",
        "AWS_LAMBDA_MAX_CONCURRENCY",
        "AWS_LAMBDA_RUNTIME_API",
        "AWS_REGION",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SECRET_KEY",
        "AWS_SECURITY_TOKEN",
        "AWS_SESSION_TOKEN",
        "LAMBDA_RUNTIME_DIR",
        "LAMBDA_TASK_ROOT",
        "_HANDLER",
        "_X_AMZN_TRACE_ID",
    }
)  # Lambda guide, configuration-envvars; troposphere's list for the two old names

# Members that would change how a function runs but are not emulated. They are refused, so that no user relies on them.
_UNSUPPORTED = (
    "AcceleratorConfig",
    "CapacityProviderConfig",
    "CodeSigningConfigArn",
    "DurableConfig",
    "FileSystemConfigs",
    "ImageConfig",
    "RuntimeConfig",
    "TenancyConfig",
)
# Members that answers repeat unchanged. All but the first have no effect here.
_KEPT = ("DeadLetterConfig", "KMSKeyArn", "VpcConfig")


@dataclass(frozen=True, slots=True)
class Configuration:
    """The configuration of one version of a function.

    timeout: seconds. memory_size, storage: MB. variables: the user's environment variables. modified: UTC.
    """

    reference: FunctionReference
    role: str
    handler: str
    runtime: str
    code_sha256: str
    code_size: int
    revision: str
    modified: datetime
    description: str = ""
    timeout: int = 3
    memory_size: int = 128
    storage: int = 512
    architectures: tuple[str, ...] = ("x86_64",)
    variables: Mapping[str, str] | None = None
    tracing: str = "PassThrough"
    log_group: str = ""
    snap_start: str = "None"
    kept: Mapping[str, Any] = field(default_factory=dict)
    layers: tuple[LayerVersion, ...] = ()
    version: str = LATEST

    def response(self, arn: str | None = None) -> dict[str, Any]:
        """botocore's FunctionConfiguration for an active function. arn: the ARN to show instead of the function's."""
        region = self.reference.region
        runtime_hash = hashlib.sha256(self.runtime.encode()).hexdigest()
        response: dict[str, Any] = {
            "FunctionName": self.reference.name,
            "FunctionArn": arn or self.reference.arn,
            "Runtime": self.runtime,
            "Role": self.role,
            "Handler": self.handler,
            "CodeSize": self.code_size,
            "Description": self.description,
            "Timeout": self.timeout,
            "MemorySize": self.memory_size,
            "LastModified": timestamp(self.modified),
            "CodeSha256": self.code_sha256,
            "Version": self.version,
            "TracingConfig": {"Mode": self.tracing},
            "RevisionId": self.revision,
            "State": "Active",
            "LastUpdateStatus": "Successful",
            "PackageType": "Zip",
            "Architectures": list(self.architectures),
            "EphemeralStorage": {"Size": self.storage},
            "SnapStart": {"ApplyOn": self.snap_start, "OptimizationStatus": "Off"},
            "RuntimeVersionConfig": {"RuntimeVersionArn": f"arn:aws:lambda:{region}::runtime:{runtime_hash}"},
            "LoggingConfig": {"LogFormat": "Text", "LogGroup": self.log_group},
            **self.kept,
        }
        if self.layers:
            response["Layers"] = [layer.used() for layer in self.layers]
        if self.variables is not None:
            response["Environment"] = {"Variables": dict(self.variables)}
        return response

    @property
    def dead_letters(self) -> str | None:
        """The ARN of the queue or topic for events that failed."""
        return (self.kept.get("DeadLetterConfig") or {}).get("TargetArn") or None

    def same_as(self, other: Configuration) -> bool:
        """Whether publishing both gives the same version: only names, times and descriptions may differ."""
        return self == replace(
            other,
            version=self.version,
            reference=self.reference,
            revision=self.revision,
            modified=self.modified,
            description=self.description,
        )

    @property
    def runtime_version_line(self) -> str:
        """The first line of a log stream, INIT_START, without its end of line."""
        arn = self.response()["RuntimeVersionConfig"]["RuntimeVersionArn"]
        name, version = self.runtime[: len("python")], self.runtime[len("python") :]
        return f"INIT_START Runtime Version: {name}:{version}.v1\tRuntime Version ARN: {arn}"


def timestamp(moment: datetime) -> str:
    """A time in the format of Lambda's JSON."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "+0000"


def create(
    reference: FunctionReference, request: Mapping[str, Any], *, sha256: str, size: int, revision: str, now: float
) -> Configuration:
    """Turn CreateFunction's request into a configuration. Raises AwsError in AWS's words."""
    if not request.get("Runtime") or not request.get("Handler"):
        raise errors.invalid(errors.RUNTIME_AND_HANDLER)
    bare = Configuration(
        reference=reference,
        role=request["Role"],
        handler=request["Handler"],
        runtime=request["Runtime"],
        code_sha256=sha256,
        code_size=size,
        revision=revision,
        modified=datetime.fromtimestamp(now, UTC),
        architectures=tuple(request.get("Architectures") or ("x86_64",)),
        log_group=f"/aws/lambda/{reference.name}",
    )
    return replace(bare, **_changes(request))


def update(configuration: Configuration, request: Mapping[str, Any], *, revision: str, now: float) -> Configuration:
    """Apply UpdateFunctionConfiguration's request. Members that it omits are unchanged. Raises AwsError."""
    changes = _changes(request)
    kept = {**configuration.kept, **changes.pop("kept", {})}
    return replace(configuration, **changes, kept=kept, revision=revision, modified=datetime.fromtimestamp(now, UTC))


def check_supported(request: Mapping[str, Any]) -> None:
    """Raise AwsError for members that would be ignored. Empty values, which some tools send, are accepted."""
    for member in _UNSUPPORTED:
        if request.get(member):
            raise errors.unsupported(f"{member} of a function", "leave it out")
    if request.get("PackageType") == "Image" or (request.get("Code") or {}).get("ImageUri"):
        raise errors.unsupported("container images as functions", "deploy a zip package")


def _changes(request: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of Configuration that the request sets, validated."""
    check_supported(request)
    changes: dict[str, Any] = {}
    if "\0" in (request.get("Handler") or ""):
        raise errors.unsupported("NUL characters in a handler's name", "leave them out")
    for member, name in (("Role", "role"), ("Handler", "handler"), ("Description", "description")):
        if request.get(member) is not None:
            changes[name] = request[member]
    if (runtime := request.get("Runtime")) is not None:
        changes["runtime"] = check_runtime(runtime)
    if (memory := request.get("MemorySize")) is not None:
        changes["memory_size"] = _memory(memory)
    if (timeout := request.get("Timeout")) is not None:
        changes["timeout"] = _within("timeout", timeout, TIMEOUT_RANGE)
    if storage := request.get("EphemeralStorage"):
        changes["storage"] = _within("ephemeralStorage.size", storage["Size"], STORAGE_RANGE)
    if (environment := request.get("Environment")) is not None:
        changes["variables"] = check_variables(environment.get("Variables") or {})
    for member, inner, name in (("TracingConfig", "Mode", "tracing"), ("SnapStart", "ApplyOn", "snap_start")):
        if value := (request.get(member) or {}).get(inner):
            changes[name] = value
    if log_group := _log_group(request.get("LoggingConfig") or {}):
        changes["log_group"] = log_group
    if kept := {member: request[member] for member in _KEPT if request.get(member)}:
        changes["kept"] = kept
    return changes


def _log_group(logging: Mapping[str, Any]) -> str | None:
    if logging.get("LogFormat") == "JSON":
        raise errors.unsupported("LogFormat JSON", "use Text")
    return logging.get("LogGroup")


def check_runtime(runtime: str) -> str:
    """Returns a runtime that functions may have here. Raises AwsError in AWS's words for any other."""
    if runtime in PYTHON_RUNTIMES:
        return runtime
    if runtime in _AWS_RUNTIMES.split(", "):
        raise errors.unsupported(f"runtime {runtime}", f"use one of {', '.join(PYTHON_RUNTIMES)}")
    if runtime in _RETIRED_RUNTIMES.split(", "):
        raise errors.invalid(
            f"The runtime parameter of {runtime} is no longer supported for creating or updating AWS Lambda functions. "
            "We recommend you use a supported runtime while creating or updating functions."
        )
    raise errors.invalid(
        f"Value {runtime} at 'runtime' failed to satisfy constraint: Member must satisfy enum value set: "
        f"[{_AWS_RUNTIMES}] or be a valid ARN"
    )


def _memory(size: int) -> int:
    """The upper bound is the account's, so AWS's message differs from that for the model's bound."""
    low, high = MEMORY_RANGE
    if size < low:
        raise errors.validation("memorySize", size, f"Member must have value greater than or equal to {low}")
    if size > high:
        raise errors.invalid(
            f"'MemorySize' value failed to satisfy constraint: Member must have value less than or equal to {high}"
        )
    return size


def _within(member: str, value: int, bounds: tuple[int, int]) -> int:
    low, high = bounds
    if value < low:
        raise errors.validation(member, value, f"Member must have value greater than or equal to {low}")
    if value > high:
        raise errors.validation(member, value, f"Member must have value less than or equal to {high}")
    return value


def check_variables(variables: Mapping[str, str]) -> dict[str, str]:
    """Returns a function's environment variables. Raises AwsError for reserved names and for more than 4 KB."""
    if any("\0" in value for value in variables.values()):
        raise errors.unsupported("NUL characters in environment variables", "leave them out")
    reserved = [name for name in variables if name in RESERVED_VARIABLES]
    unable = "Lambda was unable to configure your environment variables because the environment variables you have"
    if reserved:
        raise errors.invalid(
            f"{unable} provided contains reserved keys that are currently not supported for modification. "
            f"Reserved keys used in this request: {', '.join(reserved)}"
        )
    measured = json.dumps(variables, separators=(",", ":"), ensure_ascii=False)
    if len(measured.encode()) > VARIABLES_LIMIT:
        raise errors.invalid(f"{unable} provided exceeded the 4KB limit. String measured: {measured}")
    return dict(variables)
