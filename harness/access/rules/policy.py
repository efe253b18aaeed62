"""Policy documents: parsed, checked and compiled once, so that decisions are quick.

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
Attachment = Literal["identity", "resource", "trust"]
"""What a policy is attached to. identity: a user, group, role or session, also as a boundary. resource: a resource.
trust: a role, as its trust policy."""

_VERSIONS = ("2012-10-17", "2008-10-17")
_ELEMENTS = frozenset(("Version", "Id", "Statement"))
_PARTS = frozenset(
    ("Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Principal", "NotPrincipal", "Condition")
)
# IAM takes any name after the prefix (answers of IAM in public test suites).
_ACTION = re.compile(r"[A-Za-z0-9.-]+:[^:]+")
_SID = re.compile(r"[A-Za-z0-9]*")
_WILD = str.maketrans({"*": STAR, "?": ANY})
# How many actions a policy remembers the statements for.
_REMEMBERED_ACTIONS = 4096
# How many resources a statement remembers its answer for.
_REMEMBERED_RESOURCES = 256
# More characters than IAM takes in a policy. A longer one is not cached, and parsed again each time.
_LONGEST_CACHED = 131_072


class MalformedPolicy(ValueError):
    """A document that IAM would refuse; ``str(error)`` says where and why."""


def _listed(value: Any) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)


@dataclass(frozen=True, slots=True, eq=False)
class Statement:
    """A statement of a policy.

    index: its place in the document, from 0. actions: those without wildcards, in lower case, since IAM ignores case.
    patterns: the actions with wildcards, in glob form. resources: none in a trust policy, which is about its own role.
    not_actions, not_resources, not_principals: the statement has NotAction, NotResource, NotPrincipal. principals: None
    in an identity policy. source: the statement as it was written.
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
    # Resource -> whether the statement covers it: a run asks for the same few. None if its resources have variables.
    _covered: dict[str, bool] | None = field(default=None, repr=False)

    @property
    def written_actions(self) -> tuple[str, ...]:
        """Action or NotAction, as written."""
        return _listed(self.source.get("Action", self.source.get("NotAction", ())))

    @property
    def written_resources(self) -> tuple[str, ...]:
        """Resource or NotResource, as written; none in a trust policy."""
        return _listed(self.source.get("Resource", self.source.get("NotResource", ())))

    def about(self, action: str) -> bool:
        """Whether the statement is about an action, given in lower case."""
        return (action in self.actions or any(glob(pattern, action) for pattern in self.patterns)) != self.not_actions

    def covers(self, resource: str, parts: list[str], context: Context) -> bool:
        """Whether the statement covers a resource. parts: ``resource.split(":", 5)``."""
        if not self.resources:
            return True
        remembered = self._covered
        if remembered is None:
            return self._covers(resource, parts, context)
        covered = remembered.get(resource)
        if covered is None:
            if len(remembered) >= _REMEMBERED_RESOURCES:
                remembered.clear()
            covered = remembered[resource] = self._covers(resource, parts, context)
        return covered

    def _covers(self, resource: str, parts: list[str], context: Context) -> bool:
        return any(pattern.fits(resource, parts, context) for pattern in self.resources) != self.not_resources

    def covers_some_resource(self) -> bool:
        """Whether the statement applies to a resource that is not known: an Allow if it covers any, a Deny if all."""
        if not self.resources:
            return True
        everything = any(pattern.whole.ready == STAR for pattern in self.resources)
        if self.effect == "Deny":
            return everything and not self.not_resources
        return not (everything and self.not_resources)

    def conditions_hold(self, context: Context) -> bool:
        """Whether the request fulfils every condition."""
        return all(condition.holds(context) for condition in self.conditions)


@dataclass(frozen=True, slots=True, eq=False)
class Policy:
    """A compiled policy. name: a managed policy's ARN or an inline policy's name, which decisions quote."""

    name: str
    statements: tuple[Statement, ...]
    version: str = _VERSIONS[0]
    _by_action: dict[str, tuple[Statement, ...]] = field(default_factory=dict, repr=False)

    def document(self) -> dict[str, Any]:
        """The policy as it was written, without its Id."""
        return {"Version": self.version, "Statement": [dict(statement.source) for statement in self.statements]}

    def about(self, action: str) -> tuple[Statement, ...]:
        """The statements about an action, given in lower case."""
        statements = self._by_action.get(action)
        if statements is None:
            if len(self._by_action) >= _REMEMBERED_ACTIONS:
                self._by_action.clear()
            statements = tuple(statement for statement in self.statements if statement.about(action))
            self._by_action[action] = statements
        return statements


def parse_policy(name: str, document: str | Mapping[str, Any], attachment: Attachment = "identity") -> Policy:
    """Parses a policy, given as JSON text or object. Raises MalformedPolicy with the place of the fault."""
    if not isinstance(document, str):
        return _parse(name, document, attachment)
    return (_parse_cached if len(document) <= _LONGEST_CACHED else _parse_text)(name, document, attachment)


def _parse_text(name: str, text: str, attachment: Attachment) -> Policy:
    try:
        document = json.loads(text, parse_constant=_refuse_constant, object_pairs_hook=_unique_keys)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno} column {error.colno}"
        raise MalformedPolicy(f"policy {name} is not valid JSON at {where}: {error.msg}") from None
    except ValueError as error:  # a number of thousands of digits
        raise MalformedPolicy(f"policy {name} is not valid JSON: {error}") from None
    except RecursionError:
        raise MalformedPolicy(f"policy {name} is not valid JSON: it is nested too deeply") from None
    return _parse(name, document, attachment)


