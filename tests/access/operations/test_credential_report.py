"""GenerateCredentialReport and GetCredentialReport. Source: IAM user guide, credential reports."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest

from tests.access.operations.iam import arn, refused_code
from tests.support import ACCOUNT, Aws, unique

FOUR_HOURS = 4 * 3600


@pytest.fixture
def later(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Moves the wall clock of IAM by some seconds. It begins when earlier reports have expired."""
    state, account = aws.local.access.state, aws.local.access.state.account(ACCOUNT)
    account.credential_report = None
    now = state.now

    def move(seconds: float) -> None:
        monkeypatch.setattr(state, "now", lambda: now() + seconds)

    yield move
    account.credential_report = None


def rows(iam: Any) -> dict[str, dict[str, str]]:
    """The report's rows by user."""
    answer = iam.get_credential_report()
    assert answer["ReportFormat"] == "text/csv"
    return {row["user"]: row for row in csv.DictReader(io.StringIO(answer["Content"].decode()))}


def test_a_report_is_made_once_in_four_hours(iam: Any, later: Any) -> None:
    assert refused_code(iam.get_credential_report) == "ReportNotPresent"
    assert iam.generate_credential_report()["State"] == "STARTED"
    assert iam.generate_credential_report()["State"] == "COMPLETE"
    name = unique("late")
    iam.create_user(UserName=name)
    later(FOUR_HOURS - 60)
    assert name not in rows(iam)
    later(FOUR_HOURS + 1)
    assert refused_code(iam.get_credential_report) == "ReportExpired"
    assert iam.generate_credential_report()["State"] == "STARTED"
    assert name in rows(iam)


def test_what_a_user_has(aws: Aws, iam: Any, later: Any) -> None:
    bare, full = unique("bare"), unique("full")
    iam.create_user(UserName=bare)
    created = iam.create_user(UserName=full, Path="/team/")["User"]["CreateDate"]
    iam.create_login_profile(UserName=full, Password="correct-Horse-9")
    keys = [iam.create_access_key(UserName=full)["AccessKey"] for _ in range(2)]
    iam.update_access_key(UserName=full, AccessKeyId=keys[1]["AccessKeyId"], Status="Inactive")
    aws.client("sts", keys[0]["AccessKeyId"], keys[0]["SecretAccessKey"]).get_caller_identity()
    iam.generate_credential_report()
    report = rows(iam)
    row = report[full]
    assert (row["arn"], row["user_creation_time"]) == (arn("user", full, "/team/"), created.isoformat())
    assert (row["password_enabled"], row["password_last_used"], row["password_next_rotation"]) == (
        "true",
        "no_information",
        "N/A",
    )
    assert row["password_last_changed"].endswith("+00:00")
    assert (row["access_key_1_active"], row["access_key_2_active"], row["mfa_active"]) == ("true", "false", "false")
    assert (row["access_key_1_last_used_service"], row["access_key_1_last_used_region"]) == ("sts", "us-east-1")
    assert row["access_key_2_last_used_date"] == "N/A"
    nothing = report[bare]
    assert {nothing[key] for key in nothing if key.endswith(("active", "enabled"))} == {"false"}
    assert {nothing[key] for key in nothing if "last" in key or "next" in key} == {"N/A"}
    root = report["<root_account>"]
    assert (root["arn"], root["password_enabled"]) == (f"arn:aws:iam::{ACCOUNT}:root", "not_supported")
    assert next(iter(report)) == "<root_account>"


def test_when_a_password_has_to_be_changed(iam: Any, later: Any) -> None:
    name = unique("rotates")
    iam.create_user(UserName=name)
    iam.create_login_profile(UserName=name, Password="correct-Horse-9")
    iam.update_account_password_policy(MaxPasswordAge=90)
    try:
        iam.generate_credential_report()
        row = rows(iam)[name]
    finally:
        iam.delete_account_password_policy()
    assert row["password_next_rotation"] > row["password_last_changed"]
