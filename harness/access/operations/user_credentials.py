"""Users' SSH keys, signing certificates, and passwords for single services. Source: IAM API reference.

They are kept and told; no service of the harness is signed in to with them.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from harness.access import errors
from harness.access.certificates import (
    CannotBeRead,
    fingerprint,
    pem_form,
    read_certificate,
    read_ssh_key,
    ssh_form,
)
from harness.access.identities import ServiceCredential, SigningCertificate, SshPublicKey, User
from harness.access.operations.base import Operations, page_of
from harness.access.rules import identifiers, quotas
from harness.core.calls import Call

Answer = dict[str, Any]

# The services that have such passwords, and whether theirs is a key with an expiry (API reference).
_SERVICES = {"codecommit.amazonaws.com": False, "cassandra.amazonaws.com": False, "bedrock.amazonaws.com": True}


class UserCredentialOperations(Operations):
    """The operations on SSHPublicKey, SigningCertificate and ServiceSpecificCredential."""

    # ---- SSH keys

    async def upload_ssh_public_key(self, call: Call, request: Mapping[str, Any]) -> Answer:
        account, user, body = self.account(call), self.user(call, request), request["SSHPublicKeyBody"]
        try:
            key = read_ssh_key(body)
        except CannotBeRead:
            raise errors.invalid_public_key() from None
        if len(user.ssh_keys) >= quotas.SSH_KEYS_PER_USER:
            raise errors.quota("SSHPublicKeysPerUser", quotas.SSH_KEYS_PER_USER)
        digest = fingerprint(key)
        if any(known.fingerprint == digest for known in user.ssh_keys.values()):
            raise errors.duplicate_public_key()
        uploaded = SshPublicKey(account.new_id(identifiers.PUBLIC_KEY), body, digest, account.now())
        user.ssh_keys[uploaded.key_id] = uploaded
        return {"SSHPublicKey": {**_describe_ssh_key(user, uploaded), "SSHPublicKeyBody": body, "Fingerprint": digest}}

    async def get_ssh_public_key(self, call: Call, request: Mapping[str, Any]) -> Answer:
        user = self.user(call, request)
        known = _ssh_key(user, request)
        key = read_ssh_key(known.body)
        body = ssh_form(key) if request["Encoding"] == "SSH" else pem_form(key)
        described = {**_describe_ssh_key(user, known), "SSHPublicKeyBody": body, "Fingerprint": known.fingerprint}
        return {"SSHPublicKey": described}

    async def list_ssh_public_keys(self, call: Call, request: Mapping[str, Any]) -> Answer:
        user = self.user(call, request)
        keys = [known for _, known in sorted(user.ssh_keys.items())]
        return page_of(
            "SSHPublicKeys", keys, request, lambda key: _describe_ssh_key(user, key), lambda key: str(key.key_id)
        )

    async def update_ssh_public_key(self, call: Call, request: Mapping[str, Any]) -> Answer:
        _ssh_key(self.user(call, request), request).active = request["Status"] == "Active"
        return {}

    async def delete_ssh_public_key(self, call: Call, request: Mapping[str, Any]) -> Answer:
        user = self.user(call, request)
        del user.ssh_keys[_ssh_key(user, request).key_id]
        return {}

    # ---- signing certificates

    async def upload_signing_certificate(self, call: Call, request: Mapping[str, Any]) -> Answer:
        account, user, body = self.account(call), self.user(call, request), request["CertificateBody"]
        try:
            read_certificate(body)
        except CannotBeRead:
            raise errors.malformed_certificate(f"Certificate {body} is malformed.") from None
        if len(user.signing_certificates) >= quotas.CERTIFICATES_PER_USER:
            raise errors.quota("CertificatesPerUser", quotas.CERTIFICATES_PER_USER)
        if any(known.body == body for known in user.signing_certificates.values()):
            raise errors.duplicate_certificate()
        certificate = SigningCertificate(identifiers.certificate_id(os.urandom(32)), body, account.now())
        user.signing_certificates[certificate.certificate_id] = certificate
        return {"Certificate": _describe_certificate(user, certificate)}

    async def list_signing_certificates(self, call: Call, request: Mapping[str, Any]) -> Answer:
        user = self.user(call, request)
        certificates = [known for _, known in sorted(user.signing_certificates.items())]
        return page_of(
            "Certificates",
            certificates,
            request,
            lambda certificate: _describe_certificate(user, certificate),
            lambda certificate: str(certificate.certificate_id),
        )

    async def update_signing_certificate(self, call: Call, request: Mapping[str, Any]) -> Answer:
        _certificate(self.user(call, request), request).active = request["Status"] == "Active"
        return {}

    async def delete_signing_certificate(self, call: Call, request: Mapping[str, Any]) -> Answer:
        user = self.user(call, request)
        del user.signing_certificates[_certificate(user, request).certificate_id]
        return {}

    # ---- passwords for single services

    async def create_service_specific_credential(self, call: Call, request: Mapping[str, Any]) -> Answer:
        account, user, service = self.account(call), self.user(call, request), _service(request["ServiceName"])
        of_service = [known for known in user.service_credentials.values() if known.service == service]
        limit = quotas.SERVICE_CREDENTIALS_PER_SERVICE
        if len(of_service) >= limit:
            raise errors.quota("ServiceSpecificCredentialsPerUser", limit)  # the quota's name is unverified
        names = {known.name for known in of_service}
        name = next(
            name
            for suffix in ("", *(f"+{number}" for number in range(1, limit + 1)))
            if (name := f"{user.name}{suffix}-at-{account.account_id}") not in names
        )
        credential = ServiceCredential(account.new_id(identifiers.SERVICE_CREDENTIAL), service, name, account.now())
        days = request.get("CredentialAgeDays")
        if days is not None:
            if not _SERVICES[service]:
                raise errors.validation_error(f"CredentialAgeDays is not supported for {service}.")
            credential.expires = credential.created + timedelta(days=days)
        user.service_credentials[credential.credential_id] = credential
        return {"ServiceSpecificCredential": _with_secret(user, credential)}

    async def list_service_specific_credentials(self, call: Call, request: Mapping[str, Any]) -> Answer:
        if request.get("AllUsers"):
            if "UserName" in request:
                raise errors.validation_error("UserName and AllUsers cannot both be given.")
            users = list(self.account(call).users)
        else:
            users = [self.user(call, request)]
        wanted = _service(request["ServiceName"]) if "ServiceName" in request else None
        found = [
            (user, credential)
            for user in users
            for _, credential in sorted(user.service_credentials.items())
            if wanted in (None, credential.service)
        ]
        if not request.get("AllUsers"):
            return {"ServiceSpecificCredentials": [_describe_credential(*pair) for pair in found]}
        return page_of(
            "ServiceSpecificCredentials",
            sorted(found, key=lambda pair: pair[1].credential_id),
            request,
            lambda pair: _describe_credential(*pair),
            lambda pair: str(pair[1].credential_id),
        )

    async def update_service_specific_credential(self, call: Call, request: Mapping[str, Any]) -> Answer:
        _credential(self.user(call, request), request).active = request["Status"] == "Active"
        return {}

    async def reset_service_specific_credential(self, call: Call, request: Mapping[str, Any]) -> Answer:
        user = self.user(call, request)
        return {"ServiceSpecificCredential": _with_secret(user, _credential(user, request))}

    async def delete_service_specific_credential(self, call: Call, request: Mapping[str, Any]) -> Answer:
        user = self.user(call, request)
        del user.service_credentials[_credential(user, request).credential_id]
        return {}


def _status(*, active: bool) -> str:
    return "Active" if active else "Inactive"


def _ssh_key(user: User, request: Mapping[str, Any]) -> SshPublicKey:
    key = user.ssh_keys.get(request["SSHPublicKeyId"])
    if key is None:
        raise errors.no_such("public-key", request["SSHPublicKeyId"])
    return key


def _describe_ssh_key(user: User, key: SshPublicKey) -> Answer:
    return {
        "UserName": user.name,
        "SSHPublicKeyId": key.key_id,
        "Status": _status(active=key.active),
        "UploadDate": key.uploaded,
    }


def _certificate(user: User, request: Mapping[str, Any]) -> SigningCertificate:
    certificate = user.signing_certificates.get(request["CertificateId"])
    if certificate is None:
        raise errors.no_such("certificate", request["CertificateId"])
    return certificate


def _describe_certificate(user: User, certificate: SigningCertificate) -> Answer:
    return {
        "UserName": user.name,
        "CertificateId": certificate.certificate_id,
        "CertificateBody": certificate.body,
        "Status": _status(active=certificate.active),
        "UploadDate": certificate.uploaded,
    }


def _service(name: str) -> str:
    if name not in _SERVICES:
        raise errors.no_such_in_words(f"No such service {name} is supported for Service Specific Credentials")
    return name


def _credential(user: User, request: Mapping[str, Any]) -> ServiceCredential:
    credential = user.service_credentials.get(request["ServiceSpecificCredentialId"])
    if credential is None:
        raise errors.no_such("credential", request["ServiceSpecificCredentialId"])
    return credential


def _describe_credential(user: User, credential: ServiceCredential) -> Answer:
    name = "ServiceCredentialAlias" if _SERVICES[credential.service] else "ServiceUserName"
    described = {
        "UserName": user.name,
        "Status": _status(active=credential.active),
        name: credential.name,
        "CreateDate": credential.created,
        "ServiceSpecificCredentialId": credential.credential_id,
        "ServiceName": credential.service,
    }
    return {**described, "ExpirationDate": credential.expires} if credential.expires else described


def _with_secret(user: User, credential: ServiceCredential) -> Answer:
    """With a new password, which is told once and kept nowhere: no service of the harness asks for it."""
    member = "ServiceCredentialSecret" if _SERVICES[credential.service] else "ServicePassword"
    return {**_describe_credential(user, credential), member: secrets.token_urlsafe(32)}
