"""GetSessionToken, GetFederationToken and what their credentials may do. Source: IAM user guide, comparison of STS."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from harness.access.identities import MfaDevice, User
from harness.access.rules.totp import code_at, step_of
from tests.access.sts.identities import Credentials, Identities, allow, document, of, refused, trust
from tests.support import ACCOUNT, unique

SEED = b"seed" * 8
ASSUME = allow("sts:AssumeRole")


def device_of(identities: Identities, user: User) -> MfaDevice:
    """A new MFA device that is enabled for a user."""
    account, name = identities.account(), unique("mfa")
    device = MfaDevice(f"arn:aws:iam::{ACCOUNT}:mfa/{name}", SEED, account.now(), user.name, account.now())
    account.mfa_devices[device.serial_number] = device
    user.mfa_devices.append(device.serial_number)
    return device


def proof(device: MfaDevice) -> dict[str, str]:
    now = datetime.now(UTC).timestamp()
    return {"SerialNumber": device.serial_number, "TokenCode": code_at(SEED, step_of(now))}


def left(answer: dict[str, Any]) -> timedelta:
    remaining: timedelta = answer["Credentials"]["Expiration"] - datetime.now(UTC)
    return remaining


class TestSessionTokens:
    def test_each_is_its_callers_own(self, identities: Identities) -> None:
        may, may_not = identities.user(allow("sagemaker:ListModels")), identities.user()
        first, second = (of(identities.client("sts", user).get_session_token()) for user in (may, may_not))
        assert first.key != second.key
        for user, credentials in ((may, first), (may_not, second)):
            who = identities.client("sts", credentials).get_caller_identity()
            assert (who["Arn"], who["UserId"]) == (user.arn, user.unique_id)
        assert "Models" in identities.client("sagemaker", first).list_models()
        assert refused(identities.client("sagemaker", second).list_models)[0] == "AccessDeniedException"

    def test_they_end_with_the_user(self, identities: Identities) -> None:
        user = identities.user()
        credentials = of(identities.client("sts", user).get_session_token())
        identities.account().remove(user)
        assert refused(identities.client("sts", credentials).get_caller_identity)[0] == "InvalidClientTokenId"

    def test_without_mfa_they_call_nothing_of_iam(self, identities: Identities) -> None:
        user = identities.user(allow("*"))
        device = device_of(identities, user)
        sts = identities.client("sts", user)
        plain, proved = of(sts.get_session_token()), of(sts.get_session_token(**proof(device)))
        assert refused(identities.client("iam", plain).list_roles)[0] == "InvalidClientTokenId"
        assert "Roles" in identities.client("iam", proved).list_roles(MaxItems=1)

    def test_of_sts_they_call_assume_role_and_get_caller_identity_only(self, identities: Identities) -> None:
        credentials = of(identities.client("sts", identities.user(allow("*"))).get_session_token())
        sts = identities.client("sts", credentials)
        assert sts.get_caller_identity()["Account"] == ACCOUNT
        assert identities.assume(identities.role(trust({"AWS": ACCOUNT})), credentials)
        for call, members in (
            (sts.get_session_token, {}),
            (sts.get_federation_token, {"Name": "ann"}),
            (sts.get_access_key_info, {"AccessKeyId": credentials.key}),
            (sts.decode_authorization_message, {"EncodedMessage": "x"}),
        ):
            code, message = refused(call, **members)
            assert code == "AccessDenied"
            assert message.endswith("with session credentials")

    @pytest.mark.parametrize("root", [True, False])
    def test_their_duration(self, identities: Identities, root: bool) -> None:
        sts = identities.client("sts", identities.root_key() if root else identities.user())
        hour, half_day, day_and_half = timedelta(hours=1), timedelta(hours=12), timedelta(hours=36)
        for answer, duration in (
            (sts.get_session_token(), half_day),
            (sts.get_session_token(DurationSeconds=900), timedelta(minutes=15)),
            (sts.get_session_token(DurationSeconds=129600), day_and_half),
        ):
            expected = min(duration, hour) if root else duration
            assert expected - timedelta(minutes=1) < left(answer) <= expected
        for seconds in (129601, 10**9):
            assert refused(sts.get_session_token, DurationSeconds=seconds)[0] == "ValidationError"

    def test_the_size_of_their_token(self, identities: Identities) -> None:
        sts = identities.client("sts", identities.user())
        for size in (0, 300, 4096):
            answer = sts.get_session_token(MinimumSessionTokenSize=size)
            length = len(answer["Credentials"]["SessionToken"])
            assert length >= size
            assert (answer["SessionTokenSize"], answer["SessionTokenUtilization"]) == (length, -(-length * 100 // 4096))
            assert identities.client("sts", of(answer)).get_caller_identity()

    def test_mfa_is_a_condition_and_has_an_age(self, identities: Identities) -> None:
        condition = {"Bool": {"aws:MultiFactorAuthPresent": "true"}, "NumericLessThan": {"aws:MultiFactorAuthAge": 60}}
        user = identities.user(allow("sagemaker:ListModels", Condition=condition))
        device = device_of(identities, user)
        sts = identities.client("sts", user)
        plain, proved = of(sts.get_session_token()), of(sts.get_session_token(**proof(device)))
        assert refused(identities.client("sagemaker", user).list_models)
        assert refused(identities.client("sagemaker", plain).list_models)
        assert "Models" in identities.client("sagemaker", proved).list_models()


class TestMfa:
    def test_a_code_is_good_once(self, identities: Identities) -> None:
        user = identities.user()
        code = proof(device_of(identities, user))
        sts = identities.client("sts", user)
        assert sts.get_session_token(**code)
        assert refused(sts.get_session_token, **code) == (
            "AccessDenied",
            "MultiFactorAuthentication failed with invalid MFA one time pass code. ",
        )

    def test_what_does_not_prove_it(self, identities: Identities) -> None:
        user, other = identities.user(), identities.user()
        device, foreign = device_of(identities, user), device_of(identities, other)
        sts, right = identities.client("sts", user), proof(device)
        wrong = f"{(int(right['TokenCode']) + 1) % 10**6:06}"
        for request, words in (
            ({**right, "SerialNumber": f"arn:aws:iam::{ACCOUNT}:mfa/missing"}, "unable to validate MFA code"),
            (proof(foreign), "unable to validate MFA code"),
            ({**right, "TokenCode": wrong}, "invalid MFA one time pass code"),
            ({"TokenCode": right["TokenCode"]}, "must provide both"),
            ({"SerialNumber": device.serial_number}, "must provide both"),
        ):
            code, message = refused(sts.get_session_token, **request)
            assert code == "AccessDenied"
            assert words in message

    def test_of_assume_role(self, identities: Identities) -> None:
        """The trust policy sees it; the role's session does not have it."""
        condition = {"Bool": {"aws:MultiFactorAuthPresent": "true"}}
        may = allow("sagemaker:ListModels", Condition=condition)
        role = identities.role(trust({"AWS": ACCOUNT}, Condition=condition), allowed=(may,))
        user = identities.user(ASSUME)
        device = device_of(identities, user)
        assert refused(identities.assume, role, user)[0] == "AccessDenied"
        credentials = identities.assume(role, user, **proof(device))
        assert refused(identities.client("sagemaker", credentials).list_models)[0] == "AccessDeniedException"
        device.last_step = -1
        session = of(identities.client("sts", user).get_session_token(**proof(device)))
        assert identities.assume(role, session)


