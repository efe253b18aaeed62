"""The target comes from boto3's variables, and must be this machine unless AWS is asked for."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from harness.core.errors import HarnessError
from harness.load.target import aws_target, function_url_target, is_loopback, target_from

ENVIRONMENT = {
    "AWS_ENDPOINT_URL": "http://127.0.0.1:4566",
    "AWS_ACCESS_KEY_ID": "id",
    "AWS_SECRET_ACCESS_KEY": "secret",
    "AWS_DEFAULT_REGION": "eu-west-1",
}


def test_reads_boto3s_variables() -> None:
    target = target_from({**ENVIRONMENT, "AWS_SESSION_TOKEN": "token"})
    assert target.url == "http://127.0.0.1:4566"
    assert target.region == "eu-west-1"
    assert (target.credentials.access_key, target.credentials.secret_key) == ("id", "secret")
    assert target.credentials.session_token == "token"


def test_locusts_host_takes_precedence() -> None:
    assert target_from(ENVIRONMENT, "http://localhost:9/").url == "http://localhost:9"


def test_aws_region_is_enough() -> None:
    environment = {**ENVIRONMENT, "AWS_REGION": "us-west-2"}
    del environment["AWS_DEFAULT_REGION"]
    assert target_from(environment).region == "us-west-2"


@pytest.mark.parametrize("name", [*ENVIRONMENT])
def test_a_missing_variable_is_named_with_the_remedy(name: str) -> None:
    with pytest.raises(HarnessError, match=rf"{name}.*harness up"):
        target_from({key: value for key, value in ENVIRONMENT.items() if key != name})


@pytest.mark.parametrize("url", ["127.0.0.1:4566", "ftp://127.0.0.1", "http://", "http://[::1", "http://127.0.0.1:x"])
def test_a_malformed_url_is_refused(url: str) -> None:
    with pytest.raises(HarnessError, match="is not a target"):
        target_from(ENVIRONMENT, url)


@pytest.mark.parametrize("host", ["runtime.sagemaker.us-east-1.amazonaws.com", "10.0.0.1", "127.0.0.1.example.com"])
def test_another_machine_is_refused(host: str) -> None:
    with pytest.raises(HarnessError, match=f"'{host}' is not this machine"):
        target_from(ENVIRONMENT, f"https://{host}")


def test_loopback_is_known_by_the_name_alone() -> None:
    assert all(map(is_loopback, ["127.0.0.1", "127.9.9.9", "::1", "localhost", "aws.localhost"]))
    assert not any(map(is_loopback, ["0.0.0.0", "gateway", "localhost.example.com"]))


AWS = {"AWS_ACCESS_KEY_ID": "AKIAEXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_DEFAULT_REGION": "eu-west-1"}


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> None:
    """Credentials and a region where boto3 finds them; they are not sent anywhere."""
    for name, value in AWS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)


@pytest.mark.parametrize(
    ("service", "url"),
    [
        ("lambda", "https://lambda.eu-west-1.amazonaws.com"),
        ("sagemaker-runtime", "https://runtime.sagemaker.eu-west-1.amazonaws.com"),
    ],
)
def test_a_real_account_is_found_as_boto3_finds_it(account: None, service: str, url: str) -> None:
    target = aws_target(service, os.environ)
    assert (target.url, target.region, target.credentials.access_key) == (url, "eu-west-1", "AKIAEXAMPLE")


def test_a_profile_is_enough(account: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "config").write_text("[profile dogs]\nregion = ap-south-1\n")
    (tmp_path / "credentials").write_text("[dogs]\naws_access_key_id = AKIADOGS\naws_secret_access_key = x\n")
    for name in AWS:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_PROFILE", "dogs")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    target = aws_target("lambda", os.environ)
    assert (target.region, target.credentials.access_key) == ("ap-south-1", "AKIADOGS")
    monkeypatch.setenv("AWS_PROFILE", "cats")
    with pytest.raises(HarnessError, match=r"AWS cannot be reached as configured: .*cats"):
        aws_target("lambda", os.environ)


@pytest.mark.parametrize(
    ("missing", "sentence"),
    [("AWS_DEFAULT_REGION", "There is no region"), ("AWS_ACCESS_KEY_ID", "no AWS credentials|Partial credentials")],
)
def test_missing_settings_of_a_real_account_are_named(
    account: None, monkeypatch: pytest.MonkeyPatch, missing: str, sentence: str
) -> None:
    monkeypatch.delenv(missing)
    with pytest.raises(HarnessError, match=sentence):
        aws_target("lambda", os.environ)


def test_a_real_account_and_a_local_endpoint_contradict_each_other(account: None) -> None:
    with pytest.raises(HarnessError, match="which is not AWS: unset it, or leave --target aws out"):
        aws_target("lambda", {"AWS_ENDPOINT_URL": "http://127.0.0.1:4566"})


def test_a_function_url_names_its_region(account: None) -> None:
    url = "https://abc123.lambda-url.us-west-2.on.aws"
    assert function_url_target(url + "/", os.environ).region == "us-west-2"
    for wrong in ("https://example.com", None, "http://abc123.lambda-url.us-west-2.on.aws"):
        with pytest.raises(HarnessError, match=r"is not a function URL"):
            function_url_target(wrong, os.environ)