def _refuse_constant(word: str) -> Any:
    raise ValueError(f"{word} is not a value")


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {twice!r} is there twice")
    return members


_parse_cached = lru_cache(512)(_parse_text)


def _parse(name: str, document: Any, attachment: Attachment) -> Policy:
    if not isinstance(document, Mapping) or "Statement" not in document:
        raise MalformedPolicy(f"policy {name} must be an object with a Statement")
    for key in document:
        if key not in _ELEMENTS:
            raise MalformedPolicy(f"policy {name}: {shown(str(key))} is not an element of a policy")
    version = document.get("Version", _VERSIONS[1])
    if version not in _VERSIONS:
        raise MalformedPolicy(f"policy {name}: Version must be {' or '.join(_VERSIONS)}, not {shown(str(version))}")
    statements = document["Statement"]
    if isinstance(statements, Mapping):
        statements = [statements]
    if not isinstance(statements, Sequence) or isinstance(statements, str):
        raise MalformedPolicy(f"policy {name}: Statement must be an object or a list of objects")
    sids: set[str] = set()
    parsed = []
    for index, item in enumerate(statements):
        where = f"policy {name}, Statement[{index}]"
        try:
            statement = _statement(where, index, item, attachment, variables=version == _VERSIONS[0])
        except MalformedPolicy:
            raise
        except ValueError as error:
            raise MalformedPolicy(str(error)) from None
        if statement.sid and statement.sid in sids:
            raise MalformedPolicy(f"{where}: Sid {statement.sid!r} is there twice")
        sids.add(statement.sid)
        parsed.append(statement)
    return Policy(name, tuple(parsed), version)


def _statement(where: str, index: int, item: Any, attachment: Attachment, *, variables: bool) -> Statement:
    if not isinstance(item, Mapping):
        raise MalformedPolicy(f"{where} must be an object")
    for key in item:
        if key not in _PARTS:
            raise MalformedPolicy(f"{where}: {shown(str(key))} is not an element of a statement")
    effect = item.get("Effect")
    if effect not in ("Allow", "Deny"):
        raise MalformedPolicy(f"{where}: Effect must be Allow or Deny, not {shown(str(effect))}")
    sid = item.get("Sid", "")
    if not isinstance(sid, str) or (attachment == "identity" and not _SID.fullmatch(sid)):
        raise MalformedPolicy(f"{where}: Sid must be letters and digits, not {shown(str(sid))}")
    actions = _actions(where, item)
    resources = _resources(where, item, attachment, variables=variables)
    return Statement(
        effect=effect,
        index=index,
        sid=sid,
        actions=frozenset(action for action in actions if "*" not in action and "?" not in action),
        patterns=tuple(action.translate(_WILD) for action in actions if "*" in action or "?" in action),
        not_actions="NotAction" in item,
        resources=resources,
        not_resources="NotResource" in item,
        principals=_principals(where, item, attachment),
        not_principals="NotPrincipal" in item,
        conditions=parse_conditions(where, item.get("Condition", {}), variables=variables),
        source=item,
        _covered=None if any(pattern.keys for pattern in resources) else {},
    )


def _actions(where: str, item: Mapping[str, Any]) -> list[str]:
    element = _either(where, item, "Action", "NotAction")
    actions = _strings(where, element, item[element])
    for action in actions:
        if action != "*" and not _ACTION.fullmatch(action):
            raise MalformedPolicy(
                f"{where}: {element} {shown(action)} must be like s3:GetObject: a service's prefix and a name"
            )
    return [action.lower() for action in actions]


def _resources(
    where: str, item: Mapping[str, Any], attachment: Attachment, *, variables: bool
) -> tuple[ArnPattern, ...]:
    if attachment == "trust":
        if "Resource" in item or "NotResource" in item:
            raise MalformedPolicy(f"{where}: a trust policy has no Resource; it speaks of its own role")
        return ()
    element = _either(where, item, "Resource", "NotResource")
    resources = _strings(where, element, item[element])
    for resource in resources:
        if not resource.startswith(("arn:", "*", "${")):
            raise MalformedPolicy(f'{where}: {element} {shown(resource)} must be an ARN or "*"')
    return tuple(arn_pattern(resource, variables=variables, complete=True) for resource in resources)


def _principals(where: str, item: Mapping[str, Any], attachment: Attachment) -> Principals | None:
    if attachment == "identity":
        if "Principal" in item or "NotPrincipal" in item:
            raise MalformedPolicy(f"{where}: an identity policy has no Principal; it speaks of whom it is attached to")
        return None
    element = _either(where, item, "Principal", "NotPrincipal")
    if element == "NotPrincipal" and item.get("Effect") == "Allow":
        raise MalformedPolicy(f"{where}: Allow with NotPrincipal is not supported")
    return parse_principals(f"{where}: {element}", item[element])


def _either(where: str, item: Mapping[str, Any], element: str, negated: str) -> str:
    """Which of two elements a statement has. Raises MalformedPolicy if it has both or none."""
    if (element in item) == (negated in item):
        raise MalformedPolicy(f"{where} must have either {element} or {negated}")
    return element if element in item else negated


def _strings(where: str, element: str, value: Any) -> tuple[str, ...]:
    values = (value,) if isinstance(value, str) else value
    if isinstance(values, list) and any(isinstance(text, str) for text in values):
        values = [text for text in values if text is not None]  # IAM takes null beside others, and ignores it
    if not isinstance(values, Sequence) or not values or not all(isinstance(text, str) for text in values):
        raise MalformedPolicy(f"{where}: {element} must be a string or a list of strings")
    return tuple(values)
