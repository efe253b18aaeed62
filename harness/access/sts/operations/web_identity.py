"""AssumeRoleWithWebIdentity: credentials of a role for a token of an OpenID Connect provider.

Sources: STS API reference; IAM user guide, "OIDC federation".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.access.rules.sessions import account_of_role
from harness.access.rules.web_identity import BUILT_IN_ISSUERS, InvalidClaims, WebIdentity, read_claims
from harness.access.sts import errors
from harness.access.sts.operations.assuming import Assumption, RoleOperations
from harness.access.token_keys import BadToken, ExpiredToken
from harness.core.calls import Call

ASSUME = "sts:AssumeRoleWithWebIdentity"


class WebIdentityOperations(RoleOperations):
    """AssumeRoleWithWebIdentity."""

    async def assume_role_with_web_identity(self, call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
        role_arn = request["RoleArn"]
        account_id = account_of_role(role_arn)
        if account_id is None:
            raise errors.invalid_role_arn(role_arn)
        if "ProviderId" in request:
            raise errors.no_oauth_provider()
        identity, provider = self._identity(request["WebIdentityToken"], account_id)
        by_key = {tag.lower(): tag for tag in identity.tags}
        if not all(tag.lower() in by_key for tag in identity.transitive):
            raise errors.transitive_key_without_tag()
        if len(by_key) < len(identity.tags):
            raise errors.duplicate_tag_keys()
        assumption = Assumption(
            request["RoleSessionName"],
            self.session_policies(request, account_id),
            identity.tags,
            transitive=frozenset(by_key[tag.lower()] for tag in identity.transitive),
            source_identity=identity.source_identity,
            seconds=request.get("DurationSeconds"),
            context={**identity.condition_keys, "aws:federatedprovider": (provider,)},
        )
        keys = {**assumption.condition_keys(), **assumption.context}
        await call.require(assumption.actions(ASSUME), role_arn, keys, provider=provider)
        return {
            **self.begin(call, request, role_arn, assumption),
            "SubjectFromWebIdentityToken": identity.subject,
            "Provider": provider,
            "Audience": identity.audience,
        }

    def _identity(self, token: str, account_id: str) -> tuple[WebIdentity, str]:
        """What a token says, and how policies name its provider. Raises AwsError for a token that does not hold."""
        try:
            host, claims = self.state.token_keys.verify(token, self.state.now())
        except ExpiredToken as error:
            raise errors.expired_identity_token(str(error)) from None
        except BadToken as error:
            raise errors.invalid_identity_token(str(error)) from None
        provider = self.state.account(account_id).oidc_providers.get(f"arn:aws:iam::{account_id}:oidc-provider/{host}")
        name = provider.arn if provider is not None else BUILT_IN_ISSUERS.get(host)
        if name is None:
            raise errors.no_such_provider(host)
        try:
            # An issuer that is built in has no list of clients: the role's trust policy checks the audience.
            audiences = _audiences(claims) if provider is None else provider.client_ids
            return read_claims(claims, host, audiences), name
        except InvalidClaims as error:
            raise errors.invalid_identity_token(str(error)) from None


def _audiences(claims: Mapping[str, Any]) -> list[str]:
    audience = claims.get("azp") or claims.get("aud")
    return [text for text in (audience if isinstance(audience, list) else [audience]) if isinstance(text, str)]
