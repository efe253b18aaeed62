"""Takes policy documents as they are put: checks, measures and compiles them, or refuses them as IAM does."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator
from typing import Any

from harness.access import errors
from harness.access.identities import PolicyDocument
from harness.access.rules import quotas
from harness.access.rules.document_checks import SYNTAX, PolicyKind, identity_fault, trust_fault
from harness.access.rules.policy import Attachment, MalformedPolicy, parse_policy
from harness.access.rules.trust import with_principals
from harness.access.state import State
from harness.access.trusting import holder_of

log = logging.getLogger(__name__)

_ACCOUNT = re.compile(r"[0-9]{12}")
_ROOT = re.compile(r"arn:aws[a-z-]*:iam::[0-9]{12}:root")
_HOLDER = re.compile(r"arn:aws[a-z-]*:iam::([0-9]{12}):(?:user|role)/.+")
_SESSION = re.compile(r"arn:aws[a-z-]*:sts::([0-9]{12}):(?:assumed-role/([^/]+)/[^/]+|federated-user/[^/]+)")
_UNIQUE_ID = re.compile(r"A[A-Z]{3}[A-Z0-9]{16,124}")
# IAM knows which services there are; the harness only knows what their names look like.
_SERVICE = re.compile(r"[a-z0-9-]+(?:\.[a-z0-9-]+)*\.(?:amazonaws\.com(?:\.cn)?|aws\.internal|amazon\.com|api\.aws)")
_PROVIDER = re.compile(r"arn:aws[a-z-]*:iam::[0-9]{12}:(?:saml|oidc)-provider/.+")
_DOMAIN = re.compile(r"[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+(?:/.*)?")


def inline_document(name: str, text: str) -> PolicyDocument:
    """An inline policy. name: as decisions quote it."""
    return _identity_document(name, text, "inline")


def managed_document(arn: str, text: str) -> PolicyDocument:
    """A version of a managed policy."""
    document = _identity_document(arn, text, "managed")
    if quotas.policy_characters(text) > quotas.POLICY_CHARACTERS:
        raise errors.quota("PolicySize", quotas.POLICY_CHARACTERS)
    return document


def _identity_document(name: str, text: str, kind: PolicyKind) -> PolicyDocument:
    fault = identity_fault(text, kind)
    if fault is not None:
        _log_place(name, text, "identity")
        raise errors.malformed_policy(fault, "iam")
    return _compiled(name, text, "identity")


def _log_place(name: str, text: str, attachment: Attachment) -> None:
    """IAM's sentence seldom says where the fault is. The log does, if the harness finds it too."""
    try:
        parse_policy(name, text, attachment)
    except MalformedPolicy as error:
        log.info("refused: %s", error)


def _compiled(name: str, text: str, attachment: Attachment) -> PolicyDocument:
    try:
        return PolicyDocument(text, parse_policy(name, text, attachment))
    except MalformedPolicy as error:
        log.warning("refused, though IAM may take it: %s", error)
        raise errors.malformed_policy(SYNTAX, "iam") from None


def trust_document(state: State, account_id: str, role: str, text: str) -> PolicyDocument:
    """A role's trust policy. Principals that are given by their unique ids are written as ARNs, as IAM does."""
    fault = trust_fault(text)
    if fault is not None:
        _log_place(f"trust policy of {role}", text, "trust")
        raise errors.malformed_policy(fault, "iam")
    names: dict[str, str] = {}
    for kind, principal in _principals(json.loads(text)):
        if not _principal_exists(state, kind, principal):
            if kind == "Federated":
                raise errors.malformed_policy(
                    "Federated principals must be valid domain names or SAML metadata ARNs", "iam"
                )
            raise errors.malformed_policy(f'Invalid principal in policy: "{kind.upper()}":"{principal}"', "iam")
        if kind == "AWS" and _UNIQUE_ID.fullmatch(principal):
            holder = holder_of(state, principal)
            names[principal] = principal if holder is None else holder.arn
    limit = state.account(account_id).quotas.acl_size_per_role
    if quotas.policy_characters(text) > limit:
        raise errors.quota("ACLSizePerRole", limit)
    return _compiled(f"trust policy of {role}", with_principals(text, names) if names else text, "trust")


def _principals(document: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """The principals of a well-formed trust policy, each with its kind."""
    statements = document["Statement"]
    for statement in [statements] if isinstance(statements, dict) else statements:
        for kind, names in statement["Principal"].items():
            for name in [names] if isinstance(names, str) else names:
                yield kind, name


def _principal_exists(state: State, kind: str, principal: str) -> bool:
    """Whether a principal exists. Of accounts that are not rehearsed the harness knows nothing."""
    if kind == "Service":
        return bool(_SERVICE.fullmatch(principal))
    if kind == "Federated":
        return bool(_PROVIDER.fullmatch(principal) or _DOMAIN.fullmatch(principal))
    if principal == "*" or _ACCOUNT.fullmatch(principal) or _ROOT.fullmatch(principal):
        return True
    if match := _HOLDER.fullmatch(principal):
        return match[1] not in state.accounts or holder_of(state, principal) is not None
    if match := _SESSION.fullmatch(principal):
        account = state.accounts.get(match[1])
        return match[2] is None or account is None or account.roles.get(match[2]) is not None
    return bool(_UNIQUE_ID.fullmatch(principal)) and holder_of(state, principal) is not None
