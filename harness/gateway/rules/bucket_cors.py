"""A bucket's CORS configuration: which pages may send which requests, and what their browsers are told.

Source: S3 user guide, "Using cross-origin resource sharing (CORS)" and "How Amazon S3 evaluates the CORS configuration
on a bucket".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Rule = Mapping[str, Any]
"""botocore's CORSRule."""
Headers = list[tuple[str, str]]

# A pattern whose * stands for a port, or for subdomains of a domain of two labels at least.
_SITE = re.compile(r"https?://(?:[^*:/]+:\*|\*\.[^*:/.]+(?:\.[^*:/.]+)+(?::(?:\d+|\*))?)")
_VARY = ("Vary", "Origin, Access-Control-Request-Headers, Access-Control-Request-Method")


def matching_rule(rules: Iterable[Rule], origin: str, method: str, requested: Sequence[str] = ()) -> Rule | None:
    """The first rule that lets a page of an origin send a request; None if none does.

    method: the request's, or that of Access-Control-Request-Method. requested: Access-Control-Request-Headers.
    """
    for rule in rules:
        headers = rule.get("AllowedHeaders") or ()
        if (
            any(_fits(pattern, origin) for pattern in rule.get("AllowedOrigins") or ())
            and method in (rule.get("AllowedMethods") or ())
            and all(any(_fits(pattern.lower(), name.lower()) for pattern in headers) for name in requested)
        ):
            return rule
    return None


def names_site(rule: Rule, origin: str) -> bool:
    """Whether a rule names the site of an origin that it takes, and not every site: ``http://*`` names none."""
    patterns = (pattern for pattern in rule.get("AllowedOrigins") or () if _fits(pattern, origin))
    return any("*" not in pattern or _SITE.fullmatch(pattern) for pattern in patterns)


def answer_headers(rule: Rule, origin: str, requested: Sequence[str] = ()) -> Headers:
    """The CORS headers of an answer. requested: the headers that a preflight asks for."""
    everybody = "*" in (rule.get("AllowedOrigins") or ())
    headers = [("Access-Control-Allow-Origin", "*" if everybody else origin)]
    headers.append(("Access-Control-Allow-Methods", ", ".join(rule["AllowedMethods"])))
    if not everybody:
        headers.append(("Access-Control-Allow-Credentials", "true"))
    if requested:
        headers.append(("Access-Control-Allow-Headers", ", ".join(name.lower() for name in requested)))
    if rule.get("ExposeHeaders"):
        headers.append(("Access-Control-Expose-Headers", ", ".join(rule["ExposeHeaders"])))
    if rule.get("MaxAgeSeconds") is not None:
        headers.append(("Access-Control-Max-Age", str(rule["MaxAgeSeconds"])))
    return [*headers, _VARY]


def _fits(pattern: str, text: str) -> bool:
    """Whether a text fits a pattern, in which ``*`` stands for any characters."""
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), text) is not None
