"""Reads who signed a request: the header Authorization, or the parameters of a presigned URL, by a strict grammar.

Each part stands exactly once and nothing else stands beside them, so that nobody else can read another credential out
of the same text. Source: IAM user guide, "AWS Signature Version 4 for API requests", and S3's API reference,
"Authenticating Requests". Sentences without another source are S3's, as printed in public issues.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from harness.access.rules.signature import ALGORITHM, LONGEST_EXPIRY_SECONDS, Signature
from harness.core.errors import AwsError, shown

_PARTS = ("Credential", "SignedHeaders", "Signature")
_ACCESS_KEY = re.compile(r"[A-Za-z0-9_.-]{1,128}")
_DAY = re.compile(r"[0-9]{8}")
_REGION = re.compile(r"[A-Za-z0-9-]{1,64}")
_SERVICE = re.compile(r"[A-Za-z0-9._-]{1,64}")
_SIGNED_HEADERS = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+(;[!#$%&'*+.^_`|~0-9A-Za-z-]+)*")
_SIGNATURE = re.compile(r"[0-9A-Za-z]{1,256}")
_STAMP = re.compile(r"[0-9]{8}T[0-9]{6}Z")
_TERMINATION = "aws4_request"
_LIKELY_SERVICE = re.compile(r"(?:/|%2[Ff])([a-z0-9-]{1,64})(?:/|%2[Ff])aws4_request")
_QUERY_PARTS = (
    "X-Amz-Algorithm",
    "X-Amz-Credential",
    "X-Amz-Signature",
    "X-Amz-Date",
    "X-Amz-SignedHeaders",
    "X-Amz-Expires",
)
_TOKEN = "X-Amz-Security-Token"  # noqa: S105 - a parameter
AUTHORIZATION_PARAMETERS = frozenset((*_QUERY_PARTS, _TOKEN))
"""The parameters of a presigned URL, which are no parameters of its operation."""
# Parameters of SigV2's presigned URLs.
_OTHER_MECHANISMS = ("Signature", "AWSAccessKeyId")


def likely_service(header: str, query: str) -> str:
    """The signing name in an authorization that is refused, to refuse it in the right protocol; "" if there is none."""
    found = _LIKELY_SERVICE.search(header) or _LIKELY_SERVICE.search(query)
    return found[1] if found else ""


def refuse_two(header: str | None, query: Mapping[str, str]) -> None:
    """Raises AwsError if a request is authorized in its header and in its query. query: its parameters."""
    signed_in_query = any(name in query for name in ("X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Signature"))
    if header and (signed_in_query or all(name in query for name in _OTHER_MECHANISMS)):
        raise AwsError(
            "InvalidArgument",
            "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string "
            "parameter or the Authorization header should be specified",
        )


def from_header(header: str, stamp: str) -> Signature:
    """The signature in a header Authorization. stamp: the header X-Amz-Date.

    Raises AwsError IncompleteSignature for anything but the three parts of a SigV4 header, in their order or another.
    """
    algorithm, _, rest = header.partition(" ")
    if algorithm == "AWS" and ":" in rest:
        raise _version_2()
    if algorithm != ALGORITHM:
        raise _incomplete("The Authorization header must be an AWS Signature Version 4 header.")
    parts: dict[str, str] = {}
    for part in rest.split(","):
        name, equals, value = part.strip(" ").partition("=")
        if not equals or name not in _PARTS or name in parts:
            raise _incomplete(
                f"The Authorization header must have Credential, SignedHeaders and Signature, each once; {shown(part)} "
                "is not one of them, or is there twice."
            )
        parts[name] = value
    for name in _PARTS:
        if name not in parts:
            # AWS's sentence, as printed in public issues.
            raise _incomplete(f"Authorization header requires '{name}' parameter.")
    scope = parts["Credential"].split("/")
    if len(scope) != 5 or not _is_scope(scope):
        raise _incomplete("Credential must have the form KEY/YYYYMMDD/REGION/SERVICE/aws4_request.")
    if not _SIGNED_HEADERS.fullmatch(parts["SignedHeaders"]) or not _SIGNATURE.fullmatch(parts["Signature"]):
        raise _incomplete("SignedHeaders must be names with semicolons between them, and Signature hexadecimal.")
    return _signature(scope, stamp, parts["SignedHeaders"], parts["Signature"], None)


def from_query(query: Mapping[str, str]) -> tuple[Signature, str] | None:
    """The signature in a presigned URL and its session token ("" if it has none); None if the URL is not presigned.

    Raises AwsError AuthorizationQueryParametersError for a part that is missing or malformed.
    """
    if not any(name in query for name in ("X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Signature")):
        if "AWSAccessKeyId" in query and "Signature" in query:
            raise _version_2()
        return None
    if any(name not in query for name in _QUERY_PARTS):
        raise _wrong_query(
            "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, "
            "X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters."
        )
    if query["X-Amz-Algorithm"] != ALGORITHM:
        raise _wrong_query(f'X-Amz-Algorithm only supports "{ALGORITHM}"')
    scope = query["X-Amz-Credential"].split("/")
    if len(scope) != 5 or not _is_scope(scope):
        raise _wrong_query(
            'Error parsing the X-Amz-Credential parameter; the Credential is mal-formed; expecting "<YOUR-AKID>/'
            'YYYYMMDD/REGION/SERVICE/aws4_request".'
        )
    if not _STAMP.fullmatch(query["X-Amz-Date"]):
        raise _wrong_query("X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\"")
    if not _SIGNED_HEADERS.fullmatch(query["X-Amz-SignedHeaders"]):
        raise _wrong_query("X-Amz-SignedHeaders must be names of headers with semicolons between them.")
    expires = _seconds(query["X-Amz-Expires"])
    signature = _signature(scope, query["X-Amz-Date"], query["X-Amz-SignedHeaders"], query["X-Amz-Signature"], expires)
    return signature, query.get(_TOKEN, "")


def _version_2() -> AwsError:
    """S3 takes Signature Version 2 for buckets from before June 2020 only. Its own two sentences come first."""
    return AwsError(
        "InvalidRequest",
        "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256. With boto3: "
        "Config(signature_version='s3v4').",
        400,
    )


def _seconds(text: str) -> int:
    number = text.removeprefix("-")
    if not number.isascii() or not number.isdigit():
        raise _wrong_query("X-Amz-Expires should be a number")
    if text.startswith("-"):
        raise _wrong_query("X-Amz-Expires must be non-negative")
    if len(number) > len(str(LONGEST_EXPIRY_SECONDS)) or int(number) > LONGEST_EXPIRY_SECONDS:
        raise _wrong_query(
            "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less than "
            f"{LONGEST_EXPIRY_SECONDS} seconds"
        )
    return int(number)


def _is_scope(scope: Sequence[str]) -> bool:
    access_key, day, region, service, termination = scope
    if not _REGION.fullmatch(region):
        # AWS's sentence, as printed in public issues. Folders of what is deployed in a region are named after it.
        raise AwsError("SignatureDoesNotMatch", "Credential should be scoped to a valid region.", 403)
    return bool(
        _ACCESS_KEY.fullmatch(access_key)
        and _DAY.fullmatch(day)
        and _SERVICE.fullmatch(service)
        and termination == _TERMINATION
    )


def _signature(scope: Sequence[str], stamp: str, headers: str, value: str, expires: int | None) -> Signature:
    access_key, day, region, service, _ = scope
    return Signature(access_key, day, region, service, stamp, headers.split(";"), value, expires)


def _incomplete(sentence: str) -> AwsError:
    return AwsError("IncompleteSignature", sentence, 403)


def _wrong_query(sentence: str) -> AwsError:
    return AwsError("AuthorizationQueryParametersError", sentence, 400)
