"""STS's other operations through boto3. Source: STS API reference."""

from __future__ import annotations

import json

import pytest

from tests.access.sts.identities import OTHER_ACCOUNT, Identities, allow, of, refused, trust
from tests.support import ACCOUNT


class TestAccessKeyInfo:
    @pytest.mark.parametrize("account", [ACCOUNT, OTHER_ACCOUNT])
    def test_a_key_names_its_account(self, identities: Identities, account: str) -> None:
        user = identities.user(account=account)
        keys = [identities.key(user), of(identities.client("sts", user).get_session_token())]
        sts = identities.client("sts")
        assert [sts.get_access_key_info(AccessKeyId=key.key)["Account"] for key in keys] == [account, account]

    @pytest.mark.parametrize("key_id", ["AKIAIOSFODNN7EXAMPL1", "A" * 128, "AKIA0000000000000000"])
    def test_what_is_no_key_id(self, identities: Identities, key_id: str) -> None:
        assert refused(identities.client("sts").get_access_key_info, AccessKeyId=key_id)[0] == "ValidationError"


class TestDecodeAuthorizationMessage:
    def refusal(self, identities: Identities) -> str:
        message = refused(identities.client("ec2", identities.user()).describe_instances)[1]
        return message.partition("Encoded authorization failure message: ")[2]

    def test_whoever_may_decodes_what_ec2_refused(self, identities: Identities) -> None:
        user = identities.user()
        code, message = refused(identities.client("ec2", user).describe_instances)
        assert code == "UnauthorizedOperation"
        encoded = message.partition("Encoded authorization failure message: ")[2]
        reader = identities.user(allow("sts:DecodeAuthorizationMessage"))
        answer = identities.client("sts", reader).decode_authorization_message(EncodedMessage=encoded)
        refusal = json.loads(answer["DecodedMessage"])
        assert (refusal["allowed"], refusal["explicitDeny"]) == (False, False)
        assert refusal["context"]["principal"] == {"id": user.unique_id, "name": user.name, "arn": user.arn}
        assert refusal["context"]["action"] == "ec2:DescribeInstances"
        assert user.name not in encoded

    def test_nobody_else_does(self, identities: Identities) -> None:
        encoded = self.refusal(identities)
        decode = identities.client("sts", identities.user()).decode_authorization_message
        assert refused(decode, EncodedMessage=encoded)[0] == "AccessDenied"
        foreign = identities.user(allow("*"), account=OTHER_ACCOUNT)
        for caller, message in (
            (foreign, encoded),
            (None, encoded[:-4]),
            (None, "x"),
            (None, "é" * 10),
            (None, "=" * 9),
        ):
            decode = identities.client("sts", caller).decode_authorization_message
            assert refused(decode, EncodedMessage=message)[0] == "InvalidAuthorizationMessageException"


def test_what_is_refused_in_words(identities: Identities) -> None:
    sts = identities.client("sts")
    assert refused(sts.assume_root, TargetPrincipal=OTHER_ACCOUNT, TaskPolicyArn={"arn": "arn:aws:iam::aws:policy/x"})[
        0
    ] == ("NotImplementedException")
    assert "partners" in refused(sts.get_delegated_access_token, TradeInToken="token")[1]
    assert refused(sts.get_web_identity_token, Audience=["dogs"], SigningAlgorithm="RS256")[0] == (
        "OutboundWebIdentityFederationDisabledException"
    )


def test_every_caller_may_ask_who_it_is(identities: Identities) -> None:
    user, role = identities.user(), identities.role(trust({"AWS": ACCOUNT}))
    assert identities.client("sts", user).get_caller_identity()["UserId"] == user.unique_id
    session = identities.assume(role)
    assert identities.client("sts", session).get_caller_identity()["UserId"] == f"{role.unique_id}:session"
    root = identities.client("sts", identities.root_key()).get_caller_identity()
    assert (root["UserId"], root["Arn"]) == (ACCOUNT, f"arn:aws:iam::{ACCOUNT}:root")
