"""The unique ids and access key ids of IAM and STS, and the ARNs of what exists there.

Sources: IAM user guide, "IAM identifiers" (unique ids, ARNs); STS API reference, GetAccessKeyInfo (a key id names its
account).
"""

from __future__ import annotations

import base64
import re

USER, GROUP, ROLE, MANAGED_POLICY, INSTANCE_PROFILE = "AIDA", "AGPA", "AROA", "ANPA", "AIPA"
PUBLIC_KEY, SERVER_CERTIFICATE, SERVICE_CREDENTIAL = "APKA", "ASCA", "ACCA"
"""Prefixes of unique ids."""
LONG_TERM_KEY, TEMPORARY_KEY = "AKIA", "ASIA"
"""Prefixes of access key ids."""

_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_UNIQUE_LETTERS = 17
_KEY_BYTES = 10
_KEY_ID = re.compile(r"(?:AKIA|ASIA)[A-Z2-7]{16}")
# An account's number lies in the 40 bits below the highest (public analyses of key ids, unverified).
_ACCOUNT_BITS = 40


def unique_id(prefix: str, random: bytes) -> str:
    """A unique id such as ``AIDACKCEVSQ6C2EXAMPLE``. random: at least 17 bytes."""
    return prefix + "".join(_ALPHABET[byte % len(_ALPHABET)] for byte in random[:_UNIQUE_LETTERS])


def certificate_id(random: bytes) -> str:
    """The id of a signing certificate, which has no prefix. random: at least 32 bytes."""
    return "".join(_ALPHABET[byte % len(_ALPHABET)] for byte in random[:32])


def access_key_id(prefix: str, account: str, random: bytes) -> str:
    """An access key id that names its account. random: at least 10 bytes."""
    number = int.from_bytes(random[:_KEY_BYTES], "big")
    shift = _KEY_BYTES * 8 - 1 - _ACCOUNT_BITS  # the highest bit is the random bytes' own
    mask = ((1 << _ACCOUNT_BITS) - 1) << shift
    number = (number & ~mask) | (int(account) << shift)
    return prefix + base64.b32encode(number.to_bytes(_KEY_BYTES, "big")).decode()


def account_of_key(key_id: str) -> str:
    """The account that an access key id names. Raises ValueError for a text that is not a key id of this form."""
    if not _KEY_ID.fullmatch(key_id):
        raise ValueError(f"{key_id!r} is not an access key id")
    number = int.from_bytes(base64.b32decode(key_id[4:]), "big")
    shift = _KEY_BYTES * 8 - 1 - _ACCOUNT_BITS
    account = f"{(number >> shift) & ((1 << _ACCOUNT_BITS) - 1):012d}"
    if len(account) > 12:
        raise ValueError(f"{key_id!r} names no account")
    return account


def arn(account: str, kind: str, path: str, name: str) -> str:
    """The ARN of something of IAM. kind: ``user``, ``policy``, ...; path: begins and ends with a slash."""
    return f"arn:aws:iam::{account}:{kind}{path}{name}"


def session_arn(account: str, role: str, session: str) -> str:
    """The ARN of a role session, which does not have the role's path."""
    return f"arn:aws:sts::{account}:assumed-role/{role}/{session}"
