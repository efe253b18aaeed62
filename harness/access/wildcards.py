"""IAM's ``*`` and ``?``, matched in bounded time: a hostile pattern costs at most its length times the text's."""

from __future__ import annotations


def matches(pattern: str, text: str) -> bool:
    """Whether ``text`` fits ``pattern``: ``*`` is any run of characters, ``?`` any one.

    Source: IAM user guide, Resource element.
    """
    if pattern == "*":
        return True
    if "*" not in pattern and "?" not in pattern:
        return pattern == text
    at = place = 0
    star, resume = -1, 0
    while place < len(text):
        if at < len(pattern) and pattern[at] == "*":
            star, resume = at, place
            at += 1
        elif at < len(pattern) and pattern[at] in ("?", text[place]):
            at += 1
            place += 1
        elif star >= 0:
            # Give the last star one character more and try again.
            resume += 1
            at, place = star + 1, resume
        else:
            return False
    return not pattern[at:].strip("*")
