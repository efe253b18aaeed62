"""SAML providers and AssumeRoleWithSAML through boto3, with assertions that are signed for real.

Sources: STS and IAM API references; IAM user guide, "Configure SAML assertions for the authentication response".
"""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore import UNSIGNED
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID
from lxml import etree
from signxml import XMLSigner, methods

from tests.access.sts.identities import Identities, allow, of, refused, trust
from tests.support import ACCOUNT, Aws, unique

ACTION = "sts:AssumeRoleWithSAML"
ENTITY = "https://idp.example.com/saml"
RECIPIENT = "https://signin.aws.amazon.com/saml"
NAMES = "urn:oasis:names:tc:SAML:2.0"
ATTRIBUTES = "https://aws.amazon.com/SAML/Attributes"


def key_and_certificate() -> tuple[bytes, bytes]:
    """PEM."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "idp")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + timedelta(days=1))
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return private, builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


KEY, CERTIFICATE = key_and_certificate()
OTHER_KEY, OTHER_CERTIFICATE = key_and_certificate()


def metadata(certificate: bytes = CERTIFICATE, entity: str = ENTITY) -> str:
    body = "".join(certificate.decode().splitlines()[1:-1])
    return f"""<md:EntityDescriptor xmlns:md="{NAMES}:metadata" entityID="{entity}">
  <md:IDPSSODescriptor protocolSupportEnumeration="{NAMES}:protocol">
    <md:KeyDescriptor use="signing"><ds:KeyInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:X509Data>
      <ds:X509Certificate>{body}</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>
    <md:SingleSignOnService Binding="{NAMES}:bindings:HTTP-POST" Location="{entity}"/>
  </md:IDPSSODescriptor></md:EntityDescriptor>"""


@dataclass
class Response:
    """A response with one assertion. roles: the values of the attribute Role."""

    roles: list[str]
    issuer: str = ENTITY
    recipient: str = RECIPIENT
    audience: str = RECIPIENT
    age: float = 0
    ends: float = 300
    attributes: dict[str, list[str]] = field(default_factory=lambda: {"RoleSessionName": ["ann"]})
    key: bytes = KEY
    certificate: bytes = CERTIFICATE
    sign: str = "assertion"

    def text(self) -> str:
        """In base64."""
        moment = datetime.now(UTC) - timedelta(seconds=self.age)
        issued, end = moment.isoformat(), (moment + timedelta(seconds=self.age + self.ends)).isoformat()
        attributes = "".join(
            f'<saml:Attribute Name="{ATTRIBUTES}/{name}">'
            + "".join(f"<saml:AttributeValue>{value}</saml:AttributeValue>" for value in values)
            + "</saml:Attribute>"
            for name, values in {"Role": self.roles, **self.attributes}.items()
        )
        assertion = etree.fromstring(
            f"""<saml:Assertion xmlns:saml="{NAMES}:assertion" ID="_a" Version="2.0" IssueInstant="{issued}">
            <saml:Issuer>{self.issuer}</saml:Issuer><saml:Subject>
            <saml:NameID Format="{NAMES}:nameid-format:persistent">ann</saml:NameID>
            <saml:SubjectConfirmation Method="{NAMES}:cm:bearer">
            <saml:SubjectConfirmationData NotOnOrAfter="{end}" Recipient="{self.recipient}"/>
            </saml:SubjectConfirmation></saml:Subject>
            <saml:Conditions NotOnOrAfter="{end}"><saml:AudienceRestriction>
            <saml:Audience>{self.audience}</saml:Audience></saml:AudienceRestriction></saml:Conditions>
            <saml:AttributeStatement>{attributes}</saml:AttributeStatement></saml:Assertion>"""
        )
        response = etree.fromstring(f'<samlp:Response xmlns:samlp="{NAMES}:protocol" ID="_r" Version="2.0"/>')
        signer = XMLSigner(methods.enveloped, c14n_algorithm="http://www.w3.org/2001/10/xml-exc-c14n#")
        if self.sign == "assertion":
            assertion = signer.sign(assertion, key=self.key, cert=self.certificate, reference_uri="_a")
        response.append(assertion)
        if self.sign == "response":
            response = signer.sign(response, key=self.key, cert=self.certificate, reference_uri="_r")
        return base64.b64encode(etree.tostring(response)).decode()


class Provider:
    def __init__(self, aws: Aws, document: str | None = None) -> None:
        self.name = unique("idp")
        iam = aws.client("iam")
        self.arn = iam.create_saml_provider(Name=self.name, SAMLMetadataDocument=document or metadata())[
            "SAMLProviderArn"
        ]


@pytest.fixture
def provider(aws: Aws) -> Provider:
    return Provider(aws)


@pytest.fixture
def sts(aws: Aws) -> Any:
    return aws.client("sts", signature_version=UNSIGNED)


def trusting(identities: Identities, provider: Provider, *actions: str, **more: Any) -> Any:
    return identities.role(
        trust({"Federated": provider.arn}, *(actions or (ACTION,)), **more.pop("statement", {})), **more
    )


def assume(sts: Any, role: Any, provider: Provider, response: Response | str, **request: Any) -> dict[str, Any]:
    text = response if isinstance(response, str) else response.text()
    answer: dict[str, Any] = sts.assume_role_with_saml(
        RoleArn=role.arn, PrincipalArn=provider.arn, SAMLAssertion=text, **request
    )
    return answer


def for_role(role: Any, provider: Provider, **more: Any) -> Response:
    return Response([f"{role.arn},{provider.arn}"], **more)


@pytest.mark.parametrize("sign", ["assertion", "response"])
def test_an_assertion_that_verifies_gives_credentials(
    identities: Identities, provider: Provider, sts: Any, sign: str
) -> None:
    role = trusting(identities, provider, allowed=(allow("sagemaker:ListModels"),))
    answer = assume(sts, role, provider, for_role(role, provider, sign=sign))
    assert answer["AssumedRoleUser"]["Arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/{role.name}/ann"
    assert (answer["Subject"], answer["SubjectType"]) == ("ann", "persistent")
    assert (answer["Issuer"], answer["Audience"]) == (ENTITY, RECIPIENT)
    assert len(base64.b64decode(answer["NameQualifier"])) == 20
    assert "Models" in identities.client("sagemaker", of(answer)).list_models()


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"key": OTHER_KEY, "certificate": OTHER_CERTIFICATE}, "InvalidIdentityToken"),
        ({"sign": "nothing"}, "InvalidIdentityToken"),
        ({"issuer": "https://other.example.com"}, "InvalidIdentityToken"),
        ({"recipient": "https://example.com"}, "InvalidIdentityToken"),
        ({"audience": "https://example.com"}, "InvalidIdentityToken"),
        ({"attributes": {}}, "InvalidIdentityToken"),
        ({"attributes": {"RoleSessionName": ["a b"]}}, "InvalidIdentityToken"),
        ({"age": 301, "ends": 900}, "ExpiredTokenException"),
        ({"ends": -1}, "ExpiredTokenException"),
        ({"age": -3600, "ends": 7200}, "InvalidIdentityToken"),
        ({"roles": []}, "AccessDenied"),
        ({"roles": ["arn:aws:iam::123456789012:role/other,arn:aws:iam::123456789012:saml-provider/x"]}, "AccessDenied"),
    ],
)
def test_an_assertion_that_does_not(
    identities: Identities, provider: Provider, sts: Any, change: dict[str, Any], code: str
) -> None:
    role = trusting(identities, provider)
    response = for_role(role, provider)
    for name, value in change.items():
        setattr(response, name, value)
    assert refused(assume, sts, role, provider, response)[0] == code


@pytest.mark.parametrize("text", ["garbage", base64.b64encode(b"no XML").decode(), base64.b64encode(b"<a/>").decode()])
def test_what_is_no_response(identities: Identities, provider: Provider, sts: Any, text: str) -> None:
    assert refused(assume, sts, trusting(identities, provider), provider, text)[0] == "InvalidIdentityToken"


def test_nothing_can_be_slipped_in_beside_what_is_signed(identities: Identities, provider: Provider, sts: Any) -> None:
    """Signature wrapping: an unsigned assertion for another role beside the signed one, before and after it."""
    role, other = trusting(identities, provider), trusting(identities, provider)
    signed = etree.fromstring(base64.b64decode(for_role(role, provider).text()))
    forged = etree.fromstring(base64.b64decode(for_role(other, provider, sign="nothing").text()))[0]
    forged.set("ID", "_b")
    for place in (0, 1):
        signed.insert(place, forged)
        text = base64.b64encode(etree.tostring(signed)).decode()
        assert refused(assume, sts, other, provider, text)[0] == "AccessDenied"
        signed.remove(forged)


def test_a_document_type_is_refused(identities: Identities, provider: Provider, sts: Any) -> None:
    role = trusting(identities, provider)
    text = base64.b64decode(for_role(role, provider).text()).decode()
    bomb = f'<!DOCTYPE r [<!ENTITY a "{"x" * 10}">]>{text}'
    code = refused(assume, sts, role, provider, base64.b64encode(bomb.encode()).decode())[0]
    assert code == "InvalidIdentityToken"


@pytest.mark.parametrize(
    ("key", "value", "allowed"),
    [
        ("SAML:aud", RECIPIENT, True),
        ("SAML:aud", "other", False),
        ("SAML:iss", ENTITY, True),
        ("SAML:sub", "ann", True),
        ("SAML:sub", "bob", False),
        ("SAML:sub_type", "persistent", True),
    ],
)
def test_conditions(identities: Identities, provider: Provider, sts: Any, key: str, value: str, allowed: bool) -> None:
    role = trusting(identities, provider, statement={"Condition": {"StringEquals": {key: value}}})
    if allowed:
        assert assume(sts, role, provider, for_role(role, provider))
    else:
        assert refused(assume, sts, role, provider, for_role(role, provider)) == (
            "AccessDenied",
            "Not authorized to perform sts:AssumeRoleWithSAML",
        )


def test_tags_and_source_identity_of_the_assertion(identities: Identities, provider: Provider, sts: Any) -> None:
    attributes = {
        "RoleSessionName": ["ann"],
        "PrincipalTag:team": ["dogs"],
        "TransitiveTagKeys": ["team"],
        "SourceIdentity": ["Ann"],
    }
    plain = trusting(identities, provider)
    assert refused(assume, sts, plain, provider, for_role(plain, provider, attributes=attributes))[0] == "AccessDenied"
    may = allow("sagemaker:ListModels", Condition={"StringEquals": {"aws:PrincipalTag/team": "dogs"}})
    role = trusting(identities, provider, ACTION, "sts:TagSession", "sts:SetSourceIdentity", allowed=(may,))
    answer = assume(sts, role, provider, for_role(role, provider, attributes=attributes))
    assert answer["SourceIdentity"] == "Ann"
    assert "Models" in identities.client("sagemaker", of(answer)).list_models()


class TestProviders:
    def test_it_is_kept_as_it_was_created(self, aws: Aws) -> None:
        iam, name = aws.client("iam"), unique("idp")
        tags = [{"Key": "a", "Value": "1"}]
        arn = iam.create_saml_provider(Name=name, SAMLMetadataDocument=metadata(), Tags=tags)["SAMLProviderArn"]
        assert arn == f"arn:aws:iam::{ACCOUNT}:saml-provider/{name}"
        provider = iam.get_saml_provider(SAMLProviderArn=arn)
        assert (provider["SAMLMetadataDocument"], provider["Tags"]) == (metadata(), tags)
        assert provider["ValidUntil"].year == provider["CreateDate"].year + 100
        assert arn in [provider["Arn"] for provider in iam.list_saml_providers()["SAMLProviderList"]]
        request = {"Name": name, "SAMLMetadataDocument": metadata()}
        assert refused(iam.create_saml_provider, **request)[0] == "EntityAlreadyExists"
        iam.delete_saml_provider(SAMLProviderArn=arn)
        assert refused(iam.get_saml_provider, SAMLProviderArn=arn) == (
            "NoSuchEntity",
            f"Manifest not found for arn {arn}",
        )

    @pytest.mark.parametrize(
        "document",
        [
            "a" * 1024,
            f"<a>{'b' * 1000}</a>",
            metadata().replace("IDPSSODescriptor", "SPSSODescriptor"),
            metadata().replace("X509Certificate", "X509Nothing"),
            metadata().replace("MII", "!!!"),
            f"<!DOCTYPE a [<!ENTITY b 'c'>]>{metadata()}",
        ],
    )
    def test_metadata_that_is_none(self, aws: Aws, document: str) -> None:
        code, message = refused(
            aws.client("iam").create_saml_provider, Name=unique("idp"), SAMLMetadataDocument=document
        )
        assert code == "InvalidInput"
        assert message.startswith("Could not parse metadata")

    def test_new_metadata_counts_at_once(self, aws: Aws, identities: Identities, provider: Provider, sts: Any) -> None:
        role = trusting(identities, provider)
        aws.client("iam").update_saml_provider(
            SAMLProviderArn=provider.arn, SAMLMetadataDocument=metadata(OTHER_CERTIFICATE)
        )
        assert refused(assume, sts, role, provider, for_role(role, provider))[0] == "InvalidIdentityToken"
        response = for_role(role, provider, key=OTHER_KEY, certificate=OTHER_CERTIFICATE)
        assert assume(sts, role, provider, response)

    def test_tags(self, aws: Aws, provider: Provider) -> None:
        iam, arn = aws.client("iam"), {"SAMLProviderArn": provider.arn}
        iam.tag_saml_provider(**arn, Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}])
        iam.untag_saml_provider(**arn, TagKeys=["a"])
        assert iam.list_saml_provider_tags(**arn)["Tags"] == [{"Key": "b", "Value": "2"}]

    def test_a_role_is_not_assumed_by_a_deleted_provider(
        self, aws: Aws, identities: Identities, provider: Provider, sts: Any
    ) -> None:
        role = trusting(identities, provider)
        aws.client("iam").delete_saml_provider(SAMLProviderArn=provider.arn)
        assert refused(assume, sts, role, provider, for_role(role, provider))[0] == "InvalidIdentityToken"
