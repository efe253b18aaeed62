"""The configuration of a function: accepted values, defaults, and its form in AWS's answers."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from harness.functions import errors
from harness.functions.layers import LayerVersion
from harness.functions.rules.names import LATEST, FunctionReference
from harness.functions.rules.values import check_runtime, check_variables

MEMORY_RANGE = (128, 10_240)  # MB (Lambda guide, quotas)
TIMEOUT_RANGE = (1, 900)  # seconds (Lambda guide, quotas)
STORAGE_RANGE = (512, 10_240)  # MB of /tmp (Lambda guide, quotas)

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
