"""AWS Signature Version 4, as a service checks it.

Source: IAM user guide, "AWS Signature Version 4 for API requests"; the tests check what
botocore signs.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from functools import lru_cache
from hashlib import sha256
from urllib.parse import quote

from botocore.utils import normalize_url_path

ALGORITHM = "AWS4-HMAC-SHA256"
UNSIGNED = "UNSIGNED-PAYLOAD"
# How far a request's time may be from the service's. S3 allows more (both as AWS's error messages state them).
_SKEW_SECONDS = 5 * 60
_S3_SKEW_SECONDS = 15 * 60
LONGEST_EXPIRY_SECONDS = 604_800
"""The most that X-Amz-Expires may say: seven days."""
_S3_SERVICES = ("s3", "s3-object-lambda")


class Fault(Enum):
    """What is wrong with a signed request."""

    SIGNATURE = "signature"
    PAYLOAD = "payload"
    """The body does not have the hash that was signed."""
    TIME = "time"
    EXPIRED = "expired"
    """A presigned URL was used after its X-Amz-Expires."""


@dataclass(frozen=True, slots=True)
class Signature:
    """A request's signature and what the request says about it.

    stamp: X-Amz-Date. headers: names of the signed headers, in lower case. expires: for how many seconds a presigned
    URL is valid; None for a signature in a header.
    """

    access_key: str
    day: str
    region: str
    service: str
    stamp: str
    headers: Sequence[str]
    value: str
    expires: int | None = None


@dataclass(frozen=True, slots=True)
class Message:
    """The request as it came over the wire: raw path and query, names of headers in lower case.

    body: None if it is an object of S3, which is compared with the declared hash while it arrives.
    unsigned_body: whether the operation is one of the few whose body AWS takes unsigned (botocore's auth types).
    """

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes | None
    unsigned_body: bool = False


def is_s3(service: str) -> bool:
    """Whether a service, by its signing name, has S3's variation of the signature."""
    return service in _S3_SERVICES


def find_unsigned(signature: Signature, headers: Mapping[str, str]) -> str | None:
    """A header that has to be signed and is not; None if there is none.

    These are Host and every x-amz-* header of the request (IAM user guide, "Create a signed AWS API request").
    """
    signed = frozenset(signature.headers)
    if "host" not in signed:
        return "host"
    return next((name for name in headers if name.startswith("x-amz-") and name not in signed), None)


def signing_key(signature: Signature, secret: str) -> bytes:
    """The key that a secret gives for the scope of a signature."""
    return _signing_key(secret, signature.day, signature.region, signature.service)


def find_fault(signature: Signature, message: Message, secret: str, now: float) -> Fault | None:
    """What is wrong with a request that must be signed with ``secret``; None if nothing is. now: seconds since 1970."""
    s3 = is_s3(signature.service)
    signed_at = _seconds(signature.stamp)
    if signed_at is None or not signature.stamp.startswith(signature.day):
        return Fault.SIGNATURE
    if signature.expires is not None:
        if not signed_at - _S3_SKEW_SECONDS <= now <= signed_at + signature.expires:
            return Fault.EXPIRED
    elif abs(now - signed_at) > (_S3_SKEW_SECONDS if s3 else _SKEW_SECONDS):
        return Fault.TIME
    payload = _payload(message, presigned=signature.expires is not None, s3=s3)
    if not hmac.compare_digest(_expected(signature, message, secret, payload, s3=s3), signature.value.encode()):
        return Fault.SIGNATURE
    declared = message.headers.get("x-amz-content-sha256", "")
    if message.body is not None and len(declared) == 64 and sha256(message.body).hexdigest() != declared:
        return Fault.PAYLOAD
    return None


@lru_cache(256)  # the requests of one second have the same
def _seconds(stamp: str) -> float | None:
    try:
        return int(datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp())
    except ValueError:
        return None


@lru_cache(1024)
def _twice_encoded(path: str) -> str:
    return quote(normalize_url_path(path), safe="/~")


def _payload(message: Message, *, presigned: bool, s3: bool) -> str:
    """The body's hash as it stands in the canonical request. Only S3 takes the client's word for it."""
    if s3:
        declared = message.headers.get("x-amz-content-sha256", "")
        return declared or (UNSIGNED if presigned else sha256(message.body or b"").hexdigest())
    return UNSIGNED if message.unsigned_body else sha256(message.body or b"").hexdigest()


def _expected(signature: Signature, message: Message, secret: str, payload: str, *, s3: bool) -> bytes:
    headers = "".join(f"{name}:{' '.join(message.headers.get(name, '').split())}\n" for name in signature.headers)
    # Every service but S3 normalizes the path and encodes it once more.
    path = message.path if s3 else _twice_encoded(message.path)
    canonical = (
        f"{message.method}\n{path or '/'}\n{_query(message.query)}\n{headers}\n{';'.join(signature.headers)}\n{payload}"
    )
    scope = f"{signature.day}/{signature.region}/{signature.service}/aws4_request"
    to_sign = f"{ALGORITHM}\n{signature.stamp}\n{scope}\n{sha256(canonical.encode()).hexdigest()}"
    key = _signing_key(secret, signature.day, signature.region, signature.service)
    return hmac.digest(key, to_sign.encode(), "sha256").hex().encode()


def _query(query: str) -> str:
    pairs = sorted(part.partition("=")[::2] for part in query.split("&") if part)
    return "&".join(f"{name}={value}" for name, value in pairs if name != "X-Amz-Signature")


@lru_cache(256)
def _signing_key(secret: str, day: str, region: str, service: str) -> bytes:
    key = f"AWS4{secret}".encode()
    for part in (day, region, service, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key
