"""Issuers and claims. Sources: IAM user guide, OIDC federation; OpenID Connect Core 1.0."""

from __future__ import annotations

from typing import Any

import pytest

from harness.access.rules.web_identity import InvalidClaims, host_of, read_claims

HOST = "token.example.com"


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://token.example.com", HOST),
        ("https://token.example.com/", HOST),
        ("HTTPS://Token.Example.com", HOST),
        ("https://oidc.eks.us-east-1.amazonaws.com/id/ABC", "oidc.eks.us-east-1.amazonaws.com/id/ABC"),
    ],
)
def test_the_host_of_an_issuer(url: str, host: str) -> None:
    assert host_of(url) == host


@pytest.mark.parametrize(
    "url", ["", "token.example.com", "http://a.example", "https://a.example:1", "https://a.example/?q", "https://a b.c"]
)
def test_what_is_no_issuer(url: str) -> None:
    with pytest.raises(ValueError, match="not the URL of an issuer"):
        host_of(url)


def claims(**more: Any) -> dict[str, Any]:
    return {"iss": f"https://{HOST}", "sub": "ann", "aud": "app", **more}


def test_claims_become_condition_keys() -> None:
    identity = read_claims(claims(amr=["pwd", "mfa"], email="ann@example.com"), HOST, ["app"])
    assert identity.condition_keys == {
        f"{HOST}:sub": ("ann",),
        f"{HOST}:aud": ("app",),
        f"{HOST}:amr": ("pwd", "mfa"),
        f"{HOST}:email": ("ann@example.com",),
    }


@pytest.mark.parametrize(
    "change",
    [
        {"sub": ""},
        {"sub": 7},
        {"aud": "other"},
        {"aud": []},
        {"azp": "other"},
        {"https://aws.amazon.com/tags": "x"},
        {"https://aws.amazon.com/tags": {"principal_tags": {"a": ["1", "2"]}}},
        {"https://aws.amazon.com/source_identity": 7},
    ],
)
def test_claims_that_sts_refuses(change: dict[str, Any]) -> None:
    with pytest.raises(InvalidClaims):
        read_claims(claims(**change), HOST, ["app"])
