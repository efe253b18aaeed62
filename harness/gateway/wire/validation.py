"""Checks a request against the constraints of botocore's model, and refuses it with AWS's own sentences.

Wording as printed in public logs: ``1 validation error detected: Value 'a b' at 'endpointName' failed to satisfy
constraint: Member must satisfy regular expression pattern: ...``. For a list or a map of plain values AWS names every
constraint at once. Sensitive values are not quoted (recorded answers of Lambda). IAM quotes no value and lists no
enumeration: ``Value at 'status' failed to satisfy constraint: Member must satisfy enum value set`` (recorded answers).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StringShape, StructureShape

from harness.core.errors import AwsError

# Characters of a value that an error quotes: a 6 MB body does not come back in its own error.
_QUOTED_CHARACTERS = 256

_PATTERN = "satisfy regular expression pattern"
_ENUM = "satisfy enum value set"
_ENUM_VALUES = re.compile(rf"{_ENUM}: \[[^\]]*\]")
# The classes of Unicode's characters that the models' patterns have, and Python's have not. _as_ascii() goes with them.
_CATEGORY = re.compile(r"\\p\{([A-Z][a-z]?)\}")
_CATEGORIES = {"L": "A-Za-z", "N": "0-9", "Z": " "}

# Members, by name and shape, that the service checks itself, with another error: a function's runtime.
_LEFT_TO_THE_SERVICE = frozenset({("Runtime", "Runtime")})


def validate(
    shape: StructureShape | None,
    request: dict[str, Any],
    code: str = "ValidationException",
    *,
    quotes: bool = True,
    sentences: Mapping[str, str] | None = None,
) -> None:
    """Raises AwsError ``code`` that lists every member of the request that breaks a constraint.

    quotes: whether the error has the values, and those that an enumeration has. sentences: by a pattern of the model,
    the service's own sentence, which it says when nothing else is wrong; ``{}`` stands for the member.
    """
    if shape is None:
        return
    broken = list(_problems(shape, request, ""))
    own = [sentence for problem in broken if (sentence := problem.own_sentence(sentences or {}))]
    if own and len(own) == len(broken):
        raise AwsError(code, own[0])
    problems = [problem.sentence(quotes=quotes) for problem in broken]
    if problems:
        count = f"{len(problems)} validation error{'s' if len(problems) > 1 else ''} detected: "
        raise AwsError(code, count + "; ".join(problems))


@dataclass(frozen=True, slots=True)
class _Problem:
    """A value that breaks a constraint. quoted: it with a space before it, "" for a sensitive one. where: its path."""

    quoted: str
    where: str
    constraint: str

    def own_sentence(self, sentences: Mapping[str, str]) -> str | None:
        """The service's own sentence about a pattern that the value does not fit."""
        template = sentences.get(self.constraint.removeprefix(f"Member must {_PATTERN}: "))
        return None if template is None else template.format(self.where.rpartition(".")[2])

    def sentence(self, *, quotes: bool) -> str:
        if quotes:
            return f"Value{self.quoted} at '{self.where}' failed to satisfy constraint: {self.constraint}"
        constraint = _ENUM_VALUES.sub(_ENUM, self.constraint)
        return f"Value at '{self.where}' failed to satisfy constraint: {constraint}"


def _problems(shape: Shape, value: Any, where: str) -> Iterator[_Problem]:
    if isinstance(shape, StructureShape):
        yield from _structure_problems(shape, value, where)
    elif limit := _broken_limit(shape, value):
        yield _problem(shape, value, where, f"Member must {limit}")
    elif isinstance(shape, ListShape):
        if not _is_plain(shape.member):
            for index, item in enumerate(value, 1):
                yield from _problems(shape.member, item, f"{where}.{index}.member")
        elif any(_broken_limit(shape.member, item) for item in value):
            limits = _all_limits(shape.member, not_null=True)
            yield _problem(shape, value, where, f"Member must satisfy constraint: {limits}")
    elif isinstance(shape, MapShape):
        yield from _map_problems(shape, value, where)


def _structure_problems(shape: StructureShape, value: Any, where: str) -> Iterator[_Problem]:
    if getattr(shape, "is_document_type", False):
        return
    for name in shape.required_members:
        if value.get(name) is None:
            yield _Problem(" null", _join(where, name), "Member must not be null")
    for name, inner in value.items():
        if inner is not None and (name, shape.members[name].name) not in _LEFT_TO_THE_SERVICE:
            yield from _problems(shape.members[name], inner, _join(where, name))


