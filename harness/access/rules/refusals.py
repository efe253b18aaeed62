"""IAM's operations that the harness does not answer, each with the reason."""

from __future__ import annotations

_DELEGATION = (
    "Delegation requests let a partner of AWS ask an account for access, and the harness rehearses no partners: create "
    "the role that the partner needs and let the partner assume it."
)
_ORGANIZATION = (
    "The harness rehearses no AWS Organizations, so there are no member accounts whose root could be managed centrally."
)
_FEDERATION = (
    "Outbound web identity federation signs tokens for services outside AWS with keys that AWS publishes, which the "
    "harness cannot."
)
_TEMPLATES = "Role templates belong to services of AWS, which the harness does not rehearse: create the role itself."
_PROPERTIES = "Account properties belong to features of AWS accounts that the harness does not rehearse."

REFUSED = {
    **dict.fromkeys(
        (
            "AcceptDelegationRequest",
            "AssociateDelegationRequest",
            "CreateDelegationRequest",
            "GetDelegationRequest",
            "GetHumanReadableSummary",
            "ListDelegationRequests",
            "RejectDelegationRequest",
            "SendDelegationToken",
            "UpdateDelegationRequest",
        ),
        _DELEGATION,
    ),
    **dict.fromkeys(
        (
            "DisableOrganizationsRootCredentialsManagement",
            "DisableOrganizationsRootSessions",
            "EnableOrganizationsRootCredentialsManagement",
            "EnableOrganizationsRootSessions",
            "GenerateOrganizationsAccessReport",
            "GetOrganizationsAccessReport",
            "ListOrganizationsFeatures",
        ),
        _ORGANIZATION,
    ),
    **dict.fromkeys(
        (
            "DisableOutboundWebIdentityFederation",
            "EnableOutboundWebIdentityFederation",
            "GetOutboundWebIdentityFederationInfo",
        ),
        _FEDERATION,
    ),
    **dict.fromkeys(("AcquireRole", "GetRoleTemplateVersion"), _TEMPLATES),
    **dict.fromkeys(("GetAccountProperties", "PutAccountProperties"), _PROPERTIES),
    "SetSecurityTokenServicePreferences": (
        "The harness has one STS for all regions, whose tokens are valid in all of them: choose no version."
    ),
}
"""Operation -> why it is refused, and what to do instead where there is something."""
