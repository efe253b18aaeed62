"""Virtual MFA devices through boto3. Sources: IAM API reference; RFC 6238; public logs."""

from __future__ import annotations

import base64
import time
from dataclasses import dataclass
from typing import Any

import pytest

from harness.access.rules.totp import code_at, step_of
from tests.access.sts.identities import Identities, allow, refused
from tests.support import ACCOUNT, Aws, unique


@dataclass
class Device:
    serial: str
    seed: bytes

    def codes(self, off: int = 0) -> dict[str, str]:
        """Two codes that follow each other, the second of now or ``off`` steps later."""
        step = step_of(time.time()) + off
        return {"AuthenticationCode1": code_at(self.seed, step - 1), "AuthenticationCode2": code_at(self.seed, step)}


@pytest.fixture
def iam(aws: Aws) -> Any:
    return aws.client("iam")


@pytest.fixture
def user(iam: Any) -> str:
    name = unique("user")
    iam.create_user(UserName=name)
    return name


def create(iam: Any, **request: Any) -> Device:
    answer = iam.create_virtual_mfa_device(VirtualMFADeviceName=unique("mfa"), **request)["VirtualMFADevice"]
    return Device(answer["SerialNumber"], base64.b32decode(answer["Base32StringSeed"]))


def enabled(iam: Any, user: str) -> Device:
    device = create(iam)
    iam.enable_mfa_device(UserName=user, SerialNumber=device.serial, **device.codes())
    return device


class TestCreate:
    def test_it_has_a_seed_and_a_qr_code(self, iam: Any) -> None:
        name = unique("mfa")
        request = {"VirtualMFADeviceName": name, "Path": "/team/", "Tags": [{"Key": "a", "Value": "1"}]}
        device = iam.create_virtual_mfa_device(**request)["VirtualMFADevice"]
        assert device["SerialNumber"] == f"arn:aws:iam::{ACCOUNT}:mfa/team/{name}"
        assert len(device["Base32StringSeed"]) == 64
        assert device["QRCodePNG"].startswith(b"\x89PNG")
        assert device["Tags"] == [{"Key": "a", "Value": "1"}]
        assert refused(iam.create_virtual_mfa_device, **request) == (
            "EntityAlreadyExists",
            "MFADevice entity at the same path and name already exists.",
        )


class TestEnable:
    def test_two_codes_enable_it(self, iam: Any, user: str) -> None:
        device = enabled(iam, user)
        [listed] = iam.list_mfa_devices(UserName=user)["MFADevices"]
        assert (listed["UserName"], listed["SerialNumber"]) == (user, device.serial)
        described = iam.get_mfa_device(SerialNumber=device.serial, UserName=user)
        assert (described["UserName"], described["EnableDate"]) == (user, listed["EnableDate"])

    @pytest.mark.parametrize("fault", ["swapped", "same", "old", "wrong"])
    def test_codes_that_do_not(self, iam: Any, user: str, fault: str) -> None:
        device = create(iam)
        codes = device.codes(-10 if fault == "old" else 0)
        first, second = codes["AuthenticationCode1"], codes["AuthenticationCode2"]
        if fault == "swapped":
            first, second = second, first
        elif fault == "same":
            first = second
        elif fault == "wrong":
            second = f"{(int(second) + 1) % 10**6:06}"
        request = {"AuthenticationCode1": first, "AuthenticationCode2": second}
        code = refused(iam.enable_mfa_device, UserName=user, SerialNumber=device.serial, **request)[0]
        assert code == "InvalidAuthenticationCode"
        assert iam.list_mfa_devices(UserName=user)["MFADevices"] == []

    def test_it_belongs_to_one_user(self, iam: Any, user: str) -> None:
        device = enabled(iam, user)
        request = {"SerialNumber": device.serial, **device.codes()}
        assert refused(iam.enable_mfa_device, UserName=user, **request)[0] == "EntityAlreadyExists"
        assert refused(iam.enable_mfa_device, UserName=unique("u"), **request)[0] == "NoSuchEntity"

    def test_a_user_has_at_most_eight(self, iam: Any, user: str) -> None:
        for _ in range(8):
            enabled(iam, user)
        ninth = create(iam)
        request = {"UserName": user, "SerialNumber": ninth.serial, **ninth.codes()}
        assert refused(iam.enable_mfa_device, **request)[0] == "LimitExceeded"


