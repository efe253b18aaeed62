"""``harness oidc``, against a running local AWS."""

from __future__ import annotations

import json
from pathlib import Path

import jwt
import pytest
from click.testing import CliRunner, Result
from cryptography.hazmat.primitives.asymmetric import rsa

from harness.cli.main import main
from tests.support import Aws, unique


@pytest.fixture
def issuer() -> str:
    return f"https://{unique('token')}.example.com"


def harness(aws: Aws, *arguments: str) -> Result:
    return CliRunner(env={"AWS_ENDPOINT_URL": aws.url}).invoke(main, ["oidc", *arguments])


def test_a_token_with_its_claims(aws: Aws, issuer: str) -> None:
    claims = ["--claim", "email=ann@example.com", "--claim", 'amr=["mfa"]', "--claim", "aud=app"]
    result = harness(aws, "token", issuer, "--subject", "repo:dogs", *claims)
    assert result.exit_code == 0
    token = jwt.decode(result.output.strip(), options={"verify_signature": False})
    assert (token["iss"], token["sub"], token["aud"]) == (issuer, "repo:dogs", "app")
    assert (token["email"], token["amr"], token["exp"] - token["iat"]) == ("ann@example.com", ["mfa"], 3600)


def test_the_keys_of_an_issuer(aws: Aws, issuer: str, tmp_path: Path) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048).public_key()
    file = tmp_path / "keys.json"
    file.write_text(json.dumps({"keys": [json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(key))]}))
    result = harness(aws, "keys", issuer, str(file))
    assert (result.exit_code, result.output) == (0, "")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["token", "http://token.example.com", "--subject", "x"], "is not the URL of an issuer"),
        (["token", "https://token.example.com", "--subject", "x", "--claim", "x"], "must be NAME=VALUE"),
        (["keys", "https://token.example.com", "no-json"], "is not JSON"),
        (["keys", "https://token.example.com", "a-list"], "Give an issuer's URL and, as keys"),
        (["keys", "https://token.example.com", "nothing"], "no JSON Web Key Set"),
    ],
)
def test_what_it_refuses(
    aws: Aws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], words: str
) -> None:
    for name, text in (("no-json", "{"), ("a-list", "[]"), ("nothing", "{}")):
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    result = harness(aws, *arguments)
    assert result.exit_code == 1
    assert words in result.output
    assert "Traceback" not in result.output
