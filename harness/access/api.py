"""The service ``iam``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from harness.access.account import NamedItems
from harness.access.directory import Directory
from harness.access.history import access_history
from harness.access.identities import Role, User
from harness.access.operations.access_keys import AccessKeyOperations
from harness.access.operations.account_alias import AccountAliasOperations
from harness.access.operations.account_details import AccountDetailOperations
from harness.access.operations.attachments import AttachmentOperations
from harness.access.operations.context_keys import ContextKeyOperations
from harness.access.operations.credential_report import CredentialReportOperations
from harness.access.operations.groups import GroupOperations
from harness.access.operations.inline_policies import InlinePolicyOperations
from harness.access.operations.instance_profiles import InstanceProfileOperations
from harness.access.operations.last_accessed import LastAccessedOperations
from harness.access.operations.managed_policies import ManagedPolicyOperations
from harness.access.operations.mfa_devices import MfaDeviceOperations
from harness.access.operations.oidc_providers import OidcProviderOperations
from harness.access.operations.passwords import PasswordOperations
from harness.access.operations.saml_providers import SamlProviderOperations
from harness.access.operations.server_certificates import ServerCertificateOperations
from harness.access.operations.service_access import ServiceAccessOperations
from harness.access.operations.service_linked_roles import ServiceLinkedRoleOperations
from harness.access.operations.simulation import SimulationOperations
from harness.access.operations.user_credentials import UserCredentialOperations
from harness.access.operations.users import UserOperations
from harness.access.rules import identifiers
from harness.access.rules.access_history import AccessHistory
from harness.access.rules.actions import AccountRegion, needs
from harness.access.rules.quotas import adjusted_quotas
from harness.access.rules.refusals import REFUSED
from harness.access.rules.service_calls import ServiceCall
from harness.access.service_roles import ServiceRoles
from harness.access.state import State
from harness.access.sts.api import Tokens
from harness.backend.client import Backend
from harness.core.calls import Call, Service


class Access(
    AccessKeyOperations,
    AttachmentOperations,
    GroupOperations,
    InlinePolicyOperations,
    InstanceProfileOperations,
    ManagedPolicyOperations,
    AccountAliasOperations,
    AccountDetailOperations,
    ContextKeyOperations,
    CredentialReportOperations,
    LastAccessedOperations,
    PasswordOperations,
    ServerCertificateOperations,
    ServiceAccessOperations,
    ServiceLinkedRoleOperations,
    UserCredentialOperations,
    MfaDeviceOperations,
    OidcProviderOperations,
    SamlProviderOperations,
    UserOperations,
    SimulationOperations,
    Service,
):
    """The service ``iam``, and what IAM and STS share.

    account: the id of the account. administrator: whether the well-known key ``test`` is its administrator's.
    """

    service_name: ClassVar[str] = "iam"
    validation_code: ClassVar[str] = "ValidationError"
    validation_quotes: ClassVar[bool] = False
    validation_sentences: ClassVar[Mapping[str, str]] = {
        r"[\w+=,.@-]+": (
            "The specified value for {} is invalid. It must contain only alphanumeric characters and/or the following: "
            "+=,.@_-"
        ),
        r"(\u002F)|(\u002F[\u0021-\u007E]+\u002F)": (
            "The specified value for {} is invalid. It must begin and end with / and contain only alphanumeric "
            "characters and/or / characters."
        ),
    }

    def __init__(
        self, backend: Backend, account: str, *, administrator: bool = True, quotas: Mapping[str, int] | None = None
    ) -> None:
        """quotas: by their names in IAM's errors. Raises ValueError for what AWS does not grant."""
        self.state = State(account, quotas=adjusted_quotas(quotas or {}))
        self.directory = Directory(backend, self.state, administrator=administrator)
        self.roles = ServiceRoles(self.state)
        self.tokens = Tokens(self.state, self.directory)

    def refusal(self, operation: str) -> str | None:
        return REFUSED.get(operation)

    def tags_of(self, arn: str) -> Mapping[str, str]:
        """The tags of a user or role."""
        entity = self.directory.entity_of_arn(arn)
        return {} if entity is None else entity.tags

    def resources(self, operation: str, request: Mapping[str, Any], call: Call) -> Iterable[str]:
        """The ARNs as the service authorization reference has them, with the paths of what exists."""
        place = AccountRegion(call.region, call.account)
        created = _created(operation, request, call.account)
        if created:
            return [created]
        arns = [arn for need in needs("iam", operation, request, place) for arn in need.resources]
        if not arns and call.principal.kind == "user":  # without a UserName it is about the user who calls
            own = {**request, "UserName": call.principal.name}
            arns = [arn for need in needs("iam", operation, own, place) for arn in need.resources]
        return [self._with_path(call, arn) for arn in arns]

    def condition_keys(self, operation: str, request: Mapping[str, Any], call: Call) -> Mapping[str, tuple[str, ...]]:
        """``iam:PermissionsBoundary`` of the user or role that a request is about, if it does not name one itself.

        Source: service authorization reference, IAM; IAM user guide, "Delegating responsibility to others using
        permissions boundaries".
        """
        if "PermissionsBoundary" in request:
            return {}
        account = self.state.account_of(call)
        holder: User | Role | None = None
        if "RoleName" in request:
            holder = account.roles.get(request["RoleName"])
        elif "UserName" in request:
            holder = account.users.get(request["UserName"])
        if holder is None or holder.boundary is None:
            return {}
        return {"iam:permissionsboundary": (holder.boundary.arn,)}

    def _with_path(self, call: Call, arn: str) -> str:
        kind, _, name = arn.rpartition(":")[2].partition("/")
        account = self.state.account_of(call)
        named: Mapping[str, NamedItems[Any]] = {
            "user": account.users,
            "group": account.groups,
            "role": account.roles,
            "policy": account.policies,
            "instance-profile": account.instance_profiles,
        }
        items = named.get(kind)
        item = items.get(name) if items is not None else None
        return arn if item is None else str(item.arn)

    async def history(self, service_calls: Iterable[ServiceCall], region: str) -> AccessHistory:
        """What roles have called so far. service_calls: what AWS's services would have called as the roles."""
        return await access_history(self.directory, service_calls, region)


def _created(operation: str, request: Mapping[str, Any], account: str) -> str:
    """The ARN of what a request creates, if no member of the request is its name; else ""."""
    if operation == "CreateVirtualMFADevice":
        return identifiers.arn(account, "mfa", request.get("Path", "/"), request["VirtualMFADeviceName"])
    if operation == "CreateOpenIDConnectProvider":
        return identifiers.arn(account, "oidc-provider", "/", request["Url"].partition("://")[2].rstrip("/"))
    return ""
