"""Policy documents: read, checked and compiled once, so that deciding is quick. Pure.

Source: IAM user guide, "Grammar of the IAM JSON policy language" and the pages of each element.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal

from harness.access.rules.conditions import Condition, parse_conditions
from harness.access.rules.principals import Principals, parse_principals
from harness.access.rules.wildcards import ANY, STAR, ArnPattern, Context, arn_pattern, glob
from harness.core.errors import shown

Effect = Literal["Allow", "Deny"]
Use = Literal["identity", "resource", "trust"]
"""What a policy is attached to: a user, group, role or session (or is a boundary); a resource; a role, as its trust."""

_VERSIONS = ("2012-10-17", "2008-10-17")
_ELEMENTS = frozenset(("Version", "Id", "Statement"))
_PARTS = frozenset(
    ("Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Principal", "NotPrincipal", "Condition")
)
_ACTION = re.compile(r"[A-Za-z0-9-]+:[A-Za-z0-9*?-]+")
_SID = re.compile(r"[A-Za-z0-9]*")
_WILD = str.maketrans({"*": STAR, "?": ANY})
# Of one policy: how many actions have their statements remembered.
_REMEMBERED = 4096
# Of one statement: how many resources.
_REMEMBERED_RESOURCES = 256
# Larger than any policy that IAM takes; what is longer is parsed again each time, and not kept.
_ONCE_CHARACTERS = 131_072


class MalformedPolicy(ValueError):
    """A document that IAM would refuse; ``str(error)`` says where and why."""


def _listed(value: Any) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)


@dataclass(frozen=True, slots=True, eq=False)
class Statement:
    """One statement. index: its place in the document; source: as it was written.

    actions: in lower case, since IAM ignores their case; patterns: those with wildcards, in glob form.
    resources: none in a trust policy, which speaks of its own role. not_principals: Principal is NotPrincipal.
    """

    effect: Effect
    index: int
    sid: str
    actions: frozenset[str]
    patterns: tuple[str, ...]
    not_actions: bool
    resources: tuple[ArnPattern, ...]
    not_resources: bool
    principals: Principals | None
    not_principals: bool
    conditions: tuple[Condition, ...]
    source: Mapping[str, Any] = field(repr=False)
    # Of resources without variables: whether it speaks of one, remembered, for a run asks for the same few.
    _spoken_of: dict[str, bool] | None = field(default=None, repr=False)

    @property
    def written_actions(self) -> tuple[str, ...]:
        """Action or NotAction as it was written."""
        return _listed(self.source.get("Action", self.source.get("NotAction", ())))

    @property
    def written_resources(self) -> tuple[str, ...]:
        """Resource or NotResource as it was written; none in a trust policy."""
        return _listed(self.source.get("Resource", self.source.get("NotResource", ())))

    def about(self, action: str) -> bool:
        """Whether the statement speaks of an action, given in lower case."""
        return (action in self.actions or any(glob(one, action) for one in self.patterns)) != self.not_actions

    def on(self, resource: str, parts: list[str], context: Context) -> bool:
        """Whether it speaks of a resource. parts: ``resource.split(":", 5)``."""
        if not self.resources:
            return True
        known = self._spoken_of
        if known is None:
            return any(one.fits(resource, parts, context) for one in self.resources) != self.not_resources
        found = known.get(resource)
        if found is None:
            if len(known) >= _REMEMBERED_RESOURCES:
                known.clear()
            found = any(one.fits(resource, parts, context) for one in self.resources) != self.not_resources
            known[resource] = found
        return found

    def on_some(self) -> bool:
        """Whether it may speak of a resource that is not known: an Allow of any, a Deny only if it is of all."""
        if not self.resources:
            return True
        everything = any(one.whole.ready == STAR for one in self.resources)
        if self.effect == "Deny":
            return everything and not self.not_resources
        return not (everything and self.not_resources)

    def on_condition(self, context: Context) -> bool:
        """Whether the request fulfils every condition."""
        return all(one.holds(context) for one in self.conditions)


@dataclass(frozen=True, slots=True, eq=False)
class Policy:
    """A compiled document. name: the policy's ARN, or an inline policy's name, which decisions quote."""

    name: str
    statements: tuple[Statement, ...]
    version: str = _VERSIONS[0]
    _by_action: dict[str, tuple[Statement, ...]] = field(default_factory=dict, repr=False)

    def document(self) -> dict[str, Any]:
        """As it was written, but for an Id."""
        return {"Version": self.version, "Statement": [dict(one.source) for one in self.statements]}

    def about(self, action: str) -> tuple[Statement, ...]:
        """The statements that speak of an action, given in lower case."""
        found = self._by_action.get(action)
        if found is None:
            if len(self._by_action) >= _REMEMBERED:
                self._by_action.clear()
            found = tuple(one for one in self.statements if one.about(action))
            self._by_action[action] = found
        return found


def parse_policy(name: str, document: str | Mapping[str, Any], use: Use = "identity") -> Policy:
    """A policy document (JSON text or parsed). Raises MalformedPolicy with the place of what IAM would refuse."""
    if not isinstance(document, str):
        return _parse(name, document, use)
    return (_parse_once if len(document) <= _ONCE_CHARACTERS else _parse_text)(name, document, use)


def _parse_text(name: str, text: str, use: Use) -> Policy:
    try:
        document = json.loads(text, parse_constant=_refuse_constant, object_pairs_hook=_object)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno} column {error.colno}"
        raise MalformedPolicy(f"policy {name} is not valid JSON at {where}: {error.msg}") from None
    except ValueError as error:  # a number of thousands of digits
        raise MalformedPolicy(f"policy {name} is not valid JSON: {error}") from None
    except RecursionError:
        raise MalformedPolicy(f"policy {name} is not valid JSON: it is nested too deeply") from None
    return _parse(name, document, use)


def _refuse_constant(word: str) -> Any:
    raise ValueError(f"{word} is no value")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {twice!r} is there twice")
    return made


_parse_once = lru_cache(512)(_parse_text)


def _parse(name: str, document: Any, use: Use) -> Policy:
    if not isinstance(document, Mapping) or "Statement" not in document:
        raise MalformedPolicy(f"policy {name} must be an object with a Statement")
    for key in document:
        if key not in _ELEMENTS:
            raise MalformedPolicy(f"policy {name}: {shown(str(key))} is no element of a policy")
    version = document.get("Version", _VERSIONS[1])
    if version not in _VERSIONS:
        raise MalformedPolicy(f"policy {name}: Version must be {' or '.join(_VERSIONS)}, not {shown(str(version))}")
    statements = document["Statement"]
    if isinstance(statements, Mapping):
        statements = [statements]
    if not isinstance(statements, Sequence) or isinstance(statements, str):
        raise MalformedPolicy(f"policy {name}: Statement must be an object or a list of objects")
    sids: set[str] = set()
    made = []
    for index, item in enumerate(statements):
        where = f"policy {name}, Statement[{index}]"
        try:
            statement = _statement(where, index, item, use, variables=version == _VERSIONS[0])
        except MalformedPolicy:
            raise
        except ValueError as error:
            raise MalformedPolicy(str(error)) from None
        if statement.sid and statement.sid in sids:
            raise MalformedPolicy(f"{where}: Sid {statement.sid!r} is there twice")
        sids.add(statement.sid)
        made.append(statement)
    return Policy(name, tuple(made), version)


def _statement(where: str, index: int, item: Any, use: Use, *, variables: bool) -> Statement:
    if not isinstance(item, Mapping):
        raise MalformedPolicy(f"{where} must be an object")
    for key in item:
        if key not in _PARTS:
            raise MalformedPolicy(f"{where}: {shown(str(key))} is no element of a statement")
    effect = item.get("Effect")
    if effect not in ("Allow", "Deny"):
        raise MalformedPolicy(f"{where}: Effect must be Allow or Deny, not {shown(str(effect))}")
    sid = item.get("Sid", "")
    if not isinstance(sid, str) or (use == "identity" and not _SID.fullmatch(sid)):
        raise MalformedPolicy(f"{where}: Sid must be letters and digits, not {shown(str(sid))}")
    actions = _actions(where, item)
    resources = _resources(where, item, use, variables=variables)
    return Statement(
        effect=effect,
        index=index,
        sid=sid,
        actions=frozenset(one for one in actions if "*" not in one and "?" not in one),
        patterns=tuple(one.translate(_WILD) for one in actions if "*" in one or "?" in one),
        not_actions="NotAction" in item,
        resources=resources,
        not_resources="NotResource" in item,
        principals=_principals(where, item, use),
        not_principals="NotPrincipal" in item,
        conditions=parse_conditions(where, item.get("Condition", {}), variables=variables),
        source=item,
        _spoken_of=None if any(one.keys for one in resources) else {},
    )


def _actions(where: str, item: Mapping[str, Any]) -> list[str]:
    element = _either(where, item, "Action", "NotAction")
    actions = _strings(where, element, item[element])
    for one in actions:
        if one != "*" and not _ACTION.fullmatch(one):
            raise MalformedPolicy(
                f"{where}: {element} {shown(one)} must be like s3:GetObject: a service's prefix and a name"
            )
    return [one.lower() for one in actions]


def _resources(where: str, item: Mapping[str, Any], use: Use, *, variables: bool) -> tuple[ArnPattern, ...]:
    if use == "trust":
        if "Resource" in item or "NotResource" in item:
            raise MalformedPolicy(f"{where}: a trust policy has no Resource; it speaks of its own role")
        return ()
    element = _either(where, item, "Resource", "NotResource")
    resources = _strings(where, element, item[element])
    for one in resources:
        if not one.startswith(("arn:", "*", "${")):
            raise MalformedPolicy(f'{where}: {element} {shown(one)} must be an ARN or "*"')
    return tuple(arn_pattern(one, variables=variables, complete=True) for one in resources)


def _principals(where: str, item: Mapping[str, Any], use: Use) -> Principals | None:
    if use == "identity":
        if "Principal" in item or "NotPrincipal" in item:
            raise MalformedPolicy(f"{where}: an identity policy has no Principal; it speaks of whom it is attached to")
        return None
    element = _either(where, item, "Principal", "NotPrincipal")
    if element == "NotPrincipal" and item.get("Effect") == "Allow":
        raise MalformedPolicy(f"{where}: Allow with NotPrincipal is not supported")
    return parse_principals(f"{where}: {element}", item[element])


def _either(where: str, item: Mapping[str, Any], one: str, other: str) -> str:
    if (one in item) == (other in item):
        raise MalformedPolicy(f"{where} must have either {one} or {other}")
    return one if one in item else other


def _strings(where: str, element: str, value: Any) -> tuple[str, ...]:
    values = (value,) if isinstance(value, str) else value
    if not isinstance(values, Sequence) or not values or not all(isinstance(one, str) for one in values):
        raise MalformedPolicy(f"{where}: {element} must be a string or a list of strings")
    return tuple(values)