class TestResync:
    def test_a_device_whose_clock_is_off_is_synchronized(
        self, iam: Any, user: str, aws: Aws, identities: Identities
    ) -> None:
        device = enabled(iam, user)
        sts = identities.client("sts", identities.account().users.get(user))
        off = 20
        request = {"SerialNumber": device.serial}
        token = code_at(device.seed, step_of(time.time()) + off + 1)
        assert refused(sts.get_session_token, **request, TokenCode=token)[0] == "AccessDenied"
        iam.resync_mfa_device(UserName=user, **request, **device.codes(off))
        token = code_at(device.seed, step_of(time.time()) + off + 1)
        assert sts.get_session_token(**request, TokenCode=token)["Credentials"]

    def test_what_it_refuses(self, iam: Any, user: str) -> None:
        device, other = enabled(iam, user), create(iam)
        request = {"UserName": user, "SerialNumber": device.serial}
        wrong = {"AuthenticationCode1": "000000", "AuthenticationCode2": "000000"}
        assert refused(iam.resync_mfa_device, **request, **wrong)[0] == "InvalidAuthenticationCode"
        request["SerialNumber"] = other.serial
        assert refused(iam.resync_mfa_device, **request, **other.codes())[0] == "NoSuchEntity"


class TestEnd:
    def test_it_is_deactivated_before_it_is_deleted(self, iam: Any, user: str) -> None:
        device = enabled(iam, user)
        assert refused(iam.delete_virtual_mfa_device, SerialNumber=device.serial)[0] == "DeleteConflict"
        assert refused(iam.delete_user, UserName=user)[0] == "DeleteConflict"
        iam.deactivate_mfa_device(UserName=user, SerialNumber=device.serial)
        assert refused(iam.deactivate_mfa_device, UserName=user, SerialNumber=device.serial)[0] == "NoSuchEntity"
        iam.delete_virtual_mfa_device(SerialNumber=device.serial)
        assert refused(iam.get_mfa_device, SerialNumber=device.serial)[0] == "NoSuchEntity"
        assert refused(iam.delete_virtual_mfa_device, SerialNumber=device.serial)[0] == "NoSuchEntity"
        iam.delete_user(UserName=user)

    def test_it_stays_with_a_renamed_user(self, iam: Any, user: str) -> None:
        device, new = enabled(iam, user), unique("user")
        iam.update_user(UserName=user, NewUserName=new)
        assert iam.get_mfa_device(SerialNumber=device.serial)["UserName"] == new


class TestListsAndTags:
    def test_virtual_devices_by_assignment(self, iam: Any, user: str) -> None:
        assigned, free = enabled(iam, user), create(iam)

        def serials(**request: Any) -> set[str]:
            pages = iam.get_paginator("list_virtual_mfa_devices").paginate(**request, PaginationConfig={"PageSize": 2})
            return {device["SerialNumber"] for page in pages for device in page["VirtualMFADevices"]}

        assert {assigned.serial, free.serial} <= serials()
        assert free.serial not in serials(AssignmentStatus="Assigned")
        assert assigned.serial not in serials(AssignmentStatus="Unassigned")

    def test_tags(self, iam: Any) -> None:
        device = create(iam, Tags=[{"Key": "Team", "Value": "dogs"}])
        iam.tag_mfa_device(
            SerialNumber=device.serial, Tags=[{"Key": "team", "Value": "cats"}, {"Key": "b", "Value": ""}]
        )
        assert iam.list_mfa_device_tags(SerialNumber=device.serial)["Tags"] == [
            {"Key": "b", "Value": ""},
            {"Key": "team", "Value": "cats"},
        ]
        iam.untag_mfa_device(SerialNumber=device.serial, TagKeys=["B"])
        assert [tag["Key"] for tag in iam.list_mfa_device_tags(SerialNumber=device.serial)["Tags"]] == ["team"]


def test_whose_they_are(identities: Identities) -> None:
    """A policy for users who manage their own devices, as in the IAM user guide."""
    user = identities.user(
        allow(
            "iam:CreateVirtualMFADevice",
            "iam:EnableMFADevice",
            "iam:ListMFADevices",
            resource=[
                f"arn:aws:iam::{ACCOUNT}:mfa/${{aws:username}}",
                f"arn:aws:iam::{ACCOUNT}:user/${{aws:username}}",
            ],
        )
    )
    iam = identities.client("iam", user)
    answer = iam.create_virtual_mfa_device(VirtualMFADeviceName=user.name)["VirtualMFADevice"]
    device = Device(answer["SerialNumber"], base64.b32decode(answer["Base32StringSeed"]))
    iam.enable_mfa_device(UserName=user.name, SerialNumber=device.serial, **device.codes())
    assert len(iam.list_mfa_devices()["MFADevices"]) == 1
    other = identities.user()
    assert refused(iam.list_mfa_devices, UserName=other.name)[0] == "AccessDenied"
    assert refused(iam.create_virtual_mfa_device, VirtualMFADeviceName=other.name)[0] == "AccessDenied"
