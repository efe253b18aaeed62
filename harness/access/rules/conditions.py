"""The Condition block: every operator, its set and IfExists forms, against a request's condition keys.

Source: IAM user guide, "IAM JSON policy elements: Condition operators", and "Multivalued context keys".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any, Literal

from harness.access.rules.dates import moment
from harness.access.rules.wildcards import STAR, ArnPattern, Context, Template, arn_pattern, glob, template
from harness.core.errors import shown

Fits = Callable[[str, str], bool]
"""Whether a request's value fits one of the policy's."""

_NUMBER = re.compile(r"[+-]?([0-9]{1,300}(\.[0-9]{0,300})?|\.[0-9]{1,300})([eE][+-]?[0-9]{1,3})?")
# A value in a policy may be written as any of these (policy grammar).
_SCALARS = (str, bool, int, float)


@dataclass(frozen=True, slots=True)
class Condition:
    """One operator on one condition key.

    operator: the name without set prefix and IfExists, in lower case. key: in lower case. values: the condition holds
    for a value of the request that fits any of them. quantifier: "all" for ForAllValues, "any" for ForAnyValue.
    """

    operator: str
    key: str
    values: tuple[Template | ArnPattern, ...]
    fits: Fits
    negated: bool
    quantifier: Literal["", "all", "any"]
    if_exists: bool

    @property
    def keys(self) -> tuple[str, ...]:
        """Every condition key that the condition reads."""
        return (self.key, *(key for value in self.values for key in value.keys))

    def holds(self, context: Context) -> bool:
        """Whether the request fulfils the condition."""
        values = context.get(self.key, ())
        if self.operator == "null":
            is_null = "false" if values else "true"
            return any(wanted.text(context) == is_null for wanted in self.values if isinstance(wanted, Template))
        if not values:
            return self.if_exists or self.quantifier == "all" or (self.negated and self.quantifier != "any")
        verdicts = (self._fits_any(value, context) != self.negated for value in values)
        # Without a set operator, a negated operator must hold for every value, the others for one.
        every = self.quantifier == "all" or (not self.quantifier and self.negated)
        return all(verdicts) if every else any(verdicts)

    def _fits_any(self, value: str, context: Context) -> bool:
        return any(self._fits(value, wanted, context) for wanted in self.values)

    def _fits(self, value: str, wanted: Template | ArnPattern, context: Context) -> bool:
        if isinstance(wanted, ArnPattern):
            split = value.split(":", 5)
            # ARNs are compared part by part. A bare star fits every ARN; a pattern that is half an ARN fits none.
            whole = wanted.whole.ready == STAR
            return len(split) == 6 and (whole or (wanted.is_arn and wanted.fits(value, split, context)))
        text = wanted.text(context)
        return text is not None and self.fits(value, text)


def _number(text: str) -> float | None:
    return float(text) if _NUMBER.fullmatch(text) else None


@lru_cache(4096)
def _network(text: str) -> IPv4Network | IPv6Network | None:
    try:
        return ip_network(text, strict=False)
    except ValueError:
        return None


@lru_cache(4096)
def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(text)
    except ValueError:
        return None


def _in_network(value: str, wanted: str) -> bool:
    address, network = _address(value), _network(wanted)
    return address is not None and network is not None and address.version == network.version and address in network


def _compared(parse: Callable[[str], float | None], compare: Callable[[float, float], bool]) -> Fits:
    def fits(value: str, wanted: str) -> bool:
        left, right = parse(value), parse(wanted)
        return left is not None and right is not None and compare(left, right)

    return fits


def _ordered(prefix: str, parse: Callable[[str], float | None]) -> dict[str, tuple[Fits, bool]]:
    equal = _compared(parse, lambda left, right: left == right)
    return {
        f"{prefix}equals": (equal, False),
        f"{prefix}notequals": (equal, True),
        f"{prefix}lessthan": (_compared(parse, lambda left, right: left < right), False),
        f"{prefix}lessthanequals": (_compared(parse, lambda left, right: left <= right), False),
        f"{prefix}greaterthan": (_compared(parse, lambda left, right: left > right), False),
        f"{prefix}greaterthanequals": (_compared(parse, lambda left, right: left >= right), False),
    }


def _same(value: str, wanted: str) -> bool:
    return value == wanted


def _same_letters(value: str, wanted: str) -> bool:
    return value.casefold() == wanted.casefold()


def _like(value: str, wanted: str) -> bool:
    return glob(wanted, value)


def _same_bool(value: str, wanted: str) -> bool:
    return value.lower() == wanted.lower() and value.lower() in ("true", "false")


_OPERATORS: Mapping[str, tuple[Fits, bool]] = {
    "stringequals": (_same, False),
    "stringnotequals": (_same, True),
    "stringequalsignorecase": (_same_letters, False),
    "stringnotequalsignorecase": (_same_letters, True),
    "stringlike": (_like, False),
    "stringnotlike": (_like, True),
    **_ordered("numeric", _number),
    **_ordered("date", moment),
    "bool": (_same_bool, False),
    "binaryequals": (_same, False),
    "ipaddress": (_in_network, False),
    "notipaddress": (_in_network, True),
    # ArnEquals and ArnLike behave alike: both take wildcards (IAM user guide, ARN condition operators).
    "arnequals": (_same, False),
    "arnlike": (_same, False),
    "arnnotequals": (_same, True),
    "arnnotlike": (_same, True),
    "null": (_same, False),
}
_QUANTIFIERS: Mapping[str, Literal["all", "any"]] = {"forallvalues:": "all", "foranyvalue:": "any"}


def parse_conditions(where: str, block: Any, *, variables: bool) -> tuple[Condition, ...]:
    """Parses a Condition block. Raises ValueError that says where it is malformed.

    Operator names may be in any case: AWS's own managed policies spell some with a small letter.
    """
    if not isinstance(block, Mapping):
        raise ValueError(f"{where}: Condition must be an object of operators")
    return tuple(
        _condition(f"{where}: Condition {operator} {key}", operator, key, values, variables)
        for operator, keys in block.items()
        for key, values in _keys(f"{where}: Condition {operator}", keys).items()
    )


def _keys(where: str, keys: Any) -> Mapping[str, Any]:
    if not isinstance(keys, Mapping):
        raise ValueError(f"{where} must be an object of condition keys")
    return keys


def known_operator(operator: str) -> bool:
    """Whether there is a condition operator of that name."""
    name, quantifier, if_exists = _operator_parts(operator)
    return name in _OPERATORS and not (name == "null" and (if_exists or quantifier))


def _operator_parts(operator: str) -> tuple[str, Literal["", "all", "any"], bool]:
    """An operator's name in lower case, its set prefix, and whether it ends with IfExists."""
    name = operator.lower()
    quantifier: Literal["", "all", "any"] = ""
    for prefix, meaning in _QUANTIFIERS.items():
        if name.startswith(prefix):
            name, quantifier = name.removeprefix(prefix), meaning
    return name.removesuffix("ifexists"), quantifier, name.endswith("ifexists")


def _condition(where: str, operator: str, key: str, values: Any, variables: bool) -> Condition:
    name, quantifier, if_exists = _operator_parts(operator)
    if not known_operator(operator):
        raise ValueError(f"{where}: there is no condition operator {shown(operator)}")
    fits, negated = _OPERATORS[name]
    listed = [values] if isinstance(values, _SCALARS) else values
    if not isinstance(listed, Sequence) or not all(isinstance(value, _SCALARS) for value in listed):
        raise ValueError(f"{where}: its values must be strings, numbers or booleans")
    texts = [str(value).lower() if isinstance(value, bool) or name == "null" else str(value) for value in listed]
    patterns: list[Template | ArnPattern] = []
    for text in texts:
        if name.startswith("arn"):
            patterns.append(arn_pattern(text, variables=variables, complete=False))
        else:
            patterns.append(template(text, variables=variables, wild=name.endswith("like")))
    return Condition(name, key.lower(), tuple(patterns), fits, negated, quantifier, if_exists)
