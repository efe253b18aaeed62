"""IAM's wildcards ``*`` and ``?``, matched in bounded time, and patterns with policy variables.

A pattern in *glob form* has STAR and ANY as its wildcards, and every other character stands for itself. So a star that
is a variable's value, or was written ``${*}``, is not a wildcard.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

Context = Mapping[str, tuple[str, ...]]
"""A request's condition keys in lower case, each with its values."""

STAR, ANY = "\ufdd0", "\ufdd1"  # noncharacters, which no ARN, action or value has
_WILD = str.maketrans({"*": STAR, "?": ANY})
_TAME = str.maketrans({STAR: "\ufffd", ANY: "\ufffd"})  # so that a request cannot send wildcards
_VARIABLE = re.compile(r"\$\{([^{}]*)\}")
_DEFAULT = re.compile(r"\s*([^,]*?)\s*,\s*'([^']*)'\s*")
_ESCAPED = {"*": "*", "?": "?", "$": "$"}


def matches(pattern: str, text: str) -> bool:
    """Whether ``text`` fits ``pattern``: ``*`` stands for any run of characters, ``?`` for any one.

    Source: IAM user guide, Resource element.
    """
    return glob(pattern.translate(_WILD), text)


def glob(pattern: str, text: str) -> bool:
    """Does the same for a pattern in glob form. Takes at most the pattern's length times the text's length."""
    if STAR not in pattern:
        if ANY not in pattern:
            return pattern == text
        return len(pattern) == len(text) and _find(pattern, text, 0, len(text)) == 0
    first, *middle, last = pattern.split(STAR)
    if not middle and ANY not in pattern:
        return len(first) + len(last) <= len(text) and text.startswith(first) and text.endswith(last)
    end = len(text) - len(last)
    at = len(first)
    if at > end or _find(first, text, 0, at) != 0 or _find(last, text, end, len(text)) != end:
        return False
    for part in middle:
        at = _find(part, text, at, end)
        if at < 0:
            return False
        at += len(part)
    return True


def _find(part: str, text: str, at: int, end: int) -> int:
    """Where a part without STAR begins in ``text[at:end]``; -1 if nowhere."""
    if ANY not in part:
        return text.find(part, at, end)
    match = _regex(part).search(text, at, end)
    return match.start() if match else -1


@lru_cache(1024)
def _regex(part: str) -> re.Pattern[str]:
    # It has literal characters and dots only, so it cannot backtrack.
    return re.compile(re.escape(part).replace(ANY, "."), re.DOTALL)


@dataclass(frozen=True, slots=True)
class Variable:
    """A policy variable: a condition key in lower case, and the default for a request without a value."""

    key: str
    default: str | None


@dataclass(frozen=True, slots=True)
class Template:
    """A string of a policy. ready: the text, if it has no variables; else None, and pieces make it up."""

    pieces: tuple[str | Variable, ...]
    ready: str | None

    @property
    def keys(self) -> tuple[str, ...]:
        """The condition keys of its variables."""
        return tuple(piece.key for piece in self.pieces if isinstance(piece, Variable))

    def text(self, context: Context) -> str | None:
        """The text with its variables filled in; None, which fits nothing, if one has no value or default."""
        if self.ready is not None:
            return self.ready
        filled = []
        for piece in self.pieces:
            if isinstance(piece, str):
                filled.append(piece)
                continue
            values = context.get(piece.key, ())
            value = values[0] if len(values) == 1 else piece.default
            if value is None:
                return None
            filled.append(value.translate(_TAME))
        return "".join(filled)


def template(text: str, *, variables: bool, wild: bool) -> Template:
    """Compiles a string of a policy.

    variables: the policy's version has variables (2012-10-17 has). wild: ``*`` and ``?`` are wildcards here.

    Source: IAM user guide, policy variables.
    """

    if not variables or "${" not in text:
        return _plain(text, wild=wild)

    def literal(part: str) -> str:
        return part.translate(_WILD) if wild else part

    pieces: list[str | Variable] = []
    for index, part in enumerate(_VARIABLE.split(text)):
        if index % 2 == 0:
            pieces.append(literal(part))
        elif part in _ESCAPED:
            pieces.append(part)
        elif match := _DEFAULT.fullmatch(part):
            pieces.append(Variable(match[1].lower(), match[2]))
        else:
            pieces.append(Variable(part.strip().lower(), None))
    if all(isinstance(piece, str) for piece in pieces):
        return Template((), "".join(str(piece) for piece in pieces))
    return Template(tuple(pieces), None)


@lru_cache(1024)  # most parts of most ARNs are the same few
def _plain(text: str, *, wild: bool) -> Template:
    return Template((), text.translate(_WILD) if wild else text)


@dataclass(frozen=True, slots=True)
class ArnPattern:
    """A pattern for ARNs, compared part by part. The sixth part is the resource, with any colons in it.

    A star stays within its part, and parts that are missing at the end count as stars (IAM user guide, Resource
    element). A text that is not an ARN is compared with the whole pattern.

    is_arn: the pattern has parts. literal, wild: place (0 to 5) and text of the parts without and with wildcards; parts
    that are only a star are left out. Both begin with the resource, which differs most often.
    """

    whole: Template
    is_arn: bool
    literal: tuple[tuple[int, str], ...] = ()
    wild: tuple[tuple[int, Template], ...] = ()

    @property
    def keys(self) -> tuple[str, ...]:
        return self.whole.keys

    def fits(self, text: str, split: list[str], context: Context) -> bool:
        """text: the ARN; split: its parts, ``text.split(":", 5)``."""
        if not self.is_arn or len(split) != 6:
            whole = self.whole.text(context)
            return whole is not None and (whole == STAR or glob(whole, text))
        for place, literal in self.literal:
            if split[place] != literal:
                return False
        for place, part in self.wild:
            pattern = part.ready if part.ready is not None else part.text(context)
            if pattern is None or not glob(pattern, split[place]):
                return False
        return True


def arn_pattern(text: str, *, variables: bool, complete: bool) -> ArnPattern:
    """Compiles a pattern for ARNs.

    complete: missing parts count as stars, as in the Resource element; otherwise a pattern without all six fits no ARN.
    """
    whole = template(text, variables=variables, wild=True)
    parts: list[str] = _split(text) if text.startswith("arn:") else []
    if not parts or (len(parts) < 6 and not complete):
        return ArnPattern(whole, False)
    places = [(place, template(part, variables=variables, wild=True)) for place, part in enumerate(parts)]
    places.reverse()
    return ArnPattern(
        whole,
        True,
        tuple((place, part.ready) for place, part in places if part.ready is not None and _is_literal(part.ready)),
        tuple(
            (place, part)
            for place, part in places
            if part.ready is None or not (part.ready == STAR or _is_literal(part.ready))
        ),
    )


def _is_literal(pattern: str) -> bool:
    return STAR not in pattern and ANY not in pattern


def _split(text: str) -> list[str]:
    """An ARN pattern's parts; a colon within ``${...}`` is not a separator."""
    if "${" not in text:
        return text.split(":", 5)
    parts: list[str] = []
    start = inside = 0
    for index, char in enumerate(text):
        if char == "{" and index and text[index - 1] == "$":
            inside += 1
        elif char == "}" and inside:
            inside -= 1
        elif char == ":" and not inside and len(parts) < 5:
            parts.append(text[start:index])
            start = index + 1
    return [*parts, text[start:]]
