"""Virtual MFA devices, whose codes are TOTP (RFC 6238).

Sources: IAM API reference; IAM user guide, "AWS multi-factor authentication in IAM".
"""

from __future__ import annotations

import base64
import io
import secrets
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from harness.access import errors
from harness.access.identities import MfaDevice, User
from harness.access.operations.base import (
    Operations,
    add_tags,
    new_tags,
    page_of,
    page_of_tags,
    remove_tags,
    tag_list,
)
from harness.access.operations.descriptions import describe_user
from harness.access.rules import identifiers, quotas, totp
from harness.core.calls import Call

Answer = dict[str, Any]

_SEED_BYTES = 40  # 64 characters in base32, as AWS's seeds have
_RESYNC_STEPS = 120
"""How many steps a device may be off that is synchronized again: an hour. AWS's figure is not published."""


class MfaDeviceOperations(Operations):
    """CreateVirtualMFADevice, Enable-, Resync-, Deactivate-, GetMFADevice, DeleteVirtualMFADevice, lists and tags."""

    async def create_virtual_mfa_device(self, call: Call, request: Mapping[str, Any]) -> Answer:
        account, name = self.account(call), request["VirtualMFADeviceName"]
        serial = identifiers.arn(account.account_id, "mfa", request.get("Path", "/"), name)
        if any(serial.lower() == known.lower() for known in account.mfa_devices):
            raise errors.mfa_device_exists()
        device = MfaDevice(serial, secrets.token_bytes(_SEED_BYTES), account.now(), tags=new_tags(request))
        account.mfa_devices[serial] = device
        seed = base64.b32encode(device.seed)
        uri = f"otpauth://totp/{quote(name)}@{quote(account.alias or account.account_id)}?secret={seed.decode()}"
        answer: Answer = {"SerialNumber": serial, "Base32StringSeed": seed, "QRCodePNG": _qr_code(uri)}
        return {"VirtualMFADevice": {**answer, **({"Tags": tag_list(device.tags)} if device.tags else {})}}

    async def delete_virtual_mfa_device(self, call: Call, request: Mapping[str, Any]) -> Answer:
        device = self._mfa_device(call, request)
        if device.user:
            raise errors.conflict("MFA VirtualDevice in use. Must deactivate first.")
        del self.account(call).mfa_devices[device.serial_number]
        return {}

    async def enable_mfa_device(self, call: Call, request: Mapping[str, Any]) -> Answer:
        user, device = self.user(call, request), self._mfa_device(call, request)
        if device.user:
            raise errors.mfa_device_in_use()
        if len(user.mfa_devices) >= quotas.MFA_DEVICES_PER_USER:
            raise errors.quota("MFADevicesPerUser", quotas.MFA_DEVICES_PER_USER)
        if not device.synchronize(_codes(request), self.state.now(), totp.SKEW_STEPS):
            raise errors.wrong_mfa_code()
        device.user, device.enabled = user.name, self.account(call).now()
        user.mfa_devices.append(device.serial_number)
        return {}

    async def resync_mfa_device(self, call: Call, request: Mapping[str, Any]) -> Answer:
        device = self._device_of(self.user(call, request), call, request)
        if not device.synchronize(_codes(request), self.state.now(), _RESYNC_STEPS):
            raise errors.wrong_mfa_code()
        return {}

    async def deactivate_mfa_device(self, call: Call, request: Mapping[str, Any]) -> Answer:
        user = self.user(call, request)
        device = self._device_of(user, call, request)
        user.mfa_devices.remove(device.serial_number)
        device.user, device.enabled = "", None
        return {}

    async def get_mfa_device(self, call: Call, request: Mapping[str, Any]) -> Answer:
        if "UserName" in request:
            device = self._device_of(self.user(call, request), call, request)
        else:
            device = self._mfa_device(call, request)
        answer: Answer = {"SerialNumber": device.serial_number}
        return {**answer, "UserName": device.user, "EnableDate": device.enabled} if device.user else answer

    async def list_mfa_devices(self, call: Call, request: Mapping[str, Any]) -> Answer:
        user, devices = self.user(call, request), self.account(call).mfa_devices
        return page_of(
            "MFADevices",
            sorted(user.mfa_devices, key=str.lower),
            request,
            lambda serial: {
                "UserName": user.name,
                "SerialNumber": serial,
                "EnableDate": devices[serial].enabled,
            },
        )

    async def list_virtual_mfa_devices(self, call: Call, request: Mapping[str, Any]) -> Answer:
        account, status = self.account(call), request.get("AssignmentStatus", "Any")

        def describe(device: MfaDevice) -> Answer:
            described: Answer = {"SerialNumber": device.serial_number}
            user = account.users.get(device.user) if device.user else None
            if user is not None:
                described |= {"User": describe_user(user), "EnableDate": device.enabled}
            return described

        devices = [
            device
            for device in sorted(account.mfa_devices.values(), key=lambda device: device.serial_number.lower())
            if status == "Any" or (status == "Assigned") == bool(device.user)
        ]
        return page_of("VirtualMFADevices", devices, request, describe, lambda device: device.serial_number)

    async def tag_mfa_device(self, call: Call, request: Mapping[str, Any]) -> Answer:
        add_tags(self._mfa_device(call, request).tags, request["Tags"])
        return {}

    async def untag_mfa_device(self, call: Call, request: Mapping[str, Any]) -> Answer:
        remove_tags(self._mfa_device(call, request).tags, request["TagKeys"])
        return {}

    async def list_mfa_device_tags(self, call: Call, request: Mapping[str, Any]) -> Answer:
        return page_of_tags(self._mfa_device(call, request).tags, request)

    def _mfa_device(self, call: Call, request: Mapping[str, Any]) -> MfaDevice:
        serial = request["SerialNumber"]
        device = self.account(call).mfa_devices.get(serial)
        if device is None:
            raise errors.no_such_mfa_device(serial)
        return device

    def _device_of(self, user: User, call: Call, request: Mapping[str, Any]) -> MfaDevice:
        """The device, which has to be the user's."""
        device = self._mfa_device(call, request)
        if device.user != user.name:
            raise errors.not_users_mfa_device(device.serial_number, user.name)
        return device


def _codes(request: Mapping[str, Any]) -> tuple[str, str]:
    return request["AuthenticationCode1"], request["AuthenticationCode2"]


def _qr_code(uri: str) -> bytes:
    """A PNG of the QR code."""
    import segno  # when the first device is created: most stacks have none

    image = io.BytesIO()
    segno.make_qr(uri).save(image, kind="png", scale=4)
    return image.getvalue()
