"""AssumeRoleWithSAML: credentials of a role for an assertion of a SAML provider.

Sources: STS API reference; IAM user guide, "SAML 2.0 federation" and "Configure SAML assertions".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.access.errors import not_authorized
from harness.access.identities import SamlProvider
from harness.access.rules.saml import (
    Assertion,
    ExpiredSaml,
    InvalidSaml,
    name_qualifier,
    read_assertion,
    read_metadata,
)
from harness.access.rules.sessions import DEFAULT_SECONDS, account_of_role
from harness.access.saml_signature import CannotVerify, signed_assertion
from harness.access.sts import errors
from harness.access.sts.operations.assuming import Assumption, RoleOperations
from harness.core.calls import Call

ASSUME = "sts:AssumeRoleWithSAML"


class SamlOperations(RoleOperations):
    """AssumeRoleWithSAML."""

    async def assume_role_with_saml(self, call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
        role_arn, provider_arn = request["RoleArn"], request["PrincipalArn"]
        account_id = account_of_role(role_arn)
        if account_id is None:
            raise errors.invalid_role_arn(role_arn)
        provider = self.state.account(account_id).saml_providers.get(provider_arn)
        if provider is None:
            raise errors.invalid_identity_token(f"No SAML provider found in your account for {provider_arn}")
        now = self.state.now()
        assertion = self._assertion(provider, request["SAMLAssertion"], now)
        if (role_arn, provider_arn) not in assertion.roles:
            raise not_authorized(ASSUME, "query")
        qualifier = name_qualifier(assertion.issuer, account_id, provider.name)
        assumption = self._saml_assumption(request, assertion, account_id, qualifier, now)
        keys = {**assumption.condition_keys(), **assumption.context, "aws:federatedprovider": (provider_arn,)}
        await call.require(assumption.actions(ASSUME), role_arn, keys, provider=provider_arn)
        return {
            **self.begin(call, request, role_arn, assumption),
            "Subject": assertion.subject,
            "SubjectType": assertion.subject_type,
            "Issuer": assertion.issuer,
            "Audience": assertion.audience,
            "NameQualifier": qualifier,
        }

    def _assertion(self, provider: SamlProvider, response: str, now: float) -> Assertion:
        """What a response says. Raises AwsError for one that does not verify or that AWS refuses."""
        metadata = read_metadata(provider.metadata)
        try:
            assertion = read_assertion(signed_assertion(response, metadata.certificates), now)
        except CannotVerify:
            raise errors.not_part(
                "AssumeRoleWithSAML", "it needs the extra saml (pip install 'sagemaker-harness[saml]')"
            ) from None
        except ExpiredSaml as error:
            raise errors.expired_identity_token(str(error)) from None
        except InvalidSaml as error:
            raise errors.invalid_identity_token(str(error)) from None
        if assertion.issuer != metadata.entity_id:
            raise errors.invalid_identity_token("Issuer not present in specified provider")
        return assertion

    def _saml_assumption(
        self, request: Mapping[str, Any], assertion: Assertion, account_id: str, qualifier: str, now: float
    ) -> Assumption:
        seconds: int = request.get("DurationSeconds", DEFAULT_SECONDS)
        by_key = {tag.lower(): tag for tag in assertion.tags}
        if len(by_key) < len(assertion.tags):
            raise errors.duplicate_tag_keys()
        if not all(tag.lower() in by_key for tag in assertion.transitive):
            raise errors.transitive_key_without_tag()
        return Assumption(
            assertion.session_name,
            self.session_policies(request, account_id),
            assertion.tags,
            transitive=frozenset(by_key[tag.lower()] for tag in assertion.transitive),
            source_identity=assertion.source_identity,
            seconds=seconds if assertion.ends is None else max(0, min(seconds, int(assertion.ends - now))),
            context={
                "saml:aud": (assertion.audience,),
                "saml:iss": (assertion.issuer,),
                "saml:sub": (assertion.subject,),
                "saml:sub_type": (assertion.subject_type,),
                "saml:namequalifier": (qualifier,),
                "saml:doc": (f"{account_id}/{request['PrincipalArn'].rpartition('/')[2]}",),
            },
        )
