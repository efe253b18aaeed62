"""Verifies the XML signature of a SAML response, with signxml, which the extra ``saml`` installs."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence

from harness.access.rules.saml import ASSERTION, InvalidSaml


class CannotVerify(RuntimeError):
    """signxml is not installed."""


def signed_assertion(response: str, certificates: Sequence[str]) -> str:
    """The assertion of a response, as it was signed. response, certificates: in base64.

    Whatever of the response is not signed is left out, so that nothing can be slipped in beside what is. Raises
    InvalidSaml if none of the certificates has signed it, and CannotVerify without signxml.
    """
    try:
        from lxml import etree
        from signxml.exceptions import SignXMLException
        from signxml.verifier import XMLVerifier
    except ImportError:
        raise CannotVerify from None
    try:
        text = base64.b64decode(response, validate=True)
        parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=False, load_dtd=False)
        root = etree.fromstring(text, parser)
    except (binascii.Error, ValueError, etree.XMLSyntaxError):
        raise InvalidSaml("Invalid base64 SAMLResponse") from None
    if root.getroottree().docinfo.doctype:
        raise InvalidSaml("The response must not have a document type")
    for certificate in certificates:
        try:
            verified = XMLVerifier().verify(root, x509_cert=_pem(certificate))
        except (SignXMLException, ValueError, TypeError, etree.LxmlError):
            continue
        signed = (verified[0] if isinstance(verified, list) else verified).signed_xml
        if signed is None:
            continue
        assertions = [signed] if signed.tag == ASSERTION else signed.findall(ASSERTION)
        if len(assertions) == 1:
            return str(etree.tostring(assertions[0], encoding="unicode"))
    raise InvalidSaml("Response signature invalid")


def _pem(certificate: str) -> str:
    lines = "\n".join(certificate[at : at + 64] for at in range(0, len(certificate), 64))
    return f"-----BEGIN CERTIFICATE-----\n{lines}\n-----END CERTIFICATE-----\n"
