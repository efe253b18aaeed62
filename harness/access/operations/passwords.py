"""Users' passwords for the console, and the account's policy about them. Source: IAM API reference."""

from __future__ import annotations

import hmac
import os
from collections.abc import Mapping
from typing import Any

from harness.access import errors
from harness.access.account import Account
from harness.access.identities import LoginProfile, User
from harness.access.operations.base import Operations
from harness.access.rules.passwords import PasswordPolicy, password_fault, password_hash
from harness.core.calls import Call

Answer = dict[str, Any]

# As many old passwords as a policy can forbid (API reference, PasswordReusePrevention).
_MOST_REMEMBERED = 24


class PasswordOperations(Operations):
    """Create, Get, Update and DeleteLoginProfile; ChangePassword; Get, Update and DeleteAccountPasswordPolicy."""

    async def create_login_profile(self, call: Call, request: Mapping[str, Any]) -> Answer:
        account, user = self.account(call), self.user(call, request)
        if user.login_profile is not None:
            raise errors.already_exists("login-profile", user.name)
        if "Password" not in request:
            # Only a root session that an organization grants may leave it out (API reference).
            raise errors.validation_error("Password is required to create the login profile of an IAM user.")
        profile = LoginProfile(account.now(), b"", b"", bool(request.get("PasswordResetRequired")))
        _set_password(account, profile, request["Password"])
        user.login_profile = profile
        return {"LoginProfile": _describe(user, profile)}

    async def get_login_profile(self, call: Call, request: Mapping[str, Any]) -> Answer:
        user = self.user(call, request)
        return {"LoginProfile": _describe(user, _profile(user))}

    async def update_login_profile(self, call: Call, request: Mapping[str, Any]) -> Answer:
        user = self.user(call, request)
        profile = _profile(user)
        if "Password" in request:
            _set_password(self.account(call), profile, request["Password"])
        profile.reset_required = request.get("PasswordResetRequired", profile.reset_required)
        return {}

    async def delete_login_profile(self, call: Call, request: Mapping[str, Any]) -> Answer:
        user = self.user(call, request)
        _profile(user)
        user.login_profile = None
        return {}

    async def change_password(self, call: Call, request: Mapping[str, Any]) -> Answer:
        """Only a user's own."""
        if call.principal.kind != "user":
            raise errors.not_a_user()
        user = self.user(call, {})
        profile = _profile(user)
        if not hmac.compare_digest(password_hash(request["OldPassword"], profile.salt), profile.password_hash):
            raise errors.wrong_password()
        _set_password(self.account(call), profile, request["NewPassword"], changed_by_user=True)
        profile.reset_required = False
        return {}

    async def update_account_password_policy(self, call: Call, request: Mapping[str, Any]) -> Answer:
        """What a request does not say gets its default again."""
        self.account(call).password_policy = PasswordPolicy(
            request.get("MinimumPasswordLength", 6),
            request.get("RequireSymbols", False),
            request.get("RequireNumbers", False),
            request.get("RequireUppercaseCharacters", False),
            request.get("RequireLowercaseCharacters", False),
            request.get("AllowUsersToChangePassword", False),
            request.get("MaxPasswordAge", 0),
            request.get("PasswordReusePrevention", 0),
            request.get("HardExpiry"),
        )
        return {}

    async def get_account_password_policy(self, call: Call, request: Mapping[str, Any]) -> Answer:
        account = self.account(call)
        policy = account.password_policy
        if policy is None:
            sentence = f"The Password Policy with domain name {account.account_id} cannot be found."
            raise errors.no_such_in_words(sentence)
        described: Answer = {
            "MinimumPasswordLength": policy.minimum_length,
            "RequireSymbols": policy.symbols,
            "RequireNumbers": policy.numbers,
            "RequireUppercaseCharacters": policy.uppercase,
            "RequireLowercaseCharacters": policy.lowercase,
            "AllowUsersToChangePassword": policy.users_may_change,
            "ExpirePasswords": policy.max_age > 0,
        }
        if policy.max_age:
            described["MaxPasswordAge"] = policy.max_age
        if policy.reuse_prevention:
            described["PasswordReusePrevention"] = policy.reuse_prevention
        if policy.hard_expiry is not None:
            described["HardExpiry"] = policy.hard_expiry
        return {"PasswordPolicy": described}

    async def delete_account_password_policy(self, call: Call, request: Mapping[str, Any]) -> Answer:
        account = self.account(call)
        if account.password_policy is None:
            raise errors.no_such_in_words("The account policy with name PasswordPolicy cannot be found.")
        account.password_policy = None
        return {}


def _profile(user: User) -> LoginProfile:
    if user.login_profile is None:
        raise errors.no_such("login-profile", user.name)
    return user.login_profile


def _set_password(account: Account, profile: LoginProfile, password: str, *, changed_by_user: bool = False) -> None:
    """Sets a password that the account's policy takes. Old ones are forbidden only to users themselves."""
    policy = account.password_policy
    fault = password_fault(password, policy)
    if fault is not None:
        raise errors.bad_password(fault)
    forbidden = policy.reuse_prevention if policy is not None and changed_by_user else 0
    former = profile.former[-forbidden:] if forbidden else []
    if any(hmac.compare_digest(password_hash(password, salt), hashed) for salt, hashed in former):
        raise errors.bad_password("Policy constraint violation with password reuse prevention during password change")
    profile.changed = account.now()
    profile.salt = os.urandom(16)
    profile.password_hash = password_hash(password, profile.salt)
    profile.former = [*profile.former, (profile.salt, profile.password_hash)][-_MOST_REMEMBERED:]


def _describe(user: User, profile: LoginProfile) -> Answer:
    return {
        "UserName": user.name,
        "CreateDate": profile.created,
        "PasswordResetRequired": profile.reset_required,
    }
