"""What SAML metadata and assertions say, and whether an assertion is one for AWS.

The signature is verified before (harness.access.saml_signature); nothing here is to be trusted without it.

Sources: IAM user guide, "Configure SAML assertions for the authentication response" and "SAML 2.0 federation";
SAML 2.0 core and metadata specifications.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from xml.etree import ElementTree

_NAMES = {
    "md": "urn:oasis:names:tc:SAML:2.0:metadata",
    "ds": "http://www.w3.org/2000/09/xmldsig#",
    "saml": "urn:oasis:names:tc:SAML:2.0:assertion",
}
ASSERTION = f"{{{_NAMES['saml']}}}Assertion"
_ATTRIBUTES = "https://aws.amazon.com/SAML/Attributes/"
_FORMAT = "urn:oasis:names:tc:SAML:2.0:nameid-format:"
_AUDIENCE = re.compile(r"https://(?:[a-z0-9-]+\.)?signin\.aws\.amazon\.com/saml(?:/acs/[\w-]+)?|urn:amazon:webservices")
_SESSION_NAME = re.compile(r"[\w+=,.@-]{2,64}", re.ASCII)
_REDEEM_SECONDS = 300
"""How long after it was issued an assertion can be used (words of AWS's error)."""
_CLOCK_SKEW = 300
"""Seconds that a provider's clock may be ahead. AWS's figure is not published."""


class InvalidSaml(ValueError):
    """Metadata or an assertion that AWS refuses; ``str(error)`` says why."""


class ExpiredSaml(InvalidSaml):
    """An assertion that is too old."""


@dataclass(frozen=True, slots=True)
class Metadata:
    """An identity provider's metadata. certificates: those that it signs with, in base64 (DER)."""

    entity_id: str
    certificates: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Assertion:
    """An assertion for AWS. roles: pairs of a role's and a provider's ARN. ends: seconds since 1970; None if never."""

    issuer: str
    subject: str
    subject_type: str
    audience: str
    roles: frozenset[tuple[str, str]]
    session_name: str
    tags: Mapping[str, str] = field(default_factory=dict)
    transitive: tuple[str, ...] = ()
    source_identity: str = ""
    ends: float | None = None


def read_metadata(text: str) -> Metadata:
    """Raises InvalidSaml for a text that is no metadata of an identity provider."""
    root = _parse(text)
    descriptor = root if root.tag == f"{{{_NAMES['md']}}}EntityDescriptor" else None
    provider = descriptor.find("md:IDPSSODescriptor", _NAMES) if descriptor is not None else None
    if descriptor is None or provider is None or not descriptor.get("entityID"):
        raise InvalidSaml("it must be an EntityDescriptor with an entityID and an IDPSSODescriptor")
    certificates = tuple(
        "".join((certificate.text or "").split())
        for key in provider.findall("md:KeyDescriptor", _NAMES)
        if key.get("use", "signing") == "signing"
        for certificate in key.iterfind(".//ds:X509Certificate", _NAMES)
    )
    if not certificates:
        raise InvalidSaml("the IDPSSODescriptor has no X509Certificate to verify signatures with")
    return Metadata(str(descriptor.get("entityID")), certificates)


def name_qualifier(issuer: str, account: str, provider: str) -> str:
    """``saml:namequalifier``. provider: its name. Source: STS API reference, AssumeRoleWithSAML."""
    digest = hashlib.sha1(f"{issuer}{account}/{provider}".encode(), usedforsecurity=False).digest()
    return base64.b64encode(digest).decode()


def read_assertion(text: str, now: float) -> Assertion:
    """Reads a verified assertion. now: seconds since 1970.

    Raises ExpiredSaml for one that is too old, and InvalidSaml for another that AWS refuses.
    """
    root = _parse(text)
    subject = root.find("saml:Subject/saml:NameID", _NAMES)
    confirmation = root.find("saml:Subject/saml:SubjectConfirmation/saml:SubjectConfirmationData", _NAMES)
    if subject is None or confirmation is None:
        raise InvalidSaml("The assertion must have a Subject with a NameID and SubjectConfirmationData")
    recipient = confirmation.get("Recipient", "")
    listed = root.iterfind(".//saml:AudienceRestriction/saml:Audience", _NAMES)
    audiences = [(audience.text or "").strip() for audience in listed]
    if not _AUDIENCE.fullmatch(recipient) or not any(map(_AUDIENCE.fullmatch, audiences)):
        raise InvalidSaml("The assertion's Recipient and Audience must be https://signin.aws.amazon.com/saml")
    conditions = root.find("saml:Conditions", _NAMES)
    ends = [_time(item.get("NotOnOrAfter")) for item in (confirmation, conditions) if item is not None]
    begins = [_time(item.get("NotBefore")) for item in (confirmation, conditions) if item is not None]
    issued = _time(root.get("IssueInstant"))
    if issued is None or now - issued > _REDEEM_SECONDS or any(end is not None and end <= now for end in ends):
        raise ExpiredSaml("Token must be redeemed within 5 minutes of issuance")
    if any(begin is not None and begin > now + _CLOCK_SKEW for begin in (*begins, issued)):
        raise InvalidSaml("The assertion is not valid yet")
    attributes = _attributes(root)
    names = attributes.get("RoleSessionName", ())
    if len(names) != 1 or not _SESSION_NAME.fullmatch(names[0]):
        raise InvalidSaml("RoleSessionName is required in AuthnResponse")
    statement = root.find("saml:AuthnStatement", _NAMES)
    return Assertion(
        (root.findtext("saml:Issuer", "", _NAMES) or "").strip(),
        (subject.text or "").strip(),
        subject.get("Format", "").removeprefix(_FORMAT),
        recipient,
        frozenset(pair for value in attributes.get("Role", ()) if (pair := _role_pair(value)) is not None),
        names[0],
        {
            name.removeprefix("PrincipalTag:"): values[0]
            for name, values in attributes.items()
            if name.startswith("PrincipalTag:") and values
        },
        attributes.get("TransitiveTagKeys", ()),
        next(iter(attributes.get("SourceIdentity", ())), ""),
        None if statement is None else _time(statement.get("SessionNotOnOrAfter")),
    )


def _parse(text: str) -> ElementTree.Element:
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise InvalidSaml("it must not have a document type")
    try:
        return ElementTree.fromstring(text)  # noqa: S314 - without a document type there are no entities
    except (ElementTree.ParseError, ValueError) as error:
        raise InvalidSaml(f"it is not XML: {error}") from None


def _attributes(root: ElementTree.Element) -> dict[str, tuple[str, ...]]:
    """The values of AWS's attributes, by the last part of their names."""
    return {
        attribute.get("Name", "").removeprefix(_ATTRIBUTES): tuple(
            (value.text or "").strip() for value in attribute.iterfind("saml:AttributeValue", _NAMES)
        )
        for attribute in root.iterfind(".//saml:AttributeStatement/saml:Attribute", _NAMES)
        if attribute.get("Name", "").startswith(_ATTRIBUTES)
    }


def _role_pair(value: str) -> tuple[str, str] | None:
    """A role's ARN and a provider's, which may stand in either order."""
    arns = [arn.strip() for arn in value.split(",")]
    roles = [arn for arn in arns if ":role/" in arn]
    providers = [arn for arn in arns if ":saml-provider/" in arn]
    return (roles[0], providers[0]) if len(arns) == 2 and len(roles) == len(providers) == 1 else None


def _time(text: str | None) -> float | None:
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidSaml("A time of the assertion is not ISO 8601") from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
