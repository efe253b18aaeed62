"""AssumeRoleWithWebIdentity through boto3, unsigned. Sources: STS API reference; IAM user guide, OIDC federation."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from botocore import UNSIGNED
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from tests.access.sts.identities import Credentials, Identities, allow, of, refused, trust
from tests.support import ACCOUNT, Aws, unique

ACTION = "sts:AssumeRoleWithWebIdentity"
AUDIENCE = "sts.amazonaws.com"
PRIVATE_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


def jwk(key: Any, kid: str = "one") -> dict[str, Any]:
    algorithms: Any = jwt.algorithms
    kind = algorithms.RSAAlgorithm if isinstance(key, rsa.RSAPrivateKey) else algorithms.ECAlgorithm
    return {**json.loads(kind.to_jwk(key.public_key())), "kid": kid}


class Issuer:
    """An issuer with a key of its own, which the local AWS knows."""

    def __init__(self, aws: Aws, *, client_ids: tuple[str, ...] = (AUDIENCE,), provider: bool = True) -> None:
        self.host = f"{unique('token')}.example.com"
        self.url = f"https://{self.host}"
        self.arn = f"arn:aws:iam::{ACCOUNT}:oidc-provider/{self.host}"
        self.keys = aws.local.access.state.token_keys
        self.keys.add(self.url, {"keys": [jwk(PRIVATE_KEY)]})
        if provider:
            aws.client("iam").create_open_id_connect_provider(Url=self.url, ClientIDList=list(client_ids))

    def token(self, key: Any = PRIVATE_KEY, algorithm: str = "RS256", kid: str | None = "one", **claims: Any) -> str:
        """A token; a claim that is None is left out."""
        now = int(time.time())
        complete = {"iss": self.url, "sub": "repo:dogs", "aud": AUDIENCE, "iat": now, "exp": now + 300, **claims}
        present = {name: value for name, value in complete.items() if value is not None}
        return jwt.encode(present, key, algorithm, headers={"kid": kid} if kid else {})


@pytest.fixture
def issuer(aws: Aws) -> Issuer:
    return Issuer(aws)


Assume = Callable[..., Any]


@pytest.fixture
def sts(aws: Aws) -> Any:
    return aws.client("sts", signature_version=UNSIGNED)


def assume(sts: Any, role: Any, token: str, **request: Any) -> dict[str, Any]:
    arn = role if isinstance(role, str) else role.arn
    answer: dict[str, Any] = sts.assume_role_with_web_identity(
        RoleArn=arn, RoleSessionName="session", WebIdentityToken=token, **request
    )
    return answer


def trusting(identities: Identities, issuer: Issuer, *actions: str, **more: Any) -> Any:
    allowed = more.pop("allowed", ())
    return identities.role(trust({"Federated": issuer.arn}, *(actions or (ACTION,)), **more), allowed=allowed)


def test_a_token_that_verifies_gives_credentials(identities: Identities, issuer: Issuer, sts: Any) -> None:
    role = trusting(identities, issuer, allowed=(allow("sagemaker:ListModels"),))
    answer = assume(sts, role, issuer.token())
    assert answer["SubjectFromWebIdentityToken"] == "repo:dogs"
    assert (answer["Provider"], answer["Audience"]) == (issuer.arn, AUDIENCE)
    assert answer["AssumedRoleUser"]["Arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/{role.name}/session"
    assert "Models" in identities.client("sagemaker", of(answer)).list_models()
    assert refused(identities.client("sagemaker", of(answer)).list_endpoints)[0] == "AccessDeniedException"


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ("garbage", "InvalidIdentityToken"),
        ("none", "InvalidIdentityToken"),
        ("signed by another", "InvalidIdentityToken"),
        ("changed", "InvalidIdentityToken"),
        ("HS256 with the public key", "InvalidIdentityToken"),
        ("other kid", "InvalidIdentityToken"),
        ("expired", "ExpiredTokenException"),
        ("issued later", "InvalidIdentityToken"),
        ("without exp", "InvalidIdentityToken"),
        ("without sub", "InvalidIdentityToken"),
        ("without aud", "InvalidIdentityToken"),
        ("other audience", "InvalidIdentityToken"),
        ("other issuer", "InvalidIdentityToken"),
    ],
)
def test_a_token_that_does_not(identities: Identities, issuer: Issuer, sts: Any, fault: str, code: str) -> None:
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    now = int(time.time())
    header, _, signature = issuer.token().split(".")
    unsigned = jwt.encode({"iss": issuer.url, "sub": "x", "aud": AUDIENCE, "exp": now + 60, "iat": now}, "", "none")
    tokens = {
        "garbage": "garbage",
        "none": unsigned,
        "signed by another": issuer.token(other),
        "changed": f"{header}.{jwt.encode({'iss': issuer.url}, 'k' * 32).split('.')[1]}.{signature}",
        "HS256 with the public key": issuer.token("k" * 32, "HS256"),
        "other kid": issuer.token(kid="two"),
        "expired": issuer.token(exp=now - 1),
        "issued later": issuer.token(iat=now + 3600, exp=now + 7200),
        "without exp": issuer.token(exp=None),
        "without sub": issuer.token(sub=None),
        "without aud": issuer.token(aud=None),
        "other audience": issuer.token(aud="somebody-else"),
        "other issuer": issuer.token(iss="https://unknown.example.com"),
    }
    role = trusting(identities, issuer)
    assert refused(assume, sts, role, tokens[fault])[0] == code


@pytest.mark.parametrize("algorithm", ["RS256", "RS512", "ES256"])
def test_algorithms(aws: Aws, identities: Identities, sts: Any, algorithm: str) -> None:
    issuer = Issuer(aws)
    key: Any = PRIVATE_KEY if algorithm.startswith("RS") else ec.generate_private_key(ec.SECP256R1())
    issuer.keys.add(issuer.url, {"keys": [jwk(key)]})
    assert assume(sts, trusting(identities, issuer), issuer.token(key, algorithm))


def test_the_provider_has_to_exist_in_the_roles_account(aws: Aws, identities: Identities, sts: Any) -> None:
    issuer = Issuer(aws, provider=False)
    code, message = refused(assume, sts, trusting(identities, issuer), issuer.token())
    assert (code, message) == (
        "InvalidIdentityToken",
        f"No OpenIDConnect provider found in your account for https://{issuer.host}",
    )


class TestTheTrustPolicyDecides:
    def test_a_role_that_does_not_exist_or_does_not_trust_the_provider(
        self, aws: Aws, identities: Identities, issuer: Issuer, sts: Any
    ) -> None:
        missing = f"arn:aws:iam::{ACCOUNT}:role/missing"
        roles = (
            missing,
            identities.role(trust({"AWS": ACCOUNT}, ACTION)),
            identities.role(trust({"Federated": Issuer(aws).arn}, ACTION)),
            trusting(identities, issuer, "sts:AssumeRole"),
        )
        for role in roles:
            assert refused(assume, sts, role, issuer.token()) == (
                "AccessDenied",
                "Not authorized to perform sts:AssumeRoleWithWebIdentity",
            )

    @pytest.mark.parametrize(
        ("operator", "key", "value", "allowed"),
        [
            ("StringEquals", "aud", AUDIENCE, True),
            ("StringEquals", "aud", "other", False),
            ("StringEquals", "sub", "repo:dogs", True),
            ("StringLike", "sub", "repo:*", True),
            ("StringLike", "sub", "repo:cats*", False),
            ("StringEquals", "SUB", "repo:dogs", True),
            ("StringEquals", "missing", "x", False),
        ],
    )
    def test_conditions_on_claims(
        self, identities: Identities, issuer: Issuer, sts: Any, operator: str, key: str, value: str, allowed: bool
    ) -> None:
        role = trusting(identities, issuer, Condition={operator: {f"{issuer.host}:{key}": value}})
        if allowed:
            assert assume(sts, role, issuer.token())
        else:
            assert refused(assume, sts, role, issuer.token())[0] == "AccessDenied"

    def test_a_token_for_several_clients_says_which_in_azp(self, aws: Aws, identities: Identities, sts: Any) -> None:
        issuer = Issuer(aws, client_ids=("app",))
        condition = {"StringEquals": {f"{issuer.host}:aud": "app", f"{issuer.host}:oaud": "api"}}
        role = trusting(identities, issuer, Condition=condition)
        assert assume(sts, role, issuer.token(aud=["api", "other"], azp="app"))
        assert refused(assume, sts, role, issuer.token(aud=["app"], azp="api"))[0] == "InvalidIdentityToken"

    def test_claims_are_keys_of_the_session_too(self, identities: Identities, issuer: Issuer, sts: Any) -> None:
        may = allow("sagemaker:ListModels", Condition={"StringEquals": {f"{issuer.host}:sub": "repo:dogs"}})
        role = trusting(identities, issuer, allowed=(may,))
        dogs, cats = (of(assume(sts, role, issuer.token(sub=subject))) for subject in ("repo:dogs", "repo:cats"))
        assert "Models" in identities.client("sagemaker", dogs).list_models()
        assert refused(identities.client("sagemaker", cats).list_models)[0] == "AccessDeniedException"


def test_session_tags_and_source_identity_in_the_token(identities: Identities, issuer: Issuer, sts: Any) -> None:
    tags = {"principal_tags": {"team": ["dogs"]}, "transitive_tag_keys": ["team"]}
    token = issuer.token(**{"https://aws.amazon.com/tags": tags, "https://aws.amazon.com/source_identity": "Ann"})
    plain = trusting(identities, issuer)
    assert refused(assume, sts, plain, token)[0] == "AccessDenied"
    may = allow("sagemaker:ListModels", Condition={"StringEquals": {"aws:PrincipalTag/team": "dogs"}})
    role = trusting(identities, issuer, ACTION, "sts:TagSession", "sts:SetSourceIdentity", allowed=(may,))
    answer = assume(sts, role, token)
    assert answer["SourceIdentity"] == "Ann"
    assert "Models" in identities.client("sagemaker", of(answer)).list_models()


def test_duration_and_session_policies_are_limited(identities: Identities, issuer: Issuer, sts: Any) -> None:
    role = trusting(identities, issuer, allowed=(allow("*"),))
    assert refused(assume, sts, role, issuer.token(), DurationSeconds=7200)[0] == "ValidationError"
    assert refused(assume, sts, role, issuer.token(), Policy="{}")[0] == "MalformedPolicyDocument"
    arns = [{"arn": f"arn:aws:iam::{ACCOUNT}:policy/missing"}]
    assert refused(assume, sts, role, issuer.token(), PolicyArns=arns)[0] == "ValidationError"


class TestTheHarnesssOwnIssuer:
    def test_it_signs_in_the_name_of_any_issuer(self, aws: Aws, identities: Identities, sts: Any) -> None:
        from harness.local_aws.client import LocalAwsClient

        issuer = Issuer(aws)
        role = trusting(identities, issuer)
        client = LocalAwsClient(aws.url)
        assert assume(sts, role, client.oidc_token(issuer.url, {"sub": "repo:dogs", "aud": AUDIENCE}))
        client.put_token_keys(issuer.url, {"keys": [jwk(PRIVATE_KEY, "three")]})
        assert assume(sts, role, issuer.token(kid="three"))
        past = {"sub": "repo:dogs", "aud": AUDIENCE, "exp": 1}
        assert refused(assume, sts, role, client.oidc_token(issuer.url, past))[0] == "ExpiredTokenException"

    @pytest.mark.parametrize(
        ("issuer", "keys"),
        [
            ("http://token.example.com", {"keys": []}),
            ("https://token.example.com", {}),
            ("https://token.example.com", {"keys": []}),
            ("https://token.example.com", {"keys": "x"}),
            ("https://token.example.com", {"keys": [{"kty": "nothing"}]}),
        ],
    )
    def test_keys_that_are_none(self, aws: Aws, issuer: str, keys: dict[str, Any]) -> None:
        from harness.local_aws.client import CallRefused, LocalAwsClient

        with pytest.raises(CallRefused):
            LocalAwsClient(aws.url).put_token_keys(issuer, keys)


def test_a_signature_does_not_matter(identities: Identities, issuer: Issuer, aws: Aws) -> None:
    role = trusting(identities, issuer)
    nobody = Credentials("AKIAIOSFODNN7EXAMPLE", "wrong")
    assert assume(identities.client("sts", nobody), role, issuer.token())
