"""Checks of a stack beyond single values: references between tables, files, concurrency and scaling."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import botocore.session

from harness.access.rules.policy import parse_policy
from harness.core.regions import region_problem
from harness.scaling.rules.schedule_expressions import parse_schedule
from harness.stack.aws_values import (
    bucket_problem,
    managed_policy_problem,
    runtime_problem,
    shape_problem,
    variables_problem,
)
from harness.stack.scaling_tables import ScalingTable, VariantScaling
from harness.stack.tables import FunctionTable, ModelTable, RoleTable, Stack, VariantTable
from harness.stack.toml_lines import KeyPath

Problem = tuple[KeyPath, str]
"""A key of the stack file, and what is wrong with its value."""


def stack_problems(stack: Stack) -> Iterator[Problem]:
    """Everything in a stack that cannot be deployed, though each of its values is allowed by itself."""
    yield from _told(("region",), region_problem(stack.region))
    yield from _told(("bucket",), bucket_problem(stack.bucket))
    for name, role in stack.roles.items():
        yield from _role_table_problems(stack, ("roles", name), name, role)
    for name, model in stack.models.items():
        yield from _role_problems(stack, ("models", name, "role"), model.role, "sagemaker.amazonaws.com")
        if model.build is not None:
            yield from _file_problems(stack, ("models", name, "build"), model.build, "file")
        elif model.is_local:
            yield from _file_problems(stack, ("models", name, "model_data"), model.model_data, "file")
        yield from _model_value_problems(("models", name), model)
    for name, variant in stack.endpoint.production_variants.items():
        yield from _variant_problems(stack, ("endpoint", "production_variants", name), variant)
    if stack.function is not None:
        yield from _function_problems(stack, stack.function)
    alias = stack.function.alias if stack.function else None
    yield from scaling_problems(stack.scaling, list(stack.endpoint.production_variants), alias)
    if stack.load is not None:
        yield from _file_problems(stack, ("load", "locustfile"), stack.load.locustfile, "locustfile or folder")


@cache
def endpoint_instance_types() -> tuple[str, ...]:
    """The instance types that a production variant may have (botocore, ProductionVariantInstanceType)."""
    model: Any = botocore.session.get_session().get_service_model("sagemaker")
    return tuple(model.shape_for("ProductionVariantInstanceType").enum)


def _told(key: KeyPath, problem: str | None) -> Iterator[Problem]:
    if problem is not None:
        yield key, problem


def _role_table_problems(stack: Stack, table: KeyPath, name: str, role: RoleTable) -> Iterator[Problem]:
    yield from _told(table, shape_problem("iam", "roleNameType", name))
    names: dict[str, Path] = {}
    for index, policy in enumerate(role.policies):
        key = (*table, "policies", index)
        yield from _policy_problems(key, stack.path(policy))
        yield from _told(key, shape_problem("iam", "policyNameType", policy.stem))
        if policy.stem in names:
            yield key, f"{names[policy.stem]} has the same name without its folder and ending; rename one of the two"
        names[policy.stem] = policy
    for index, policy_name in enumerate(role.managed_policies):
        yield from _told((*table, "managed_policies", index), managed_policy_problem(policy_name))


def _model_value_problems(table: KeyPath, model: ModelTable) -> Iterator[Problem]:
    yield from _told((*table, "image"), shape_problem("sagemaker", "ContainerImage", model.image))
    if not model.is_local:
        yield from _told((*table, "model_data"), shape_problem("sagemaker", "Url", model.model_data))
    for name, value in model.environment.items():
        key = (*table, "environment", name)
        yield from _told(key, shape_problem("sagemaker", "EnvironmentKey", name))
        yield from _told(key, shape_problem("sagemaker", "EnvironmentValue", value))


def _role_problems(stack: Stack, key: KeyPath, name: str, service: str) -> Iterator[Problem]:
    if name not in stack.roles:
        yield key, f"no role {name!r}; there are: {', '.join(stack.roles)}"
    elif stack.roles[name].trust != service:
        yield key, f"role {name!r} trusts {stack.roles[name].trust}; it must trust {service}"


def _file_problems(stack: Stack, key: KeyPath, path: str | Path, what: str) -> Iterator[Problem]:
    try:
        exists = stack.path(path).exists()
    except OSError:  # such as a name that is too long for a file
        exists = False
    if not exists:
        yield key, f"there is no {what} at {stack.path(path)}"


def _policy_problems(key: KeyPath, file: Path) -> Iterator[Problem]:
    try:
        parse_policy(file.name, file.read_text(encoding="utf-8"))
    except OSError as error:
        yield key, f"cannot read the policy {file}: {error.strerror}"
    except ValueError as error:
        yield key, str(error)


def _variant_problems(stack: Stack, table: KeyPath, variant: VariantTable) -> Iterator[Problem]:
    if variant.model not in stack.models:
        yield (*table, "model"), f"no model {variant.model!r}; there are: {', '.join(stack.models)}"
    known = endpoint_instance_types()
    if variant.instance_type not in known:
        close = difflib.get_close_matches(variant.instance_type, known, 3) or ["ml.m5.large"]
        what = f"no instance type of endpoints is called {variant.instance_type!r}; there are, for example: "
        yield (*table, "instance_type"), what + ", ".join(close)


def _function_problems(stack: Stack, function: FunctionTable) -> Iterator[Problem]:
    yield from _role_problems(stack, ("function", "role"), function.role, "lambda.amazonaws.com")
    yield from _file_problems(stack, ("function", "code"), function.code, "folder or zip")
    yield from _told(("function", "handler"), shape_problem("lambda", "Handler", function.handler))
    yield from _told(("function", "runtime"), runtime_problem(function.runtime))
    yield from _told(("function", "environment"), variables_problem(function.environment))
    for name in function.environment:
        yield from _told(("function", "environment", name), shape_problem("lambda", "EnvironmentVariableName", name))
    if function.event is not None:
        yield from _file_problems(stack, ("function", "event"), function.event, "file")
    provisioned, reserved = function.provisioned_concurrent_executions, function.reserved_concurrent_executions
    key = ("function", "provisioned_concurrent_executions")
    if provisioned is not None and function.alias is None:
        yield key, 'only a published version can have it: add a name for one, such as alias = "live"'
    elif provisioned is not None and reserved is not None and provisioned > reserved:
        yield key, f"{provisioned} is more than reserved_concurrent_executions, {reserved}, of which it is a part"


def scaling_problems(scaling: ScalingTable, variants: list[str], alias: str | None) -> Iterator[Problem]:
    """What AWS would refuse in [scaling]. variants: the endpoint's; alias: the function's."""
    for name in scaling.variants:
        if name not in variants:
            yield ("scaling", "variants", name), f"no variant {name!r}; there are: {', '.join(variants)}"
    if scaling.function is not None and alias is None:
        yield ("scaling", "function"), 'needs a function with an alias, such as alias = "live"'
    for table, target in scaling.targets():
        if target.max_capacity < target.min_capacity:
            yield (*table, "max_capacity"), f"{target.max_capacity} is less than min_capacity, {target.min_capacity}"
        if isinstance(target, VariantScaling):
            yield from _step_problems((*table, "step_scaling"), target)
        metrics = [policy.predefined_metric_type for policy in target.target_tracking.values()]
        if len(set(metrics)) < len(metrics):
            yield (*table, "target_tracking"), "only one policy may track a metric"
        for name, action in target.scheduled_actions.items():
            key = (*table, "scheduled_actions", name)
            yield from _told(key, shape_problem("application-autoscaling", "ScheduledActionName", name))
            if action.min_capacity is None and action.max_capacity is None:
                yield key, "needs min_capacity, max_capacity or both"
            try:
                parse_schedule(action.schedule, action.timezone, 0.0)
            except ValueError as error:
                yield (*key, "schedule"), str(error)


def _step_problems(table: KeyPath, target: VariantScaling) -> Iterator[Problem]:
    for name, policy in target.step_scaling.items():
        if name in target.target_tracking:
            yield (*table, name), "a policy of target_tracking has this name already"
        bounds = [step.bound for step in policy.steps]
        if min(bounds) > 0 or len(set(bounds)) < len(bounds):
            yield (*table, name, "steps"), "each needs a bound of its own, the first of them 0"