class TestFederatedUsers:
    MAY = allow("sts:GetFederationToken", "sts:TagSession")

    def federate(
        self, identities: Identities, caller: User | Credentials | None, *statements: Any, **request: Any
    ) -> Credentials:
        if statements:
            request["Policy"] = json.dumps(document(*statements))
        return of(identities.client("sts", caller).get_federation_token(Name="ann", **request))

    def test_who_they_are(self, identities: Identities) -> None:
        answer = identities.client("sts", identities.user(self.MAY)).get_federation_token(Name="ann")
        arn, user_id = f"arn:aws:sts::{ACCOUNT}:federated-user/ann", f"{ACCOUNT}:ann"
        assert answer["FederatedUser"] == {"FederatedUserId": user_id, "Arn": arn}
        who = identities.client("sts", of(answer)).get_caller_identity()
        assert (who["Arn"], who["UserId"], who["Account"]) == (arn, user_id, ACCOUNT)

    def test_they_may_do_what_both_the_user_and_the_session_policies_allow(self, identities: Identities) -> None:
        user = identities.user(self.MAY, allow("sagemaker:ListModels"))
        of_both = self.federate(identities, user, allow("sagemaker:*"))
        assert "Models" in identities.client("sagemaker", of_both).list_models()
        assert refused(identities.client("sagemaker", of_both).list_endpoints)[0] == "AccessDeniedException"
        nothing = self.federate(identities, user)
        assert refused(identities.client("sagemaker", nothing).list_models)[0] == "AccessDeniedException"

    @pytest.mark.parametrize("well_known", [True, False])
    def test_of_the_root_the_session_policies_alone_decide(self, identities: Identities, well_known: bool) -> None:
        root = None if well_known else identities.root_key()
        credentials = self.federate(identities, root, allow("sagemaker:ListModels"))
        assert "Models" in identities.client("sagemaker", credentials).list_models()
        assert refused(identities.client("sagemaker", credentials).list_endpoints)[0] == "AccessDeniedException"
        assert refused(identities.client("s3", credentials).list_buckets)[0] == "AccessDenied"

    def test_they_call_nothing_of_iam_and_of_sts_only_get_caller_identity(self, identities: Identities) -> None:
        credentials = self.federate(identities, identities.user(allow("*")), allow("*"))
        role = identities.role(trust({"AWS": ACCOUNT}))
        assert refused(identities.client("iam", credentials).list_roles)[0] == "InvalidClientTokenId"
        assert refused(identities.assume, role, credentials)[0] == "AccessDenied"
        sts = identities.client("sts", credentials)
        assert refused(sts.get_session_token)[0] == "AccessDenied"
        assert refused(sts.get_federation_token, Name="bob")[0] == "AccessDenied"

    def test_a_role_session_federates_nobody(self, identities: Identities) -> None:
        session = identities.assume(identities.role(trust({"AWS": ACCOUNT}), allowed=(allow("*"),)))
        sts = identities.client("sts", session)
        assert refused(sts.get_federation_token, Name="ann") == (
            "AccessDenied",
            "Cannot call GetFederationToken with session credentials",
        )
        assert refused(sts.get_session_token)[0] == "AccessDenied"

    def test_who_may_federate(self, identities: Identities) -> None:
        assert refused(self.federate, identities, identities.user())[0] == "AccessDenied"
        only_bob = allow("sts:GetFederationToken", resource=f"arn:aws:sts::{ACCOUNT}:federated-user/bob")
        assert refused(self.federate, identities, identities.user(only_bob))[0] == "AccessDenied"
        no_tags = identities.user(allow("sts:GetFederationToken"))
        tags = [{"Key": "team", "Value": "dogs"}]
        assert "sts:TagSession" in refused(self.federate, identities, no_tags, Tags=tags)[1]

    def test_their_tags_are_the_sessions_only(self, identities: Identities) -> None:
        tagged = allow("sagemaker:ListModels", Condition={"StringEquals": {"aws:PrincipalTag/team": "dogs"}})
        user = identities.user(self.MAY, tagged, tags={"team": "dogs"})
        assert "Models" in identities.client("sagemaker", user).list_models()
        untagged = self.federate(identities, user, allow("*"))
        assert refused(identities.client("sagemaker", untagged).list_models)[0] == "AccessDeniedException"
        with_tags = self.federate(identities, user, allow("*"), Tags=[{"Key": "team", "Value": "dogs"}])
        assert "Models" in identities.client("sagemaker", with_tags).list_models()

    def test_a_buckets_policy_may_name_one(self, identities: Identities) -> None:
        """What it grants to the session itself is not limited by the session policies."""
        bucket, s3 = unique("bucket"), identities.client("s3")
        s3.create_bucket(Bucket=bucket)
        principal = {"AWS": f"arn:aws:sts::{ACCOUNT}:federated-user/ann"}
        named = {**allow("s3:ListBucket", resource=f"arn:aws:s3:::{bucket}"), "Principal": principal}
        credentials = self.federate(identities, identities.user(self.MAY))
        assert refused(identities.client("s3", credentials).list_objects_v2, Bucket=bucket)[0] == "AccessDenied"
        s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(document(named)))
        assert identities.client("s3", credentials).list_objects_v2(Bucket=bucket)["KeyCount"] == 0
