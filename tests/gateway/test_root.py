"""What limits an account's root: the policies of resources. Source: IAM user guide, policy evaluation logic."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.access.sts.identities import HOME_ROOT, OTHER_ACCOUNT, Credentials, Identities, allow, document, refused
from tests.support import Aws, unique


@pytest.fixture
def identities(aws: Aws) -> Identities:
    return Identities(aws)


@pytest.fixture
def bucket(aws: Aws) -> str:
    name, s3 = unique("bucket"), aws.client("s3")
    s3.create_bucket(Bucket=name)
    s3.put_object(Bucket=name, Key="a", Body=b"a")
    return name


def put(aws: Aws, bucket: str, *statements: dict[str, Any]) -> None:
    aws.client("s3").put_bucket_policy(Bucket=bucket, Policy=json.dumps(document(*statements)))


def about(bucket: str, principal: Any, effect: str = "Allow", *actions: str) -> dict[str, Any]:
    resources = [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"]
    return {**allow(*(actions or ("s3:*",)), resource=resources), "Effect": effect, "Principal": principal}


class TestInItsOwnAccount:
    @pytest.mark.parametrize("principal", ["*", {"AWS": HOME_ROOT}])
    @pytest.mark.parametrize("well_known", [True, False])
    def test_an_explicit_deny_of_a_buckets_policy_binds_it(
        self, aws: Aws, identities: Identities, bucket: str, principal: Any, well_known: bool
    ) -> None:
        s3 = identities.client("s3", None if well_known else identities.root_key())
        assert s3.get_object(Bucket=bucket, Key="a")
        put(aws, bucket, about(bucket, principal, "Deny", "s3:GetObject"))
        code, message = refused(s3.get_object, Bucket=bucket, Key="a")
        assert code == "AccessDenied"
        assert message.endswith("with an explicit deny in a resource-based policy")
        assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 1

    def test_it_is_not_locked_out_of_a_buckets_policy(self, aws: Aws, identities: Identities, bucket: str) -> None:
        put(aws, bucket, about(bucket, "*", "Deny"))
        s3 = identities.client("s3", identities.root_key())
        assert refused(s3.get_object, Bucket=bucket, Key="a")[0] == "AccessDenied"
        assert "Deny" in s3.get_bucket_policy(Bucket=bucket)["Policy"]
        s3.delete_bucket_policy(Bucket=bucket)
        assert s3.get_object(Bucket=bucket, Key="a")

    def test_it_needs_no_grant(self, aws: Aws, identities: Identities, bucket: str) -> None:
        put(aws, bucket, about(bucket, {"AWS": identities.user().arn}))
        assert identities.client("s3", identities.root_key()).get_object(Bucket=bucket, Key="a")

    def test_its_signature_is_verified(self, identities: Identities, bucket: str) -> None:
        forged = Credentials(identities.root_key().key, "wrong")
        for service, operation in (("s3", "list_buckets"), ("sqs", "list_queues"), ("sagemaker", "list_models")):
            call = getattr(identities.client(service, forged), operation)
            assert refused(call)[0] in ("SignatureDoesNotMatch", "InvalidSignatureException")


class TestAcrossAccounts:
    def test_the_resource_has_to_grant_it(self, aws: Aws, identities: Identities, bucket: str) -> None:
        s3 = identities.client("s3", identities.root_key(OTHER_ACCOUNT))
        assert refused(s3.get_object, Bucket=bucket, Key="a")[0] == "AccessDenied"
        put(aws, bucket, about(bucket, {"AWS": OTHER_ACCOUNT}, "Allow", "s3:GetObject"))
        assert s3.get_object(Bucket=bucket, Key="a")["Body"].read() == b"a"
        assert refused(s3.list_objects_v2, Bucket=bucket)[0] == "AccessDenied"
