"""Reads a stack file (TOML) and checks all of it before anything is deployed.

Each problem is one line that says the file, the line, what is wrong and what is allowed.
"""

from __future__ import annotations

import difflib
import json
import math
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from harness.core.errors import HarnessError
from harness.stack.checks import Problem, stack_problems
from harness.stack.tables import LOCAL_SETTINGS_ERROR, Stack
from harness.stack.toml_lines import KeyPath, TomlLines

# Characters of a problem, of its key and of a wrong value in it, that somebody reads to the end.
_LONGEST_PROBLEM, _LONGEST_KEY, _LONGEST_VALUE = 380, 120, 100


def load_stack(file: Path) -> Stack:
    """Reads and checks a stack file. Raises HarnessError with a line for each problem."""
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise HarnessError(f"Cannot read the stack file {file}: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise HarnessError(f"The stack file {file} is not UTF-8 text.") from None
    try:
        document = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # of tomllib: also a number of thousands of digits
        raise HarnessError(f"{_not_toml(file, str(error))}\nNothing was deployed.") from None
    lines = TomlLines(text)
    try:
        problems = list(_with_nul(document))
        stack = Stack.model_validate(document, context={"folder": file.resolve().parent})
    except ValidationError as error:
        problems += [problem for details in error.errors(include_url=False) for problem in _problems(details)]
    else:
        stack._folder = file.resolve().parent
        problems = problems or list(stack_problems(stack))
    if problems:
        listing = "\n".join(
            f"{file}:{lines.line(key)}: {_cut(f'{_dotted(key)}: {what}', _LONGEST_PROBLEM)}" for key, what in problems
        )
        raise HarnessError(f"{listing}\nNothing was deployed.")
    return stack


def _not_toml(file: Path, error: str) -> str:
    """tomllib's sentence, with its line in front as every other problem has it."""
    match = re.fullmatch(r"(?P<what>.*) \(at line (?P<line>\d+), column (?P<column>\d+)\)", error)
    if not match:
        return f"{file}: not valid TOML: {error}."
    return f"{file}:{match['line']}: not valid TOML: {match['what']} at column {match['column']}."


def _dotted(key: KeyPath) -> str:
    return _cut(".".join(map(str, key)), _LONGEST_KEY)


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def _with_nul(node: Any, key: KeyPath = ()) -> Iterator[Problem]:
    """Texts that contain a NUL, which neither a file's name nor a name on AWS can have."""
    if isinstance(node, str) and "\0" in node:
        yield key, "must not contain the character NUL"
    pairs = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for step, child in pairs:
        yield from _with_nul(step, (*key, step)) if isinstance(step, str) else ()
        yield from _with_nul(child, (*key, step))


def _problems(details: Any) -> Iterator[Problem]:
    """The problems of one pydantic error: usually one, but [local] reports all of its own in one error."""
    if details["type"] == LOCAL_SETTINGS_ERROR:
        yield from (((*details["loc"], *key), text) for key, text in details["ctx"]["problems"])
    else:
        yield _problem(details)


def _problem(details: Any) -> Problem:
    """One pydantic error as a sentence that says what is allowed."""
    key: KeyPath = tuple(part for part in details["loc"] if part != "[key]")
    kind, context = details["type"], details.get("ctx", {})
    if kind == "extra_forbidden":
        allowed = _allowed_keys(key[:-1])
        close = difflib.get_close_matches(str(key[-1]), allowed, 1)
        hint = f"did you mean {close[0]}? " if close else ""
        return key, f"unknown key; {hint}allowed here: {', '.join(allowed)}"
    if kind == "missing":
        return key, "this key is required and missing"
    if kind == "path_type":
        return key, "must be a path, as a string"
    value = _cut(json.dumps(details.get("input"), default=str), _LONGEST_VALUE)
    if kind == "literal_error":
        return key, f"must be {context['expected']}, not {value}"
    if kind == "less_than" and context["lt"] == math.inf:
        return key, f"must be a finite number, not {value}"
    message = str(details["msg"])
    return key, f"{message[0].lower()}{message[1:]}, not {value}"


def _allowed_keys(table_key: KeyPath) -> list[str]:
    """The keys that a table may have, by the annotations of the models."""
    table: Any = Stack
    for part in table_key:
        if not _is_table(table):
            break
        field = table.model_fields.get(str(part))
        if field is None:
            continue  # the name of a role, model or variant: the table below it is the dict's value, already taken
        types = (field.annotation, *getattr(field.annotation, "__args__", ()))
        table = next(filter(_is_table, types), None)
    return sorted(table.model_fields) if _is_table(table) else []


def _is_table(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)
