"""Reads the keys and certificates that users upload."""

from __future__ import annotations

import base64
import hashlib
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
    load_ssh_public_key,
)

_CANNOT_BE_READ = (ValueError, TypeError, UnsupportedAlgorithm)


class CannotBeRead(ValueError):
    """A text that is no such key or certificate."""


def read_certificate(pem: str) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(pem.encode())
    except _CANNOT_BE_READ:
        raise CannotBeRead from None


def expiry(certificate: x509.Certificate) -> datetime:
    return certificate.not_valid_after_utc


def belongs_to(private_key_pem: str, certificate: x509.Certificate) -> bool:
    """Whether a private key is the certificate's. Raises CannotBeRead for a text that is no unencrypted key."""
    try:
        key = load_pem_private_key(private_key_pem.encode(), None)
    except _CANNOT_BE_READ:
        raise CannotBeRead from None
    return _public_bytes(key.public_key()) == _public_bytes(certificate.public_key())


def _public_bytes(key: object) -> bytes:
    encoded: bytes = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)  # type: ignore[attr-defined]
    return encoded


def read_ssh_key(body: str) -> RSAPublicKey:
    """An RSA key as ``ssh-rsa AAAA...`` or in PEM. Raises CannotBeRead for anything else."""
    data = body.strip().encode()
    try:
        key = load_ssh_public_key(data) if data.startswith(b"ssh-") else load_pem_public_key(data)
    except _CANNOT_BE_READ:
        raise CannotBeRead from None
    if not isinstance(key, RSAPublicKey):
        raise CannotBeRead
    return key


def ssh_form(key: RSAPublicKey) -> str:
    return key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()


def pem_form(key: RSAPublicKey) -> str:
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def fingerprint(key: RSAPublicKey) -> str:
    """The MD5 sum of the key, as ``ssh-keygen -l -E md5`` prints it."""
    digest = hashlib.md5(base64.b64decode(ssh_form(key).split()[1]), usedforsecurity=False).hexdigest()
    return ":".join(digest[index : index + 2] for index in range(0, len(digest), 2))
