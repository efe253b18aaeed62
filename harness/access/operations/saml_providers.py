"""SAML providers. Sources: IAM API reference; IAM user guide, "Create a SAML identity provider in IAM"."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from cryptography import x509

from harness.access import errors
from harness.access.identities import SamlProvider
from harness.access.operations.base import Operations, add_tags, new_tags, page_of_tags, remove_tags, tag_list
from harness.access.rules import quotas
from harness.access.rules.saml import InvalidSaml, read_metadata
from harness.core.calls import Call

Answer = dict[str, Any]

_VALID_YEARS = 100
"""For how long IAM says that a provider is valid (public logs; unverified)."""
_ENCRYPTION = ("AssertionEncryptionMode", "AddPrivateKey", "RemovePrivateKey")


class SamlProviderOperations(Operations):
    """CreateSAMLProvider, Get-, Update-, List-, DeleteSAMLProvider, tags."""

    async def create_saml_provider(self, call: Call, request: Mapping[str, Any]) -> Answer:
        account, name = self.account(call), request["Name"]
        arn = f"arn:aws:iam::{account.account_id}:saml-provider/{name}"
        metadata = _checked_metadata(request)
        if any(arn.lower() == known.lower() for known in account.saml_providers):
            raise errors.saml_provider_exists(arn)
        if len(account.saml_providers) >= quotas.SAML_PROVIDERS_PER_ACCOUNT:
            raise errors.quota("SAMLProvidersPerAccount", quotas.SAML_PROVIDERS_PER_ACCOUNT)
        provider = SamlProvider(arn, name, metadata, account.now(), new_tags(request))
        provider.uuid = account.new_id("SAML")
        account.saml_providers[arn] = provider
        return {"SAMLProviderArn": arn, **({"Tags": tag_list(provider.tags)} if provider.tags else {})}

    async def get_saml_provider(self, call: Call, request: Mapping[str, Any]) -> Answer:
        provider = self._saml_provider(call, request)
        return {
            "SAMLProviderUUID": provider.uuid,
            "SAMLMetadataDocument": provider.metadata,
            "CreateDate": provider.created,
            "ValidUntil": _valid_until(provider.created),
            "Tags": tag_list(provider.tags),
        }

    async def list_saml_providers(self, call: Call, request: Mapping[str, Any]) -> Answer:
        providers = sorted(self.account(call).saml_providers.values(), key=lambda provider: provider.name.lower())
        return {
            "SAMLProviderList": [
                {
                    "Arn": provider.arn,
                    "ValidUntil": _valid_until(provider.created),
                    "CreateDate": provider.created,
                }
                for provider in providers
            ]
        }

    async def update_saml_provider(self, call: Call, request: Mapping[str, Any]) -> Answer:
        provider = self._saml_provider(call, request)
        if "SAMLMetadataDocument" in request or any(member in request for member in _ENCRYPTION):
            provider.metadata = _checked_metadata(request)
        return {"SAMLProviderArn": provider.arn}

    async def delete_saml_provider(self, call: Call, request: Mapping[str, Any]) -> Answer:
        del self.account(call).saml_providers[self._saml_provider(call, request).arn]
        return {}

    async def tag_saml_provider(self, call: Call, request: Mapping[str, Any]) -> Answer:
        add_tags(self._saml_provider(call, request).tags, request["Tags"])
        return {}

    async def untag_saml_provider(self, call: Call, request: Mapping[str, Any]) -> Answer:
        remove_tags(self._saml_provider(call, request).tags, request["TagKeys"])
        return {}

    async def list_saml_provider_tags(self, call: Call, request: Mapping[str, Any]) -> Answer:
        return page_of_tags(self._saml_provider(call, request).tags, request)

    def _saml_provider(self, call: Call, request: Mapping[str, Any]) -> SamlProvider:
        arn = request["SAMLProviderArn"]
        provider = self.account(call).saml_providers.get(arn)
        if provider is None:
            raise errors.no_such_saml_provider(arn)
        return provider


def _checked_metadata(request: Mapping[str, Any]) -> str:
    """The metadata of a request. Raises AwsError for metadata that IAM refuses."""
    if any(member in request for member in _ENCRYPTION):
        raise errors.no_encrypted_assertions()
    text: str = request["SAMLMetadataDocument"]
    try:
        for certificate in read_metadata(text).certificates:
            x509.load_der_x509_certificate(base64.b64decode(certificate, validate=True))
    except InvalidSaml as error:
        raise errors.invalid_saml_metadata(str(error)) from None
    except (binascii.Error, ValueError):
        raise errors.invalid_saml_metadata("an X509Certificate of it cannot be read") from None
    return text


def _valid_until(created: datetime) -> datetime:
    # 29 February exists in no year that is a hundred years later but not a multiple of 400.
    day = 28 if (created.month, created.day) == (2, 29) else created.day
    return created.replace(year=created.year + _VALID_YEARS, day=day)
