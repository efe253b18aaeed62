"""OpenID Connect providers.

Sources: IAM API reference; IAM user guide, "Create an OpenID Connect (OIDC) identity provider in IAM".
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from harness.access import errors
from harness.access.identities import OidcProvider
from harness.access.operations.base import Operations, add_tags, new_tags, page_of_tags, remove_tags, tag_list
from harness.access.rules import quotas
from harness.access.rules.web_identity import host_of
from harness.core.calls import Call

Answer = dict[str, Any]

_THUMBPRINT = re.compile(r"[0-9A-Fa-f]{40}")


class OidcProviderOperations(Operations):
    """CreateOpenIDConnectProvider, Get-, List-, Delete-, client ids, thumbprints and tags."""

    async def create_open_id_connect_provider(self, call: Call, request: Mapping[str, Any]) -> Answer:
        account, url = self.account(call), request["Url"]
        try:
            host = host_of(url)
        except ValueError:
            raise errors.invalid_oidc_url() from None
        arn = f"arn:aws:iam::{account.account_id}:oidc-provider/{host}"
        thumbprints = _checked_thumbprints(request.get("ThumbprintList", ()))
        client_ids = list(dict.fromkeys(request.get("ClientIDList", ())))
        _check_client_ids(client_ids)
        if arn in account.oidc_providers:
            raise errors.oidc_provider_exists(url)
        if len(account.oidc_providers) >= quotas.OIDC_PROVIDERS_PER_ACCOUNT:
            raise errors.quota("OpenIdConnectProvidersPerAccount", quotas.OIDC_PROVIDERS_PER_ACCOUNT)
        provider = OidcProvider(arn, host, account.now(), client_ids, thumbprints, new_tags(request))
        account.oidc_providers[arn] = provider
        answer: Answer = {"OpenIDConnectProviderArn": arn}
        return {**answer, "Tags": tag_list(provider.tags)} if provider.tags else answer

    async def get_open_id_connect_provider(self, call: Call, request: Mapping[str, Any]) -> Answer:
        provider = self._oidc_provider(call, request)
        return {
            "Url": provider.host,
            "ClientIDList": list(provider.client_ids),
            "ThumbprintList": list(provider.thumbprints),
            "CreateDate": provider.created,
            "Tags": tag_list(provider.tags),
        }

    async def list_open_id_connect_providers(self, call: Call, request: Mapping[str, Any]) -> Answer:
        return {"OpenIDConnectProviderList": [{"Arn": arn} for arn in sorted(self.account(call).oidc_providers)]}

    async def delete_open_id_connect_provider(self, call: Call, request: Mapping[str, Any]) -> Answer:
        """Deleting one that does not exist is no error."""
        self.account(call).oidc_providers.pop(request["OpenIDConnectProviderArn"], None)
        return {}

    async def add_client_id_to_open_id_connect_provider(self, call: Call, request: Mapping[str, Any]) -> Answer:
        """Adding one that is there is no error."""
        provider, client_id = self._oidc_provider(call, request), request["ClientID"]
        if client_id not in provider.client_ids:
            _check_client_ids([*provider.client_ids, client_id])
            provider.client_ids.append(client_id)
        return {}

    async def remove_client_id_from_open_id_connect_provider(self, call: Call, request: Mapping[str, Any]) -> Answer:
        """Removing one that is not there is no error."""
        provider = self._oidc_provider(call, request)
        provider.client_ids = [client_id for client_id in provider.client_ids if client_id != request["ClientID"]]
        return {}

    async def update_open_id_connect_provider_thumbprint(self, call: Call, request: Mapping[str, Any]) -> Answer:
        self._oidc_provider(call, request).thumbprints = _checked_thumbprints(request["ThumbprintList"])
        return {}

    async def tag_open_id_connect_provider(self, call: Call, request: Mapping[str, Any]) -> Answer:
        add_tags(self._oidc_provider(call, request).tags, request["Tags"])
        return {}

    async def untag_open_id_connect_provider(self, call: Call, request: Mapping[str, Any]) -> Answer:
        remove_tags(self._oidc_provider(call, request).tags, request["TagKeys"])
        return {}

    async def list_open_id_connect_provider_tags(self, call: Call, request: Mapping[str, Any]) -> Answer:
        return page_of_tags(self._oidc_provider(call, request).tags, request)

    def _oidc_provider(self, call: Call, request: Mapping[str, Any]) -> OidcProvider:
        arn = request["OpenIDConnectProviderArn"]
        provider = self.account(call).oidc_providers.get(arn)
        if provider is None:
            raise errors.no_such_oidc_provider(arn)
        return provider


def _check_client_ids(client_ids: Sequence[str]) -> None:
    limit = quotas.CLIENT_IDS_PER_OIDC_PROVIDER
    if len(client_ids) > limit:
        raise errors.quota("ClientIdsPerOpenIdConnectProvider", limit)


def _checked_thumbprints(thumbprints: Sequence[str]) -> list[str]:
    """The thumbprints, each once. Without any, AWS reads the provider's certificate; the harness reaches none."""
    if len(thumbprints) > quotas.THUMBPRINTS_PER_OIDC_PROVIDER:
        raise errors.too_many_thumbprints()
    if not all(_THUMBPRINT.fullmatch(thumbprint) for thumbprint in thumbprints):
        raise errors.invalid_thumbprint()
    return list(dict.fromkeys(thumbprint.lower() for thumbprint in thumbprints))
