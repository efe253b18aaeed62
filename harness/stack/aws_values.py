"""What AWS allows in a single value of a stack file, so that nothing is deployed before all of them are right.

The limits are those of botocore's models, and those rules of the services that the models do not have.
"""

from __future__ import annotations

import difflib
import ipaddress
import json
import re
from collections.abc import Mapping
from functools import cache
from typing import Any

import botocore.session

from harness.core.errors import AwsError
from harness.functions.rules.values import check_runtime, check_variables


def shape_problem(service: str, shape: str, value: str) -> str | None:
    """What keeps a text from being of a string shape of a service's model; None if nothing does."""
    limits = _shape_limits(service, shape)
    lowest, highest, pattern = limits.get("min", 0), limits.get("max"), limits.get("pattern")
    if len(value) < lowest:
        return f"must have at least {lowest} character{'s' if lowest > 1 else ''}"
    if highest is not None and len(value) > highest:
        return f"must have at most {highest} characters, not {len(value)}"
    if pattern is not None and not re.fullmatch(pattern, value):
        return f"must match AWS's pattern {pattern}"
    return None


@cache
def _shape_limits(service: str, shape: str) -> dict[str, Any]:
    model: Any = botocore.session.get_session().get_service_model(service)
    return dict(model.shape_for(shape).metadata)


def runtime_problem(runtime: str) -> str | None:
    """Why no function here has this runtime."""
    try:
        check_runtime(runtime)
    except AwsError as error:
        return error.message.rstrip(".")
    return None


def variables_problem(variables: Mapping[str, str]) -> str | None:
    """Why Lambda refuses these environment variables together."""
    try:
        check_variables(variables)
    except AwsError as error:
        return error.message.rstrip(".")
    return None


def bucket_problem(bucket: str) -> str | None:
    """Which of S3's rules a bucket's name breaks beyond its characters and length (S3 guide, bucketnamingrules)."""
    if ".." in bucket:
        return "must not have two full stops in a row"
    try:
        ipaddress.IPv4Address(bucket)
    except ValueError:
        pass
    else:
        return "must not look like an IP address"
    for prefix in ("xn--", "sthree-", "amzn-s3-demo-"):
        if bucket.startswith(prefix):
            return f"must not begin with {prefix}"
    for suffix in ("-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3"):
        if bucket.endswith(suffix):
            return f"must not end with {suffix}"
    return None


def managed_policy_problem(name: str) -> str | None:
    """Why no managed policy of AWS has this name, which may have its path in front (service-role/NAME)."""
    known = _managed_policies()
    path, _, bare = name.rpartition("/")
    if bare in known and path in ("", known[bare]):
        return None
    similar = [bare] if bare in known else difflib.get_close_matches(bare, known, 3)
    hint = f"; did you mean {' or '.join(similar)}?" if similar else ""
    return f"AWS has no managed policy {name!r}{hint}"


@cache
def _managed_policies() -> dict[str, str]:
    """Their paths by name, from moto's copy, which is as new as the installed moto."""
    from moto.iam.aws_managed_policies import aws_managed_policies_data

    policies = json.loads(aws_managed_policies_data)
    return {name: policy["Path"].strip("/") for name, policy in policies.items()}
