"""How much of everything an account may have.

Source: IAM user guide, "IAM and AWS STS quotas"; the names are those in IAM's LimitExceeded errors.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

ACCESS_KEYS_PER_USER = 2
GROUPS_PER_USER = 10
INSTANCE_SESSIONS_PER_INSTANCE_PROFILE = 1
VERSIONS_PER_POLICY = 5
CERTIFICATES_PER_USER = 2
MFA_DEVICES_PER_USER = 8
CLIENT_IDS_PER_OIDC_PROVIDER = 100
OIDC_PROVIDERS_PER_ACCOUNT = 100
SAML_PROVIDERS_PER_ACCOUNT = 100
THUMBPRINTS_PER_OIDC_PROVIDER = 5
SSH_KEYS_PER_USER = 5
SERVICE_CREDENTIALS_PER_SERVICE = 2
TAGS_PER_RESOURCE = 50
INLINE_POLICY_CHARACTERS = {"user": 2048, "group": 5120, "role": 10240}
"""Of all inline policies of one user, group or role together, without white space."""
POLICY_CHARACTERS = 6144
"""Of a version of a managed policy, without white space."""


@dataclass(frozen=True, slots=True)
class Quotas:
    """The quotas that AWS raises on request.

    The counts per account are the highest that AWS grants, so that large accounts can be rehearsed; of users AWS grants
    no more than 5,000, and the harness 10,000. The others are AWS's defaults. acl_size_per_role: characters of a trust
    policy, without white space.
    """

    users_per_account: int = 10_000
    groups_per_account: int = 500
    roles_per_account: int = 10_000
    policies_per_account: int = 10_000
    instance_profiles_per_account: int = 10_000
    server_certificates_per_account: int = 1_000
    policies_per_user: int = 10
    policies_per_group: int = 10
    policies_per_role: int = 10
    acl_size_per_role: int = 2048

    def attachments(self, kind: str) -> int:
        """How many managed policies a ``user``, ``group`` or ``role`` may have."""
        return {"user": self.policies_per_user, "group": self.policies_per_group, "role": self.policies_per_role}[kind]


# A quota's name in IAM's errors -> its field, and the highest value that AWS grants.
_ADJUSTABLE = {
    "PoliciesPerUser": ("policies_per_user", 20),
    "PoliciesPerRole": ("policies_per_role", 20),
    "ACLSizePerRole": ("acl_size_per_role", 4096),
    "UsersPerAccount": ("users_per_account", 10_000),
    "GroupsPerAccount": ("groups_per_account", 500),
    "RolesPerAccount": ("roles_per_account", 10_000),
    "PoliciesPerAccount": ("policies_per_account", 10_000),
    "InstanceProfilesPerAccount": ("instance_profiles_per_account", 10_000),
    "ServerCertificatesPerAccount": ("server_certificates_per_account", 1_000),
}


def adjusted_quotas(values: Mapping[str, int]) -> Quotas:
    """Quotas with other values, by the names that IAM's errors have. Raises ValueError for what AWS does not grant."""
    quotas = Quotas()
    for name, value in values.items():
        if name not in _ADJUSTABLE:
            raise ValueError(f"{name!r} is no quota of IAM that AWS adjusts: {', '.join(_ADJUSTABLE)}")
        field, highest = _ADJUSTABLE[name]
        if not 1 <= value <= highest:
            raise ValueError(f"{name} must be from 1 to {highest}, which is as much as AWS grants, not {value}")
        quotas = replace(quotas, **{field: value})
    return quotas


def policy_characters(text: str) -> int:
    """The size of a policy as IAM counts it, which leaves out white space."""
    return len("".join(text.split()))
