"""The values that a function's runtime and environment variables may have."""

from __future__ import annotations

import json
from collections.abc import Mapping

from harness.functions import errors

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
