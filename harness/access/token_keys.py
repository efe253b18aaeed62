"""The keys with which tokens of OpenID Connect providers are verified, offline, and an issuer of test tokens.

AWS fetches a provider's keys from the provider. The harness reaches none: whoever tests gives the keys, as the JSON Web
Key Set that the provider has at its jwks_uri, or has the harness itself sign a token in the name of an issuer.
"""

from __future__ import annotations

import json
import math
import secrets
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.asymmetric import rsa

from harness.access.rules.web_identity import host_of

if TYPE_CHECKING:
    import jwt  # at run time it is loaded when there is a token: most stacks have none, and `up` does not wait for it

_ALGORITHMS = ("RS256", "RS384", "RS512", "ES256", "ES384", "ES512")
"""Those that STS takes (IAM user guide, creating OIDC providers)."""
_DEFAULT_LIFETIME = 3600
# AWS's words, as printed in public issues.
_NOT_A_JWT = "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)"
_NO_KEYS = (
    "Couldn't retrieve verification key from your identity provider, please reference AssumeRoleWithWebIdentity "
    "documentation for requirements."
)


class BadToken(ValueError):
    """A token that does not verify; ``str(error)`` says why."""


class ExpiredToken(BadToken):
    """A token that verifies and is too old."""


class UnknownIssuer(BadToken):
    """A token of an issuer whose keys nobody gave."""


class TokenKeys:
    """Keys by the host of their issuer."""

    def __init__(self) -> None:
        self._sets: dict[str, list[jwt.PyJWK]] = {}

    def add(self, issuer: str, key_set: Mapping[str, Any]) -> None:
        """Adds the keys of an issuer. Raises ValueError, in words for a person, for what is not a JSON Web Key Set."""
        import jwt

        host = host_of(issuer)
        try:
            keys = jwt.PyJWKSet.from_dict(dict(key_set)).keys
        except (jwt.PyJWTError, AttributeError, KeyError, TypeError, ValueError) as error:
            raise ValueError(f"the keys of {issuer} are no JSON Web Key Set: {error}") from None
        known = [key for key in self._sets.get(host, ()) if key.key_id == _TEST_KEY]
        self._sets[host] = [*known, *keys]

    def issue(self, issuer: str, claims: Mapping[str, Any], now: float) -> str:
        """A token that the harness signs in the name of an issuer, which from now on is trusted to have done so.

        claims: of the token; iss, iat and exp (an hour) are added. Raises ValueError for an issuer that can be none.
        """
        import jwt

        host = host_of(issuer)
        keys = self._sets.setdefault(host, [])
        if not any(key.key_id == _TEST_KEY for key in keys):
            keys.append(self._test_key)
        complete = {"iss": issuer, "iat": int(now), "exp": int(now) + _DEFAULT_LIFETIME, **claims}
        return jwt.encode(complete, self._private_key, "RS256", headers={"kid": _TEST_KEY})

    def verify(self, token: str, now: float) -> tuple[str, dict[str, Any]]:
        """The host of the issuer and the claims of a token.

        Raises ExpiredToken for one that has expired, UnknownIssuer if nobody gave its issuer's keys, and BadToken for
        any other fault.
        """
        import jwt

        try:
            header = jwt.get_unverified_header(token)
            unverified = jwt.decode(token, options={"verify_signature": False})
            host = host_of(str(unverified.get("iss", "")))
        except (jwt.PyJWTError, ValueError, RecursionError):
            raise BadToken(_NOT_A_JWT) from None
        keys = self._sets.get(host)
        if keys is None:
            raise UnknownIssuer(f"{_NO_KEYS} Give the harness the keys of https://{host}.")
        algorithm = header.get("alg")
        if algorithm not in _ALGORITHMS:
            raise BadToken(f"The token is signed with {algorithm}; STS takes {', '.join(_ALGORITHMS)}")
        wanted = header.get("kid")
        for key in keys:
            if (wanted is None or key.key_id == wanted) and (claims := _claims(token, key, algorithm)) is not None:
                return host, _within_time(claims, now)
        raise BadToken("Couldn't verify the signature of the token with the keys of its issuer")

    @cached_property
    def _private_key(self) -> rsa.RSAPrivateKey:
        return rsa.generate_private_key(public_exponent=65537, key_size=2048)

    @cached_property
    def _test_key(self) -> jwt.PyJWK:
        import jwt

        public = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(self._private_key.public_key()))
        return jwt.PyJWK({**public, "kid": _TEST_KEY, "alg": "RS256", "use": "sig"})


_TEST_KEY = f"harness-{secrets.token_hex(8)}"
"""The id of the key with which the harness signs test tokens."""


def _claims(token: str, key: jwt.PyJWK, algorithm: str) -> dict[str, Any] | None:
    """The claims of a token; None if the key has not signed it."""
    import jwt

    options = {"verify_exp": False, "verify_nbf": False, "verify_iat": False, "verify_aud": False, "verify_sub": False}
    try:
        return dict(jwt.decode(token, key=key.key, algorithms=[algorithm], options=options))  # type: ignore[arg-type]
    except (jwt.PyJWTError, TypeError, ValueError):
        return None


def _within_time(claims: dict[str, Any], now: float) -> dict[str, Any]:
    for name in ("exp", "iat"):
        value = claims.get(name)
        if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
            raise BadToken(f"Missing a required claim: {name}")
    if claims["exp"] <= now:
        times = f"{int(now)} must be before the expiration date/time {int(claims['exp'])}"
        raise ExpiredToken(f"Token expired: current date/time {times}")
    not_before = claims.get("nbf", 0)
    if isinstance(not_before, int | float) and max(not_before, claims["iat"]) > now + _CLOCK_SKEW:
        raise BadToken("Token is not valid yet")
    return claims


_CLOCK_SKEW = 300
"""Seconds that an issuer's clock may be ahead. AWS's figure is not published."""
