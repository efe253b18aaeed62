"""Takes policy documents as they are put: parses, checks and measures them, or refuses them as IAM does."""

from __future__ import annotations

from harness.access import errors
from harness.access.identities import PolicyDocument
from harness.access.rules import quotas
from harness.access.rules.policy import MalformedPolicy, parse_policy
from harness.access.state import State


def identity_document(name: str, text: str) -> PolicyDocument:
    """An inline policy. name: as decisions quote it."""
    try:
        return PolicyDocument(text, parse_policy(name, text))
    except MalformedPolicy as error:
        raise errors.malformed_policy(str(error), "iam") from None


def managed_document(arn: str, text: str) -> PolicyDocument:
    """A version of a managed policy."""
    document = identity_document(arn, text)
    if quotas.policy_characters(text) > quotas.POLICY_CHARACTERS:
        raise errors.quota("PolicySize", quotas.POLICY_CHARACTERS)
    return document


def trust_document(state: State, role: str, text: str) -> PolicyDocument:
    """A role's trust policy."""
    try:
        document = PolicyDocument(text, parse_policy(f"trust policy of {role}", text, "trust"))
    except MalformedPolicy as error:
        raise errors.malformed_policy(str(error), "iam") from None
    limit = state.account(state.default_account).quotas.acl_size_per_role
    if quotas.policy_characters(text) > limit:
        raise errors.quota("ACLSizePerRole", limit)
    return document
