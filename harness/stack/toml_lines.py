"""Where a key stands in a TOML text: tomllib keeps no positions, and an error without a line is half an error."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence

_HEADER = re.compile(r"^\s*\[\[?\s*(?P<key>[^\[\]]+?)\s*\]\]?\s*(#.*)?$")
_PAIR = re.compile(
    r"""^\s*(?P<key>(?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*'))*)\s*="""
)


class TomlLines:
    """Line numbers (from 1) of tables and keys, by their path."""

    def __init__(self, text: str) -> None:
        self._lines: dict[tuple[str, ...], int] = {}
        table: tuple[str, ...] = ()
        for number, line in enumerate(text.splitlines(), 1):
            if header := _HEADER.match(line):
                table = _path(header["key"])
                self._lines.setdefault(table, number)
            elif pair := _PAIR.match(line):
                self._lines.setdefault(table + _path(pair["key"]), number)

    def line(self, place: Sequence[str | int]) -> int:
        """The line of the key at ``place``, or of the nearest table around it (1 for the file itself)."""
        keys = tuple(part for part in place if isinstance(part, str))
        for length in range(len(keys), 0, -1):
            if keys[:length] in self._lines:
                return self._lines[keys[:length]]
        return 1


def _path(key: str) -> tuple[str, ...]:
    try:
        node = tomllib.loads(f"{key} = 0")
    except (ValueError, RecursionError):
        return (key,)
    path: list[str] = []
    while isinstance(node, dict):
        (name, node), *_ = node.items()
        path.append(name)
    return tuple(path)
