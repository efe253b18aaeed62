"""The tables of a stack file. Their keys are AWS's own parameters in snake case, as boto3's users know them."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, GetCoreSchemaHandler, PrivateAttr, ValidationInfo
from pydantic_core import PydanticCustomError, core_schema

from harness.hosting.instances.kinds import read_local_settings
from harness.hosting.instances.settings import LocalSettings, LocalSettingsError, dump_local_settings
from harness.stack.scaling_tables import ScalingTable

LOCAL_SETTINGS_ERROR = "local_settings"
"""The type of the one pydantic error that carries all problems of [local], in its context."""

Name = Annotated[str, Field(pattern=r"^[a-zA-Z0-9](-*[a-zA-Z0-9])*$", max_length=63)]
# Strict, as all tables are, would mean a Path and not the text that TOML has.
File = Annotated[Path, Field(strict=False)]
BucketName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$")]


class _Table(BaseModel):
    """Strict: a number in quotation marks, or true for 1, is a mistake and not a number."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class RoleTable(_Table):
    """An IAM role. trust: the service that assumes it; policies: files; managed_policies: names of AWS's own."""

    trust: Literal["lambda.amazonaws.com", "sagemaker.amazonaws.com"]
    policies: list[File] = []
    managed_policies: list[str] = []


class ModelTable(_Table):
    """A SageMaker model. model_data: a local model.tar.gz, which is uploaded to the bucket, or an s3:// URL.

    build: a Python file that makes model_data if it is missing; it runs as ``python FILE`` in its own folder.
    """

    role: str
    image: str
    model_data: str
    build: File | None = None
    environment: dict[str, str] = {}

    @property
    def is_local(self) -> bool:
        """Whether model_data is a file of this machine."""
        return not self.model_data.startswith("s3://")


class VariantTable(_Table):
    """A production variant of the endpoint."""

    model: str
    instance_type: str = "ml.m5.large"
    initial_instance_count: int = Field(1, ge=1, le=50)
    initial_variant_weight: float = Field(1.0, ge=0, lt=math.inf)
    routing_strategy: Literal["RANDOM", "LEAST_OUTSTANDING_REQUESTS"] = "RANDOM"
    container_startup_health_check_timeout: int = Field(240, ge=60, le=3600, description="seconds")


class EndpointTable(_Table):
    """The SageMaker endpoint."""

    name: Name
    production_variants: dict[Name, VariantTable] = Field(min_length=1, max_length=10)


class FunctionTable(_Table):
    """The Lambda function.

    code: a folder or a zip. memory_size: MB. timeout: seconds. event: a JSON file to invoke the function with.
    alias: every deployment publishes a version and points the alias to it; callers then call the alias. Provisioned
    concurrency belongs to the alias, for Lambda has none on the unpublished version.
    """

    name: Annotated[str, Field(pattern=r"^[a-zA-Z0-9_-]+$", max_length=64)]
    role: str
    code: File
    handler: str
    runtime: str = "python3.12"
    memory_size: int = Field(128, ge=128, le=10_240)
    timeout: int = Field(3, ge=1, le=900)
    environment: dict[str, str] = {}
    event: File | None = None
    alias: Annotated[str, Field(pattern=r"^[a-zA-Z0-9_-]*[a-zA-Z_-][a-zA-Z0-9_-]*$", max_length=128)] | None = None
    reserved_concurrent_executions: int | None = Field(None, ge=0)
    provisioned_concurrent_executions: int | None = Field(None, ge=1)

    @property
    def qualified_name(self) -> str:
        """FunctionName as callers give it: NAME:ALIAS, or the name alone if there is no alias."""
        return f"{self.name}:{self.alias}" if self.alias else self.name


class _LocalField:
    """Has pydantic leave the table [local] to read_local_settings() and dump_local_settings()."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        return core_schema.with_info_plain_validator_function(
            _read_local, serialization=core_schema.plain_serializer_function_ser_schema(dump_local_settings)
        )


def _read_local(table: Any, info: ValidationInfo) -> LocalSettings:
    if not isinstance(table, dict):
        raise ValueError("must be a table")
    try:
        return read_local_settings(table, (info.context or {}).get("folder", Path()))
    except LocalSettingsError as error:
        raise PydanticCustomError(LOCAL_SETTINGS_ERROR, "not valid", {"problems": error.problems}) from None


class LoadTable(_Table):
    """How a rehearsal loads the stack: a locustfile (or a folder of them) and the scenarios to run, in order."""

    locustfile: File
    scenarios: list[str] = Field(min_length=1)


class Stack(_Table):
    """A whole stack. folder: the stack file's folder, where the file's relative paths start."""

    name: Name
    region: str = "us-east-1"
    bucket: BucketName
    roles: dict[str, RoleTable] = Field(min_length=1)
    models: dict[Name, ModelTable] = Field(min_length=1)
    endpoint: EndpointTable
    function: FunctionTable | None = None
    scaling: ScalingTable = ScalingTable()
    local: Annotated[LocalSettings, _LocalField()] = LocalSettings()
    load: LoadTable | None = None
    _folder: Path = PrivateAttr(default=Path())

    @property
    def folder(self) -> Path:
        return self._folder

    def path(self, relative: str | Path) -> Path:
        """A path of the stack file, absolute."""
        return (self._folder / relative).resolve()

    @property
    def event_file(self) -> Path | None:
        """The file of the event to invoke the function with; None if the stack has no function or no event."""
        return self.path(self.function.event) if self.function and self.function.event else None

    def read_event(self) -> bytes:
        """The event to invoke the function with, ``{}`` if the stack names none."""
        return self.event_file.read_bytes() if self.event_file else b"{}"
