"""Inputs for parsers: noise, and valid examples changed in one place to values that parsers often fail on."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

DEEP = 100_000
"""Levels of nesting: more than any recursive parser can read."""
_LONG_NUMBER = "9" * 5000
"""More digits than Python converts to a number."""

# What takes the place of a value in JSON. A text with lone surrogates is valid JSON and no valid UTF-8.
_VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2**31, 2**63, 1e308, 1.5, "", "x", "a\0b", "\ud800", "x" * 5000, "../../x", "é\u2028",
    [], {}, [[]], [None], {"": None}, {"a": {"b": [1]}}, float("nan"), float("inf"), -float("inf"),
)  # fmt: skip
# What takes the place of a stretch of text in anything.
_STRETCHES = (
    b"", b"\0", b"\xff\xfe", b"\n", b"\r", b" ", b'"', b"'", b"\\", b"-1", b"0", b"1e999", b"nan", b"inf", b"null",
    b"[", b"]", b"{", b"}", b"(", b")", b"=", b":", b",", b"/", b"..", b"%", b"*", b"?", b"${", b"#", b"[" * DEEP,
    b'{"a":' * DEEP, b"(" * 2000, b"*" * 2000, _LONG_NUMBER.encode(), "\u0660\u00b2\u2028".encode(), b"x" * 5000,
)  # fmt: skip


@st.composite
def bent_text(draw: st.DrawFn, examples: Sequence[bytes]) -> bytes:
    """An example with one to three parts replaced."""
    content = draw(st.sampled_from(examples))
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(content)))
        length = draw(st.sampled_from((0, 1, 1, 2, 8, len(content))))
        new = draw(st.one_of(st.sampled_from(_STRETCHES), st.binary(max_size=8)))
        content = content[:start] + new + content[start + length :]
    return content


@st.composite
def bent_json(draw: st.DrawFn, examples: Sequence[bytes]) -> bytes:
    """An example's document with one value replaced, removed or doubled."""
    document = json.loads(draw(st.sampled_from(examples)))
    places = list(_places(document))
    place = draw(st.sampled_from(places))
    new = draw(st.sampled_from(_VALUES))
    if not place:
        return json.dumps(new).encode()
    holder = document
    for step in place[:-1]:
        holder = holder[step]
    how = draw(st.sampled_from(("replace", "replace", "remove", "add")))
    if how == "remove":
        del holder[place[-1]]
    elif how == "add" and isinstance(holder, dict):
        holder["Unknown"] = new
    elif how == "add":
        holder.insert(place[-1], new)
    else:
        holder[place[-1]] = new
    return json.dumps(document).encode()


def _places(node: Any, at: tuple[Any, ...] = ()) -> Any:
    yield at
    steps = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for step, below in steps:
        yield from _places(below, (*at, step))


@st.composite
def bent_toml(draw: st.DrawFn, examples: Sequence[bytes]) -> bytes:
    """An example with the value of one key replaced, or the key renamed."""
    lines = draw(st.sampled_from(examples)).decode().splitlines()
    pairs = [number for number, line in enumerate(lines) if " = " in line]
    number = draw(st.sampled_from(pairs))
    key, _, value = lines[number].partition(" = ")
    if draw(st.integers(0, 4)) == 0:
        key = draw(st.sampled_from(("unknown", '""', '"a.b"', "a.b", f"{key}.x", "'\u2028'")))
    else:
        value = draw(st.sampled_from(_TOML_VALUES))
    lines[number] = f"{key} = {value}"
    return "\n".join(lines).encode()


_TOML_VALUES = (
    "1", "-1", "0", "1e400", "nan", "-inf", "true", '""', '"x"', '"\\u0000"', '"../.."', "[]", "{}", "[[]]", '[""]',
    '["\\u0000"]', "1979-05-27", "1979-05-27T07:32:00Z", "07:32:00", _LONG_NUMBER, "[" * 2000 + "]" * 2000,
    f'"{"x" * 5000}"', "0xffffffffffffffffffff", '{ a = { b = "c" } }', '"s3://"', '"s3://x/y"', '"~"',
)  # fmt: skip


def noise(alphabet: str = "") -> st.SearchStrategy[bytes]:
    """Any bytes, and texts of characters that the parser treats specially."""
    texts = st.text(st.sampled_from(alphabet), max_size=40) if alphabet else st.text(max_size=40)
    return st.one_of(st.binary(max_size=60), texts.map(lambda text: text.encode("utf-8", "surrogatepass")))
