"""OpenID Connect providers through boto3. Source: IAM API reference; AWS's words from public issues."""

from __future__ import annotations

from typing import Any

import pytest

from tests.access.sts.identities import Identities, allow, refused
from tests.support import ACCOUNT, Aws, unique


@pytest.fixture
def iam(aws: Aws) -> Any:
    return aws.client("iam")


def new_url() -> str:
    return f"https://{unique('token')}.example.com"


def create(iam: Any, url: str, **request: Any) -> str:
    return str(iam.create_open_id_connect_provider(Url=url, **request)["OpenIDConnectProviderArn"])


def test_it_is_kept_as_it_was_created(iam: Any) -> None:
    url = new_url() + "/oidc/id"
    tags = [{"Key": "a", "Value": "1"}]
    arn = create(iam, url, ClientIDList=["one", "two"], ThumbprintList=["A" * 40], Tags=tags)
    assert arn == f"arn:aws:iam::{ACCOUNT}:oidc-provider/{url.removeprefix('https://')}"
    provider = iam.get_open_id_connect_provider(OpenIDConnectProviderArn=arn)
    assert provider["Url"] == url.removeprefix("https://")
    assert (provider["ClientIDList"], provider["ThumbprintList"], provider["Tags"]) == (
        ["one", "two"],
        ["a" * 40],
        tags,
    )
    assert {"Arn": arn} in iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]
    assert refused(iam.create_open_id_connect_provider, Url=url) == (
        "EntityAlreadyExists",
        f"Provider with url {url} already exists.",
    )


@pytest.mark.parametrize(
    "url",
    [
        "example.org",
        "example",
        "http://token.example.com",
        "https://",
        "https://token.example.com:8443",
        "https://token.example.com/a?b=c",
        "https://user@token.example.com",
        "https://token.example.com/a#b",
        "https://tok en.example.com",
    ],
)
def test_a_url_that_is_no_issuers(iam: Any, url: str) -> None:
    code, message = refused(iam.create_open_id_connect_provider, Url=url)
    assert (code, message) == ("ValidationError", "Invalid Open ID Connect Provider URL")


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        ({"ThumbprintList": [letter * 40 for letter in "abcdef"]}, "InvalidInput"),
        ({"ThumbprintList": ["z" * 40]}, "InvalidInput"),
        ({"ClientIDList": [str(number) for number in range(101)]}, "LimitExceeded"),
        ({"Tags": [{"Key": "aws:a", "Value": ""}]}, "InvalidInput"),
    ],
)
def test_what_it_refuses(iam: Any, request_: dict[str, Any], code: str) -> None:
    assert refused(iam.create_open_id_connect_provider, Url=new_url(), **request_)[0] == code


def test_client_ids_and_thumbprints_change(iam: Any) -> None:
    arn = {"OpenIDConnectProviderArn": create(iam, new_url())}
    for client_id in ("one", "two", "one"):
        iam.add_client_id_to_open_id_connect_provider(**arn, ClientID=client_id)
    for client_id in ("one", "missing"):
        iam.remove_client_id_from_open_id_connect_provider(**arn, ClientID=client_id)
    iam.update_open_id_connect_provider_thumbprint(**arn, ThumbprintList=["b" * 40])
    provider = iam.get_open_id_connect_provider(**arn)
    assert (provider["ClientIDList"], provider["ThumbprintList"]) == (["two"], ["b" * 40])


def test_tags(iam: Any) -> None:
    arn = {"OpenIDConnectProviderArn": create(iam, new_url())}
    iam.tag_open_id_connect_provider(**arn, Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}])
    iam.untag_open_id_connect_provider(**arn, TagKeys=["a"])
    assert iam.list_open_id_connect_provider_tags(**arn)["Tags"] == [{"Key": "b", "Value": "2"}]


def test_deleting_one_twice_is_no_error(iam: Any) -> None:
    arn = create(iam, new_url())
    for _ in range(2):
        iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=arn)
    assert refused(iam.get_open_id_connect_provider, OpenIDConnectProviderArn=arn) == (
        "NoSuchEntity",
        f"OpenIDConnect Provider not found for arn {arn}",
    )


def test_who_may_create_one(identities: Identities) -> None:
    url = new_url()
    arn = f"arn:aws:iam::{ACCOUNT}:oidc-provider/{url.removeprefix('https://')}"
    iam = identities.client("iam", identities.user(allow("iam:CreateOpenIDConnectProvider", resource=arn)))
    assert create(iam, url) == arn
    assert refused(iam.create_open_id_connect_provider, Url=new_url())[0] == "AccessDenied"
