"""What a token of an OpenID Connect provider says, and whether it is one for AWS.

Sources: IAM user guide, "Create an OpenID Connect identity provider", "Available keys for AWS OIDC federation" and
"Pass session tags using AssumeRoleWithWebIdentity"; OpenID Connect Core 1.0, section 2.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

BUILT_IN_ISSUERS = {
    "accounts.google.com": "accounts.google.com",
    "cognito-identity.amazonaws.com": "cognito-identity.amazonaws.com",
}
"""Hosts of issuers for which no provider is created in IAM -> what a trust policy names them."""
_AWS_TAGS, _SOURCE_IDENTITY = "https://aws.amazon.com/tags", "https://aws.amazon.com/source_identity"
_HOST = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,252}[a-z0-9])?(?:/[A-Za-z0-9._~%!$&'()*+,;=:@-]+)*", re.ASCII)
_DOT = re.compile(r"\.")


class InvalidClaims(ValueError):
    """A token that STS does not take; ``str(error)`` says why."""


@dataclass(frozen=True, slots=True)
class WebIdentity:
    """What a token says. audience: the client id that is the provider's."""

    subject: str
    issuer: str
    audience: str
    tags: Mapping[str, str] = field(default_factory=dict)
    transitive: tuple[str, ...] = ()
    source_identity: str = ""
    condition_keys: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def host_of(url: str) -> str:
    """The host and path of an issuer's URL, which ARNs and condition keys have. Raises ValueError for another URL.

    It begins with https:// and has neither a port nor a query. A slash at the end is left out.
    """
    scheme, _, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    name = host.lower() + slash + path
    name = name.rstrip("/")
    if scheme.lower() != "https" or not _HOST.fullmatch(name) or not _DOT.search(host):
        raise ValueError(f"{url!r} is not the URL of an issuer")
    return name


def read_claims(claims: Mapping[str, Any], host: str, client_ids: Sequence[str]) -> WebIdentity:
    """What a verified token says. Raises InvalidClaims for one that STS refuses.

    host: of the provider. client_ids: the provider's.
    """
    subject = claims.get("sub")
    if not isinstance(subject, str) or not subject:
        raise InvalidClaims("Missing a required claim: sub")
    audiences = _texts(claims.get("aud"))
    azp = claims.get("azp")
    # A token for several clients says in azp which of them it was issued to.
    audience = azp if isinstance(azp, str) and azp else audiences[0] if audiences else ""
    if audience not in client_ids:
        raise InvalidClaims("Incorrect token audience")
    tags, transitive = _tags(claims.get(_AWS_TAGS))
    source_identity = claims.get(_SOURCE_IDENTITY, "")
    if not isinstance(source_identity, str):
        raise InvalidClaims(f"The claim {_SOURCE_IDENTITY} must be a string")
    keys: dict[str, tuple[str, ...]] = {f"{host}:sub": (subject,), f"{host}:aud": (audience,)}
    if isinstance(azp, str) and azp:
        # aud is the value of azp then, and oaud those of aud (IAM user guide).
        keys[f"{host}:oaud"] = audiences[:1]
    amr = _texts(claims.get("amr"))
    if amr:
        keys[f"{host}:amr"] = amr
    email = claims.get("email")
    if isinstance(email, str):
        keys[f"{host}:email"] = (email,)
    condition_keys = {key.lower(): value for key, value in keys.items()}
    return WebIdentity(subject, str(claims.get("iss", "")), audience, tags, transitive, source_identity, condition_keys)


def _texts(value: Any) -> tuple[str, ...]:
    values = value if isinstance(value, list) else [value]
    return tuple(text for text in values if isinstance(text, str) and text)


def _tags(value: Any) -> tuple[dict[str, str], tuple[str, ...]]:
    """The session tags in a token and the keys of the transitive ones."""
    if value is None:
        return {}, ()
    principal = value.get("principal_tags", {}) if isinstance(value, Mapping) else None
    if not isinstance(principal, Mapping):
        raise InvalidClaims(f"The claim {_AWS_TAGS} must have principal_tags")
    tags = {}
    for key, values in principal.items():
        texts = values if isinstance(values, list) else [values]
        if len(texts) != 1 or not isinstance(texts[0], str):
            raise InvalidClaims(f"The principal tag {key} must have one value")
        tags[str(key)] = texts[0]
    return tags, _texts(value.get("transitive_tag_keys"))