def _map_problems(shape: MapShape, value: Any, where: str) -> Iterator[_Problem]:
    if any(_broken_limit(shape.key, key) for key in value):
        limits = _all_limits(shape.key, not_null=False)
        yield _problem(shape, value, where, f"Map keys must satisfy constraint: {limits}")
    if not _is_plain(shape.value):
        for key, item in value.items():
            yield from _problems(shape.value, item, f"{where}.{key}")
    elif any(_broken_limit(shape.value, item) for item in value.values()):
        limits = _all_limits(shape.value, not_null=True)
        yield _problem(shape, value, where, f"Map value must satisfy constraint: {limits}")


def _problem(shape: Shape, value: Any, where: str, constraint: str) -> _Problem:
    return _Problem("" if shape.metadata.get("sensitive") else f" {_quote(value)}", where, constraint)


def _is_plain(shape: Shape) -> bool:
    return not isinstance(shape, StructureShape | ListShape | MapShape)


def _all_limits(shape: Shape, *, not_null: bool) -> str:
    """Every constraint on the items of a list, or on the keys or values of a map, in AWS's order."""
    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    what = "length" if isinstance(shape, StringShape) or shape.type_name == "blob" else "value"
    limits = [] if high is None else [f"have {what} less than or equal to {high}"]
    limits += [] if low is None else [f"have {what} greater than or equal to {low}"]
    if getattr(shape, "enum", None):
        limits.append(_enum(shape))
    if pattern := shape.metadata.get("pattern"):
        limits.append(f"{_PATTERN}: {pattern}")
    if not_null:
        limits.append("not be null")
    return f"[{', '.join(f'Member must {limit}' for limit in limits)}]"


def _enum(shape: Shape) -> str:
    return f"{_ENUM}: [{', '.join(shape.metadata['enum'])}]"


def _broken_limit(shape: Shape, value: Any) -> str | None:
    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    if isinstance(value, str | bytes | list | dict):
        if low is not None and len(value) < low:
            return f"have length greater than or equal to {low}"
        if high is not None and len(value) > high:
            return f"have length less than or equal to {high}"
    elif isinstance(value, int | float) and not isinstance(value, bool):
        if low is not None and value < low:
            return f"have value greater than or equal to {low}"
        if high is not None and value > high:
            return f"have value less than or equal to {high}"
    if isinstance(value, str):
        allowed = getattr(shape, "enum", None)
        if allowed and value not in allowed:
            return _enum(shape)
        pattern = shape.metadata.get("pattern")
        compiled = _compile(pattern) if pattern else None
        if compiled and not compiled.fullmatch(_as_ascii(value) if pattern and _CATEGORY.search(pattern) else value):
            return f"{_PATTERN}: {pattern}"
    return None


@cache
def _compile(pattern: str) -> re.Pattern[str] | None:
    """A pattern of Java's, whose classes such as ``\\w`` are of ASCII's characters alone."""
    try:
        return re.compile(_CATEGORY.sub(lambda match: _CATEGORIES.get(match[1], match[0]), pattern), re.ASCII)
    except re.error:
        # Something else that Python's patterns do not have. These patterns are not checked.
        return None


def _as_ascii(text: str) -> str:
    """A text in which letters, numbers and separators outside ASCII are ones of ASCII, as _CATEGORIES has them."""
    return "".join(char if char.isascii() else _representative(char) for char in text)


def _representative(char: str) -> str:
    return {"L": "a", "N": "0", "Z": " "}.get(unicodedata.category(char)[0], char)


def _join(where: str, member: str) -> str:
    name = member[0].lower() + member[1:]
    return f"{where}.{name}" if where else name


def _quote(value: Any) -> str:
    text = _java_text(value)
    return f"'{text if len(text) <= _QUOTED_CHARACTERS else text[:_QUOTED_CHARACTERS] + '...'}'"


def _java_text(value: Any) -> str:
    """The value as Java prints it, as AWS's services do."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, list):
        return f"[{', '.join(_java_text(item) for item in value)}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key}={_java_text(item)}' for key, item in value.items())}}}"
    return str(value)
