"""GenerateCredentialReport and GetCredentialReport.

Source: IAM API reference; IAM user guide, "Generate credential reports for your AWS account", for the columns.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from harness.access import errors
from harness.access.account import Account
from harness.access.identities import CredentialReport, User
from harness.access.operations.base import Operations
from harness.access.rules.quotas import ACCESS_KEYS_PER_USER, CERTIFICATES_PER_USER
from harness.core.calls import Call

Answer = dict[str, Any]

# IAM makes a report at most so often, and gives the last one until then (IAM user guide).
_VALID_FOR = timedelta(hours=4)
_NONE, _UNKNOWN, _UNSUPPORTED = "N/A", "no_information", "not_supported"

_COLUMNS = (
    "user",
    "arn",
    "user_creation_time",
    "password_enabled",
    "password_last_used",
    "password_last_changed",
    "password_next_rotation",
    "mfa_active",
    *(
        f"access_key_{number}_{column}"
        for number in range(1, ACCESS_KEYS_PER_USER + 1)
        for column in ("active", "last_rotated", "last_used_date", "last_used_region", "last_used_service")
    ),
    *(
        f"cert_{number}_{column}"
        for number in range(1, CERTIFICATES_PER_USER + 1)
        for column in ("active", "last_rotated")
    ),
)


class CredentialReportOperations(Operations):
    """GenerateCredentialReport, GetCredentialReport."""

    async def generate_credential_report(self, call: Call, request: Mapping[str, Any]) -> Answer:
        """A new report is ready as soon as it is asked for. One that is not four hours old is kept."""
        account, now = self.account(call), self._now()
        known = account.credential_report
        if known is not None and now - known.generated < _VALID_FOR:
            return {"State": "COMPLETE"}
        account.credential_report = CredentialReport(now, self._content(account))
        return {"State": "STARTED", "Description": "No report exists. Starting a new report generation task"}

    async def get_credential_report(self, call: Call, request: Mapping[str, Any]) -> Answer:
        report = self.account(call).credential_report
        if report is None:
            raise errors.no_credential_report()
        if self._now() - report.generated >= _VALID_FOR:
            raise errors.expired_credential_report()
        return {"Content": report.content, "ReportFormat": "text/csv", "GeneratedTime": report.generated}

    def _now(self) -> datetime:
        return _date(self.state.now())

    def _content(self, account: Account) -> bytes:
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(_COLUMNS)
        writer.writerow(self._root(account))
        writer.writerows(self._user(account, user) for user in account.users)
        return text.getvalue().removesuffix("\n").encode()

    def _root(self, account: Account) -> list[str]:
        """The root has no password, MFA device or certificate here."""
        password = [_UNSUPPORTED, _UNKNOWN, _UNSUPPORTED, _UNSUPPORTED]
        certificates = ["false", _NONE] * CERTIFICATES_PER_USER
        identity = ["<root_account>", account.root_arn, _written(account.created)]
        return [*identity, *password, "false", *self._keys(account.root_access_keys), *certificates]

    def _user(self, account: Account, user: User) -> list[str]:
        certificates: list[str] = []
        for certificate in [*user.signing_certificates.values()][:CERTIFICATES_PER_USER]:
            certificates += [_flag(certificate.active), _written(certificate.uploaded)]
        certificates += ["false", _NONE] * (CERTIFICATES_PER_USER - len(certificates) // 2)
        identity = [user.name, user.arn, _written(user.created)]
        mfa = _flag(bool(user.mfa_devices))
        return [*identity, *_password(account, user), mfa, *self._keys(user.access_keys), *certificates]

    def _keys(self, key_ids: Sequence[str]) -> list[str]:
        columns: list[str] = []
        keys = [key for key_id in key_ids if (key := self.state.keys.get(key_id)) is not None]
        for key in keys[:ACCESS_KEYS_PER_USER]:
            columns += [_flag(key.active), _NONE if key.issued is None else _written(_date(key.issued))]
            use = self.state.keys.last_use(key.key_id)
            columns += [_NONE] * 3 if use is None else [_written(_date(use.at)), use.region, use.service]
        return columns + ["false", *[_NONE] * 4] * (ACCESS_KEYS_PER_USER - len(columns) // 5)


def _password(account: Account, user: User) -> list[str]:
    profile = user.login_profile
    if profile is None:
        return ["false", _NONE, _NONE, _NONE]
    changed = profile.changed or profile.created
    policy = account.password_policy
    days = policy.max_age if policy is not None else 0
    used = _UNKNOWN if user.password_last_used is None else _written(user.password_last_used)
    return ["true", used, _written(changed), _written(changed + timedelta(days=days)) if days else _NONE]


def _flag(value: bool) -> str:
    return "true" if value else "false"


def _date(seconds: float) -> datetime:
    return datetime.fromtimestamp(int(seconds), UTC)


def _written(date: datetime) -> str:
    return date.isoformat(timespec="seconds")
