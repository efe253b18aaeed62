"""Removes secrets from what is written down about a run."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit, urlunsplit

HIDDEN = "***"
_SECRET = re.compile(r"secret|passw|token|credential|api[-_]?key|access[-_]?key|private", re.IGNORECASE)


def without_secrets(value: Any, key: str = "") -> Any:
    """The settings with each value replaced whose key names a secret, at any depth, and with no users in URLs."""
    if isinstance(value, dict):
        return {name: without_secrets(member, str(name)) for name, member in value.items()}
    if isinstance(value, list | tuple):
        return [without_secrets(member, key) for member in value]
    if _SECRET.search(key) and value not in (None, ""):
        return HIDDEN
    return _without_user(value) if isinstance(value, str) else value


def command_without_secrets(arguments: Sequence[str]) -> list[str]:
    """A command line with the values of options such as --api-key replaced."""
    out: list[str] = []
    hide_next = False
    for argument in arguments:
        flag, equals, value = argument.partition("=")
        if hide_next and not argument.startswith("-"):
            out.append(HIDDEN)
        elif argument.startswith("-") and equals:
            out.append(f"{flag}={without_secrets(value, flag)}")
        else:
            out.append(_without_user(argument))
        hide_next = argument.startswith("-") and not equals and _SECRET.search(flag) is not None
    return out


def _without_user(text: str) -> str:
    if "@" not in text or "://" not in text:
        return text
    try:
        parts = urlsplit(text)
    except ValueError:
        return text
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
