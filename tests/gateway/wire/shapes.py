"""hypothesis strategies that draw members for a botocore shape."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StructureShape
from hypothesis import strategies as st

_MOMENTS = st.datetimes(datetime(2000, 1, 1), datetime(2040, 1, 1)).map(
    lambda moment: moment.replace(microsecond=0, tzinfo=UTC)
)


def values(shape: Shape, depth: int = 0, *, header: bool = False) -> st.SearchStrategy[Any]:
    """Values that botocore's own validation accepts; in a header only what survives one."""
    if isinstance(shape, StructureShape):
        return members(shape, depth)
    if isinstance(shape, ListShape):
        return st.lists(values(shape.member, depth + 1), min_size=1, max_size=2)
    if isinstance(shape, MapShape):
        return st.dictionaries(_text(header), values(shape.value, depth + 1), min_size=1, max_size=2)
    if shape.type_name in ("integer", "long"):
        return st.integers(shape.metadata.get("min", -1000), shape.metadata.get("max", 1000))
    if shape.type_name in ("float", "double"):
        return st.integers(0, 1000).map(float)
    if shape.type_name == "boolean":
        return st.booleans()
    if shape.type_name == "blob":
        return st.binary(max_size=40)
    if shape.type_name == "timestamp":
        return _MOMENTS
    return _text(header)


def members(shape: StructureShape, depth: int = 0) -> st.SearchStrategy[dict[str, Any]]:
    if getattr(shape, "is_document_type", False) or depth > 3:
        return st.just({})
    required, optional = {}, {}
    for name, inner in shape.members.items():
        if inner.type_name == "structure" and getattr(inner, "is_document_type", False):
            continue
        if getattr(inner, "serialization", {}).get("eventstream"):
            continue
        located = inner.serialization.get("location")
        drawn = values(inner, depth + 1, header=located is not None)
        (required if name in shape.required_members else optional)[name] = drawn
    return st.fixed_dictionaries(required, optional=optional)


def _text(header: bool) -> st.SearchStrategy[str]:
    if header:
        return st.text("abcXYZ019-_", min_size=1, max_size=12)
    return st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), min_size=1, max_size=12)
