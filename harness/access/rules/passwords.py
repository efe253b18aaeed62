"""Passwords of IAM users: which an account's policy takes, and how they are kept.

Sources: IAM API reference, UpdateAccountPasswordPolicy; IAM user guide, "Set an account password policy for IAM users".
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

_ROUNDS = 10_000
_SYMBOLS = frozenset("!@#$%^&*()_+-=[]{}|'")
_DEFAULT_LENGTH = 8
_DEFAULT_KINDS = 3


@dataclass(frozen=True, slots=True)
class PasswordPolicy:
    """An account's own policy, with the values of a request that gives none. max_age: days; 0: for ever."""

    minimum_length: int = 6
    symbols: bool = False
    numbers: bool = False
    uppercase: bool = False
    lowercase: bool = False
    users_may_change: bool = False
    max_age: int = 0
    reuse_prevention: int = 0
    hard_expiry: bool | None = None


def password_fault(password: str, policy: PasswordPolicy | None) -> str | None:
    """What IAM says about a password that the account's policy refuses; None if it takes it.

    policy: None for AWS's own. The sentences are unverified.
    """
    symbols, numbers = any(char in _SYMBOLS for char in password), any(char.isdigit() for char in password)
    upper, lower = any("A" <= char <= "Z" for char in password), any("a" <= char <= "z" for char in password)
    if policy is None:
        enough = len(password) >= _DEFAULT_LENGTH and symbols + numbers + upper + lower >= _DEFAULT_KINDS
        return None if enough else "Password does not conform to the account password policy."
    if len(password) < policy.minimum_length:
        return f"Password should have a minimum length of {policy.minimum_length}"
    for needed, there, what in (
        (policy.symbols, symbols, "symbol"),
        (policy.numbers, numbers, "number"),
        (policy.uppercase, upper, "uppercase letter"),
        (policy.lowercase, lower, "lowercase letter"),
    ):
        if needed and not there:
            return f"Password should have at least one {what}"
    return None


def password_hash(password: str, salt: bytes) -> bytes:
    return hashlib.pbkdf2_hmac("sha256", password.encode(), salt, _ROUNDS)
