"""Writes the files. The script and the program bring what is deployed to the plan; the two templates declare it."""

from __future__ import annotations

import json
import shlex
from dataclasses import asdict
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from harness.core import figures as text
from harness.planner.apply.desired import DesiredState, desired_state
from harness.planner.plan import Plan

FILES = {"apply.sh": 0o755, "apply.py": 0o755, "template.yaml": 0o644, "main.tf": 0o644}
"""What is written, with its mode."""
KEPT = (
    "DataCaptureConfig",
    "ShadowProductionVariants",
    "AsyncInferenceConfig",
    "ExplainerConfig",
    "VpcConfig",
    "KmsKeyId",
    "ExecutionRoleArn",
    "EnableNetworkIsolation",
)
"""Of an endpoint configuration, beside its variants: what a new one takes over (botocore, CreateEndpointConfig)."""
_LINE = 80  # characters of a literal, its name aside


def write_apply_files(plan: Plan, folder: Path) -> tuple[Path, ...]:
    """Writes FILES into ``folder``, which is made where it is missing, and gives their paths.

    Raises HarnessError where the plan recommends nothing.
    """
    texts = apply_files(plan)
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, mode in FILES.items():
        path = folder / name
        path.write_text(texts[name], encoding="utf-8")
        path.chmod(mode)
        paths.append(path)
    return tuple(paths)


def apply_files(plan: Plan) -> dict[str, str]:
    """The files' texts by name."""
    environment = Environment(
        loader=PackageLoader("harness.planner.apply"),
        autoescape=False,  # noqa: S701 - nothing of it is HTML; each filter quotes for its language
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(sh=shlex.quote, json=json.dumps, literal=_literal, hcl=_hcl, asdict=asdict)
    what = desired_state(plan)
    values = {
        "heading": _heading(plan),
        "merged": _merged(what),
        "request": _request(what),
        "kept": KEPT,
        "region": what.region,
        "endpoint": what.endpoint,
        "variants": what.variants,
        "models": what.models,
        "function": what.function,
        "targets": what.targets,
    }
    return {name: environment.get_template(f"{name}.j2").render(values) for name in FILES}


def _heading(plan: Plan) -> str:
    """One line that says what was planned; letters, digits and plain signs only, as it stands in comments."""
    line = (
        f"The plan of {plan.stack}, made {plan.created_at:%Y-%m-%d}: {text.length_of_time(plan.objective.p99)} at p99 "
        f"and {text.percent(plan.objective.errors)} errors at up to {text.rate(plan.traffic.peak_rate)}."
    )
    return "".join(each for each in line.replace(text.NARROW, " ") if each.isprintable() and each not in "\"'\\`$")


def _merged(what: DesiredState) -> str:
    """The JMESPath of DescribeEndpointConfig's variants, in their order, with the planned members in place."""
    chosen = " || ".join(
        f"(VariantName=='{name}' && `{json.dumps(members)}`)" for name, members in what.variants.items()
    )
    return f"ProductionVariants[].merge(@, {chosen} || `{{}}`)"


def _request(what: DesiredState) -> str:
    """The JMESPath of CreateEndpointConfig's request but for the name; a member that is not there must not be null."""
    kept = ", ".join(f"({member} && {{{member}: {member}}}) || `{{}}`" for member in KEPT)
    return f"merge({{ProductionVariants: {_merged(what)}}}, {kept})"


def _literal(value: Any, indent: int = 0) -> str:
    """A Python literal; a list or dictionary that does not fit into its line has one entry a line."""
    if isinstance(value, dict):
        entries, ends = [f"{_literal(key)}: {_literal(each, indent + 4)}" for key, each in value.items()], "{}"
    elif isinstance(value, list | tuple):
        entries, ends = [_literal(each, indent + 4) for each in value], "[]"
    else:
        return json.dumps(value) if isinstance(value, str) else repr(value)
    line = f"{ends[0]}{', '.join(entries)}{ends[1]}"
    if len(line) <= _LINE - indent and "\n" not in line:
        return line
    between = "\n" + " " * (indent + 4)
    return f"{ends[0]}{between}{f',{between}'.join(entries)},\n{' ' * indent}{ends[1]}"


def _hcl(value: Any) -> str:
    """A Terraform literal: JSON's, but that ``${`` and ``%{`` begin a template."""
    return json.dumps(value).replace("${", "$${").replace("%{", "%%{")
