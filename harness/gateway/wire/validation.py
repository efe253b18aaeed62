"""The model's constraints, refused with AWS's own sentences.

Wording as printed in public logs: ``1 validation error detected: Value 'a b' at 'endpointName' failed to satisfy
constraint: Member must satisfy regular expression pattern: ...``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StructureShape

from harness.errors import AwsError

# A value longer than this is quoted only in part: a 6 MB body does not come back in its own error.
_QUOTED_CHARACTERS = 256


def validate(shape: StructureShape | None, request: dict[str, Any], code: str = "ValidationException") -> None:
    """Raises AwsError ``code`` listing every member of the request that breaks the model's constraints."""
    if shape is None:
        return
    problems = list(_problems(shape, request, ""))
    if problems:
        count = f"{len(problems)} validation error{'s' if len(problems) > 1 else ''} detected: "
        raise AwsError(code, count + "; ".join(problems))


def _problems(shape: Shape, value: Any, where: str) -> Iterator[str]:
    if isinstance(shape, StructureShape):
        if getattr(shape, "is_document_type", False):
            return
        for name in shape.required_members:
            if value.get(name) is None:
                yield f"Value null at '{_join(where, name)}' failed to satisfy constraint: Member must not be null"
        for name, inner in value.items():
            if inner is not None:
                yield from _problems(shape.members[name], inner, _join(where, name))
        return
    limit = _broken_limit(shape, value)
    if limit:
        yield f"Value {_quote(value)} at '{where}' failed to satisfy constraint: Member must {limit}"
    elif isinstance(shape, ListShape):
        for index, item in enumerate(value, 1):
            yield from _problems(shape.member, item, f"{where}.{index}.member")
    elif isinstance(shape, MapShape):
        for key, item in value.items():
            yield from _problems(shape.value, item, f"{where}.{key}")


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
            return f"satisfy enum value set: [{', '.join(allowed)}]"
        pattern = shape.metadata.get("pattern")
        compiled = _compile(pattern) if pattern else None
        if compiled and not compiled.fullmatch(value):
            return f"satisfy regular expression pattern: {pattern}"
    return None


@cache
def _compile(pattern: str) -> re.Pattern[str] | None:
    try:
        return re.compile(pattern)
    except re.error:
        # A few models use Java's \p{...} classes, which Python's re does not know: those go unchecked.
        return None


def _join(where: str, member: str) -> str:
    name = member[0].lower() + member[1:]
    return f"{where}.{name}" if where else name


def _quote(value: Any) -> str:
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
    return f"'{text if len(text) <= _QUOTED_CHARACTERS else text[:_QUOTED_CHARACTERS] + '...'}'"
