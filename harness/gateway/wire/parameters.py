"""Reads query strings and forms (``application/x-www-form-urlencoded``); what is doubled or malformed is refused.

Two programs that read a lenient form differ in which of two values counts. Here no such form is read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from urllib.parse import quote, unquote_to_bytes

from harness.core.errors import AwsError, shown

# A percent sign that begins no escape.
_BROKEN_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
# IAM's common errors have this code for a malformed query string; the sentences are ours.
_CODE = "InvalidQueryParameter"

Pairs = tuple[tuple[str, str], ...]


def unescape(text: str, *, plus: bool = False) -> str:
    """The text without its percent escapes. plus: whether ``+`` is a space, as in forms.

    Raises ValueError for a broken escape, for bytes that are not UTF-8, and for a character that is not ASCII.
    """
    if not text.isascii():
        raise ValueError("not ASCII")
    if plus:
        text = text.replace("+", " ")
    if "%" not in text:
        return text
    if _BROKEN_ESCAPE.search(text):
        raise ValueError("a broken escape")
    return unquote_to_bytes(text).decode("utf-8")


@lru_cache(1024)
def pairs(text: str) -> Pairs:
    """Names and values in their order. Raises AwsError InvalidQueryParameter for a text that is malformed."""
    parsed = []
    for part in text.split("&"):
        name, _, value = part.partition("=")
        if part:
            try:
                parsed.append((unescape(name, plus=True), unescape(value, plus=True)))
            except ValueError:
                raise AwsError(_CODE, f"{shown(part)} is not percent-encoded UTF-8.") from None
    return tuple(parsed)


def single_values(given: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Value by name. Raises AwsError InvalidQueryParameter for a name that occurs twice, whatever its values are."""
    values: dict[str, str] = {}
    for name, value in given:
        if name in values:
            raise AwsError(_CODE, f"The parameter {shown(name)} is given more than once.")
        values[name] = value
    return values


def form_pairs(form: bytes) -> Pairs:
    """The fields of a form. Raises AwsError InvalidQueryParameter."""
    try:
        text = form.decode("ascii")
    except UnicodeDecodeError:
        raise AwsError(_CODE, "The form in the body is not percent-encoded UTF-8.") from None
    return pairs.__wrapped__(text)  # forms may be large: they are not kept


def write(given: Iterable[tuple[str, str]]) -> str:
    """The pairs as a query string. A value that is empty is left out with its ``=``, as in S3's ``?acl``."""
    return "&".join(
        f"{quote(name, safe='-._~')}={quote(value, safe='-._~')}" if value else quote(name, safe="-._~")
        for name, value in given
    )


def write_form(given: Iterable[tuple[str, object]]) -> bytes:
    """The pairs as a form."""
    return "&".join(f"{quote(name, safe='-._~')}={quote(str(value), safe='-._~')}" for name, value in given).encode()
