"""``harness oidc``: tokens for AssumeRoleWithWebIdentity, and the keys that verify those of a real issuer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from harness.core.environment import harness_url
from harness.core.errors import HarnessError
from harness.local_aws.client import LocalAwsClient


@click.group()
def oidc() -> None:
    """Make tokens of OpenID Connect, with which roles are assumed.

    GitHub Actions, Kubernetes and others have such tokens. The local AWS verifies them offline, by keys that you give,
    or makes them itself.
    """


@oidc.command()
@click.argument("issuer")
@click.option("--subject", required=True, help="The claim sub.")
@click.option("--audience", default="sts.amazonaws.com", show_default=True, help="The claim aud.")
@click.option("--claim", "claims", multiple=True, metavar="NAME=VALUE", help="One more claim. VALUE: JSON, or a text.")
def token(issuer: str, subject: str, audience: str, claims: tuple[str, ...]) -> None:
    """Print a token of ISSUER that the local AWS signs itself. It is valid for an hour.

    ISSUER is the URL of a provider that the account has (aws iam create-open-id-connect-provider).
    """
    more = dict(_claim(text) for text in claims)
    click.echo(LocalAwsClient(harness_url()).oidc_token(issuer, {"sub": subject, "aud": audience, **more}))


@oidc.command()
@click.argument("issuer")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def keys(issuer: str, file: Path) -> None:
    """Verify the tokens of ISSUER with the JSON Web Key Set in FILE, which is what the issuer has at its jwks_uri."""
    try:
        key_set = json.loads(file.read_text())
    except (ValueError, RecursionError):
        raise HarnessError(f"{file} is not JSON: save what the issuer has at its jwks_uri.") from None
    LocalAwsClient(harness_url()).put_token_keys(issuer, key_set)


def _claim(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise HarnessError(f"--claim {text} must be NAME=VALUE.")
    try:
        return name, json.loads(value)
    except (ValueError, RecursionError):
        return name, value
