"""Decompresses request bodies, within a bound: what is decided on is what the body says, not what hides it."""

from __future__ import annotations

import zlib
from collections.abc import Callable

from harness.core.calls import body_too_large
from harness.core.errors import AwsError, shown

# zlib's number for gzip's format (zlib manual, inflateInit2).
_GZIP = 16 + zlib.MAX_WBITS


def decoded(encoding: str, body: bytes, limit: int, too_large: Callable[[int], AwsError] = body_too_large) -> bytes:
    """The body of a request with a header Content-Encoding, at most ``limit`` bytes.

    Botocore compresses by gzip only. Raises ``too_large(limit)`` before more than the limit is in memory, and AwsError
    SerializationException for another encoding and for a body that is not gzip, or more than one member of it.
    """
    name = encoding.strip().lower()
    if name in ("", "identity"):
        return body
    if name not in ("gzip", "x-gzip"):
        raise AwsError("SerializationException", f"The Content-Encoding {shown(encoding)} is not supported: use gzip.")
    inflate = zlib.decompressobj(_GZIP)
    try:
        content = inflate.decompress(body, limit + 1)
    except zlib.error:
        content = b""
    if len(content) > limit:
        raise too_large(limit)
    if not inflate.eof or inflate.unused_data:
        raise AwsError("SerializationException", "The Content-Encoding is gzip, and the body is not gzip's format.")
    return content
