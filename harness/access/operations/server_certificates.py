"""Server certificates, as load balancers use them. Source: IAM API reference."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.access import errors
from harness.access.certificates import CannotBeRead, belongs_to, expiry, read_certificate
from harness.access.identities import ServerCertificate
from harness.access.operations.base import (
    Operations,
    add_tags,
    new_tags,
    page_of_named,
    page_of_tags,
    remove_tags,
    tag_list,
)
from harness.access.rules import identifiers
from harness.core.calls import Call

Answer = dict[str, Any]


class ServerCertificateOperations(Operations):
    """UploadServerCertificate, Get, Update, Delete and List of them; tags. The private key is checked and forgotten."""

    async def upload_server_certificate(self, call: Call, request: Mapping[str, Any]) -> Answer:
        account, name = self.account(call), request["ServerCertificateName"]
        if account.server_certificates.taken(name):
            raise errors.already_exists("server-certificate", name)
        body, tags = request["CertificateBody"], new_tags(request)
        try:
            certificate = read_certificate(body)
        except CannotBeRead:
            sentence = "Unable to parse certificate. Please ensure the certificate is in PEM format."
            raise errors.malformed_certificate(sentence) from None
        try:
            if not belongs_to(request["PrivateKey"], certificate):
                raise errors.key_pair_mismatch()
        except CannotBeRead:
            sentence = "Unable to parse key. Please ensure the key is in PEM format."  # unverified
            raise errors.malformed_certificate(sentence) from None
        limit = account.quotas.server_certificates_per_account
        if len(account.server_certificates) >= limit:
            raise errors.quota("ServerCertificatesPerAccount", limit)
        new_id = account.new_id(identifiers.SERVER_CERTIFICATE)
        kept = ServerCertificate(
            account.account_id, name, request.get("Path", "/"), new_id, account.now(), body, expiry(certificate)
        )
        kept.chain, kept.tags = request.get("CertificateChain", ""), tags
        account.server_certificates.add(kept)
        answer: Answer = {"ServerCertificateMetadata": _describe(kept)}
        return {**answer, "Tags": tag_list(tags)} if tags else answer

    async def get_server_certificate(self, call: Call, request: Mapping[str, Any]) -> Answer:
        certificate = self._certificate(call, request)
        described: Answer = {
            "ServerCertificateMetadata": _describe(certificate),
            "CertificateBody": certificate.body,
            "Tags": tag_list(certificate.tags),
        }
        if certificate.chain:
            described["CertificateChain"] = certificate.chain
        return {"ServerCertificate": described}

    async def list_server_certificates(self, call: Call, request: Mapping[str, Any]) -> Answer:
        certificates = self.account(call).server_certificates
        return page_of_named("ServerCertificateMetadataList", certificates, request, _describe)

    async def update_server_certificate(self, call: Call, request: Mapping[str, Any]) -> Answer:
        certificates, certificate = self.account(call).server_certificates, self._certificate(call, request)
        name = request.get("NewServerCertificateName", certificate.name)
        if name.lower() != certificate.name.lower() and certificates.taken(name):
            raise errors.already_exists("server-certificate", name)
        certificates.remove(certificate.name)
        certificate.name, certificate.path = name, request.get("NewPath", certificate.path)
        certificates.add(certificate)
        return {}

    async def delete_server_certificate(self, call: Call, request: Mapping[str, Any]) -> Answer:
        self.account(call).server_certificates.remove(self._certificate(call, request).name)
        return {}

    async def tag_server_certificate(self, call: Call, request: Mapping[str, Any]) -> Answer:
        add_tags(self._certificate(call, request).tags, request["Tags"])
        return {}

    async def untag_server_certificate(self, call: Call, request: Mapping[str, Any]) -> Answer:
        remove_tags(self._certificate(call, request).tags, request["TagKeys"])
        return {}

    async def list_server_certificate_tags(self, call: Call, request: Mapping[str, Any]) -> Answer:
        return page_of_tags(self._certificate(call, request).tags, request)

    def _certificate(self, call: Call, request: Mapping[str, Any]) -> ServerCertificate:
        name = request["ServerCertificateName"]
        certificate = self.account(call).server_certificates.get(name)
        if certificate is None:
            raise errors.no_such("server-certificate", name)
        return certificate


def _describe(certificate: ServerCertificate) -> Answer:
    return {
        "Path": certificate.path,
        "ServerCertificateName": certificate.name,
        "ServerCertificateId": certificate.unique_id,
        "Arn": certificate.arn,
        "UploadDate": certificate.uploaded,
        "Expiration": certificate.expires,
    }
