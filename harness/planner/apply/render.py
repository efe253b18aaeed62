"""Writes the files. The script and the program change what is deployed; the two templates declare it anew."""

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
"""The files, with their modes."""
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
"""The members that a new endpoint configuration takes over from the present one (botocore, CreateEndpointConfig)."""
_LINE = 80  # the most characters of a literal in one line, without its name


def write_apply_files(plan: Plan, folder: Path) -> tuple[Path, ...]:
    """Writes FILES into ``folder``, which is made if it is missing, and returns their paths.

    Raises HarnessError if the plan recommends nothing.
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
        autoescape=False,  # noqa: S701 - none of the files is HTML; each filter quotes for its language
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(sh=shlex.quote, json=json.dumps, literal=_literal, hcl=_hcl, asdict=asdict)
    state = desired_state(plan)
    values = {
        "heading": _heading(plan),
        "merged": _merged(state),
        "request": _request(state),
        "kept": KEPT,
        "region": state.region,
        "endpoint": state.endpoint,
        "variants": state.variants,
        "models": state.models,
        "function": state.function,
        "targets": state.targets,
    }
    return {name: environment.get_template(f"{name}.j2").render(values) for name in FILES}


def _heading(plan: Plan) -> str:
    """One line that says what was planned, without signs that mean something in a comment or a string."""
    line = (
        f"The plan of {plan.stack}, made {plan.created_at:%Y-%m-%d}: {text.length_of_time(plan.objective.p99)} at p99 "
        f"and {text.percent(plan.objective.errors)} errors at up to {text.rate(plan.traffic.peak_rate)}."
    )
    return "".join(
        character
        for character in line.replace(text.NARROW, " ")
        if character.isprintable() and character not in "\"'\\`$"
    )


def _merged(state: DesiredState) -> str:
    """A JMESPath for DescribeEndpointConfig's variants, in their order, with the planned members in place."""
    chosen = " || ".join(
        f"(VariantName=='{name}' && `{json.dumps(members)}`)" for name, members in state.variants.items()
    )
    return f"ProductionVariants[].merge(@, {chosen} || `{{}}`)"


def _request(state: DesiredState) -> str:
    """A JMESPath for CreateEndpointConfig's request without the name; absent members must not become null."""
    kept = ", ".join(f"({member} && {{{member}: {member}}}) || `{{}}`" for member in KEPT)
    return f"merge({{ProductionVariants: {_merged(state)}}}, {kept})"


def _literal(value: Any, indent: int = 0) -> str:
    """A Python literal. A list or dictionary that does not fit into its line gets one line for each entry."""
    if isinstance(value, dict):
        entries, ends = [f"{_literal(key)}: {_literal(member, indent + 4)}" for key, member in value.items()], "{}"
    elif isinstance(value, list | tuple):
        entries, ends = [_literal(element, indent + 4) for element in value], "[]"
    else:
        return json.dumps(value) if isinstance(value, str) else repr(value)
    line = f"{ends[0]}{', '.join(entries)}{ends[1]}"
    if len(line) <= _LINE - indent and "\n" not in line:
        return line
    between = "\n" + " " * (indent + 4)
    return f"{ends[0]}{between}{f',{between}'.join(entries)},\n{' ' * indent}{ends[1]}"


def _hcl(value: Any) -> str:
    """A Terraform literal: JSON, with ``${`` and ``%{`` escaped, as they begin a template."""
    return json.dumps(value).replace("${", "$${").replace("%{", "%%{")
