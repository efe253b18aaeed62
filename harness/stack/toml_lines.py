"""Finds the line of a key in a TOML text, for error messages: tomllib keeps no positions."""

from __future__ import annotations

import re
import tomllib

KeyPath = tuple[str | int, ...]
"""A key of a TOML document, with those of the tables and the indices of the lists around it."""

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

    def line(self, key: KeyPath) -> int:
        """The line of a key, or of the nearest table around it if the key is not there (1 for the file itself)."""
        names = tuple(part for part in key if isinstance(part, str))
        for length in range(len(names), 0, -1):
            if names[:length] in self._lines:
                return self._lines[names[:length]]
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
