"""The stack file (TOML): what the user deploys. Names are AWS's own parameters in snake case, as boto3 users know them.

load_stack() checks the whole file before anything is deployed: every problem is one line that says file, line, what is
wrong and what is allowed.
"""

from __future__ import annotations

import difflib
import json
import re
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

import botocore.session
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    PrivateAttr,
    ValidationError,
    ValidationInfo,
)
from pydantic_core import PydanticCustomError, core_schema

from harness.access.rules.policy import parse_policy
from harness.core.errors import HarnessError
from harness.hosting.instances.settings import (
    LocalSettings,
    LocalSettingsError,
    dump_local_settings,
    read_local_settings,
)
from harness.stack.scaling import ScalingTable, broken_scaling
from harness.stack.toml_lines import TomlLines

Name = Annotated[str, Field(pattern=r"^[a-zA-Z0-9](-*[a-zA-Z0-9])*$", max_length=63)]
BucketName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$")]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Role(_Table):
    """An IAM role. trust: the service that assumes it; policies: files; managed_policies: AWS's own, by name."""

    trust: Literal["lambda.amazonaws.com", "sagemaker.amazonaws.com"]
    policies: list[Path] = []
    managed_policies: list[str] = []


class ModelSource(_Table):
    """A SageMaker model. model_data: a local model.tar.gz, uploaded to the bucket, or an s3:// URL.

    build: a Python file that makes model_data when it is missing (``python FILE``, run in its own folder).
    """

    role: str
    image: str
    model_data: str
    build: Path | None = None
    environment: dict[str, str] = {}


class Variant(_Table):
    """A production variant of the endpoint."""

    model: str
    instance_type: str = "ml.m5.large"
    initial_instance_count: int = Field(1, ge=1, le=50)
    initial_variant_weight: float = Field(1.0, ge=0)
    routing_strategy: Literal["RANDOM", "LEAST_OUTSTANDING_REQUESTS"] = "RANDOM"
    container_startup_health_check_timeout: int = Field(240, ge=60, le=3600, description="seconds")


class EndpointTable(_Table):
    """The SageMaker endpoint."""

    name: Name
    production_variants: dict[str, Variant] = Field(min_length=1)


class FunctionTable(_Table):
    """The Lambda function. code: a folder or zip; memory_size: MB; timeout: seconds; event: JSON to invoke it with.

    alias: names the version that each deployment publishes, and is then what callers call. Provisioned concurrency is
    the alias', for Lambda has none on the unpublished version.
    """

    name: Annotated[str, Field(pattern=r"^[a-zA-Z0-9_-]+$", max_length=64)]
    role: str
    code: Path
    handler: str
    runtime: str = "python3.12"
    memory_size: int = Field(128, ge=128, le=10_240)
    timeout: int = Field(3, ge=1, le=900)
    environment: dict[str, str] = {}
    event: Path | None = None
    alias: Annotated[str, Field(pattern=r"^[a-zA-Z0-9_-]*[a-zA-Z_-][a-zA-Z0-9_-]*$", max_length=128)] | None = None
    reserved_concurrent_executions: int | None = Field(None, ge=0)
    provisioned_concurrent_executions: int | None = Field(None, ge=1)

    @property
    def called(self) -> str:
        """What callers give as FunctionName."""
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
        raise PydanticCustomError("local_settings", "not valid", {"problems": error.problems}) from None


class LoadTable(_Table):
    """How a rehearsal loads the stack: a locustfile (or a folder of them) and its scenarios, one after the other."""

    locustfile: Path
    scenarios: list[str] = Field(min_length=1)


class Stack(_Table):
    """A whole stack. ``folder`` is where its file lies; relative paths in it start there."""

    name: Name
    region: str = "us-east-1"
    bucket: BucketName
    roles: dict[str, Role] = Field(min_length=1)
    models: dict[Name, ModelSource] = Field(min_length=1)
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


