"""The context keys that policies read, in conditions and as policy variables.

Source: IAM API reference, GetContextKeysForCustomPolicy; IAM user guide, "IAM policy elements: Variables and tags".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from harness.access.rules.policy import Policy, Statement

_VARIABLE = re.compile(r"\$\{\s*([^{},\s]*:[^{},]*?)\s*(?:,[^{}]*)?\}")
_WITH_VARIABLES = "2012-10-17"


def context_keys(policies: Iterable[Policy]) -> list[str]:
    """The keys as they are written, each once whatever its case, in the order in which they occur."""
    keys: dict[str, str] = {}
    for policy in policies:
        for statement in policy.statements:
            for key in _keys(statement, variables=policy.version == _WITH_VARIABLES):
                keys.setdefault(key.lower(), key)
    return list(keys.values())


def _keys(statement: Statement, *, variables: bool) -> Iterator[str]:
    if variables:
        for resource in statement.written_resources:
            yield from _VARIABLE.findall(resource)
    condition: Mapping[str, Mapping[str, Any]] = statement.source.get("Condition") or {}
    for operands in condition.values():
        for key, values in operands.items():
            yield key
            if variables:
                for value in values if isinstance(values, list) else [values]:
                    yield from _VARIABLE.findall(str(value))