def load_stack(file: Path) -> Stack:
    """Reads and checks a stack file. Raises HarnessError with a line for each problem."""
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise HarnessError(f"Cannot read the stack file {file}: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise HarnessError(f"The stack file {file} is not UTF-8 text.") from None
    try:
        document = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # of tomllib: also a number of thousands of digits
        raise HarnessError(f"{_not_toml(file, str(error))}\nNothing was deployed.") from None
    lines = TomlLines(text)
    try:
        problems = list(_with_nul(document))
        stack = Stack.model_validate(document, context={"folder": file.resolve().parent})
    except ValidationError as error:
        problems += [problem for entry in error.errors(include_url=False) for problem in _problems(entry)]
    else:
        stack._folder = file.resolve().parent
        problems = problems or _broken_references(stack)
    if problems:
        listing = "\n".join(
            f"{file}:{lines.line(place)}: {'.'.join(map(str, place))}: {_cut(what, _LONGEST_PROBLEM)}"
            for place, what in problems
        )
        raise HarnessError(f"{listing}\nNothing was deployed.")
    return stack


def _not_toml(file: Path, error: str) -> str:
    """tomllib's sentence, with its line where the lines of the other problems stand."""
    found = re.fullmatch(r"(?P<what>.*) \(at line (?P<line>\d+), column (?P<column>\d+)\)", error)
    if not found:
        return f"{file}: not valid TOML: {error}."
    return f"{file}:{found['line']}: not valid TOML: {found['what']} at column {found['column']}."


Place = tuple[str | int, ...]
# Characters of a problem, and of a wrong value in it: what somebody reads to its end.
_LONGEST_PROBLEM, _LONGEST_VALUE = 400, 100


@cache
def endpoint_instance_types() -> tuple[str, ...]:
    """The instance types that a production variant may have (botocore, ProductionVariantInstanceType)."""
    shape: Any = (
        botocore.session.get_session().get_service_model("sagemaker").shape_for("ProductionVariantInstanceType")
    )
    return tuple(shape.enum)


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def _with_nul(node: Any, place: Place = ()) -> Iterator[tuple[Place, str]]:
    """Texts with a NUL, which neither a file nor AWS can have in a name."""
    if isinstance(node, str) and "\0" in node:
        yield place, "must not contain the character NUL"
    pairs = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for step, below in pairs:
        yield from _with_nul(step, (*place, step)) if isinstance(step, str) else ()
        yield from _with_nul(below, (*place, step))


def _problems(entry: Any) -> Iterator[tuple[Place, str]]:
    """The problems of one pydantic error: usually one, but [local] reports all of its own in one error."""
    if entry["type"] == "local_settings":
        yield from (((*entry["loc"], *place), text) for place, text in entry["ctx"]["problems"])
    else:
        yield _problem(entry)


def _problem(entry: Any) -> tuple[Place, str]:
    """One pydantic error as its place in the file and a sentence that says what is allowed."""
    place: Place = tuple(part for part in entry["loc"] if part != "[key]")
    kind, context = entry["type"], entry.get("ctx", {})
    if kind == "extra_forbidden":
        allowed = _allowed_keys(place[:-1])
        close = difflib.get_close_matches(str(place[-1]), allowed, 1)
        hint = f"did you mean {close[0]}? " if close else ""
        return place, f"unknown key; {hint}allowed here: {', '.join(allowed)}"
    if kind == "missing":
        return place, "this key is required and missing"
    if kind == "path_type":
        return place, "must be a path, as a string"
    value = _cut(json.dumps(entry.get("input"), default=str), _LONGEST_VALUE)
    if kind == "literal_error":
        return place, f"must be {context['expected']}, not {value}"
    message = str(entry["msg"])
    return place, f"{message[0].lower()}{message[1:]}, not {value}"


def _allowed_keys(place: Place) -> list[str]:
    """The keys of the table at ``place``, following the models' annotations."""
    table: Any = Stack
    for part in place:
        if not (isinstance(table, type) and issubclass(table, BaseModel)):
            break
        field = table.model_fields.get(str(part))
        if field is None:
            continue  # the name of a role, model or variant: its table is the dict's value, already taken
        arguments = getattr(field.annotation, "__args__", ())
        tables = [one for one in (field.annotation, *arguments) if isinstance(one, type) and issubclass(one, BaseModel)]
        table = tables[0] if tables else None
    return sorted(table.model_fields) if isinstance(table, type) and issubclass(table, BaseModel) else []


def _broken_references(stack: Stack) -> list[tuple[Place, str]]:
    """References between tables and to files that lead nowhere."""
    problems: list[tuple[Place, str]] = []

    def role(place: Place, name: str, service: str) -> None:
        if name not in stack.roles:
            problems.append((place, f"no role {name!r}; there are: {', '.join(stack.roles)}"))
        elif stack.roles[name].trust != service:
            problems.append((place, f"role {name!r} trusts {stack.roles[name].trust}; it must trust {service}"))

    def exists(place: Place, path: str | Path, what: str) -> None:
        try:
            found = stack.path(path).exists()
        except OSError:  # such as a name that is too long for a file
            found = False
        if not found:
            problems.append((place, f"there is no {what} at {stack.path(path)}"))

    for name, entry in stack.roles.items():
        for index, policy in enumerate(entry.policies):
            problems += _broken_policy(("roles", name, "policies", index), stack.path(policy))
    for name, model in stack.models.items():
        role(("models", name, "role"), model.role, "sagemaker.amazonaws.com")
        if model.build is not None:
            exists(("models", name, "build"), model.build, "file")
        elif not model.model_data.startswith("s3://"):
            exists(("models", name, "model_data"), model.model_data, "file")
    for name, variant in stack.endpoint.production_variants.items():
        table = ("endpoint", "production_variants", name)
        if variant.model not in stack.models:
            problems.append(((*table, "model"), f"no model {variant.model!r}; there are: {', '.join(stack.models)}"))
        known = endpoint_instance_types()
        if variant.instance_type not in known:
            close = difflib.get_close_matches(variant.instance_type, known, 3) or ["ml.m5.large"]
            what = f"no instance type of endpoints is called {variant.instance_type!r}; there are, for example: "
            problems.append(((*table, "instance_type"), what + ", ".join(close)))
    if stack.function is not None:
        role(("function", "role"), stack.function.role, "lambda.amazonaws.com")
        exists(("function", "code"), stack.function.code, "folder or zip")
        if stack.function.event is not None:
            exists(("function", "event"), stack.function.event, "file")
        problems += _broken_concurrency(stack.function)
    alias = stack.function.alias if stack.function else None
    problems += broken_scaling(stack.scaling, list(stack.endpoint.production_variants), alias)
    if stack.load is not None:
        exists(("load", "locustfile"), stack.load.locustfile, "locustfile or folder")
    return problems


def _broken_concurrency(function: FunctionTable) -> list[tuple[Place, str]]:
    provisioned, reserved = function.provisioned_concurrent_executions, function.reserved_concurrent_executions
    place = ("function", "provisioned_concurrent_executions")
    if provisioned is None:
        return []
    if function.alias is None:
        return [(place, 'only a published version can have it: add a name for one, such as alias = "live"')]
    if reserved is not None and provisioned > reserved:
        return [
            (place, f"{provisioned} is more than reserved_concurrent_executions, {reserved}, of which it is a part")
        ]
    return []


def _broken_policy(place: Place, file: Path) -> list[tuple[Place, str]]:
    try:
        parse_policy(file.name, file.read_text(encoding="utf-8"))
    except OSError as error:
        return [(place, f"cannot read the policy {file}: {error.strerror}")]
    except ValueError as error:
        return [(place, str(error))]
    return []
