"""What S3 checks of an object's content while it arrives: its hash, or the framing and signatures of its chunks.

Sources: S3's API reference, "Signature Calculations for the Authorization Header: Transferring Payload in Multiple
Chunks (Chunked Upload)", and the same "with trailing headers".
"""

from __future__ import annotations

import hmac
import re
from hashlib import sha256
from typing import Protocol

from harness.core.errors import AwsError

UNSIGNED = "UNSIGNED-PAYLOAD"
_UNSIGNED_CHUNKS = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
_SIGNED_CHUNKS = frozenset(("STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"))
_HASH = re.compile(r"[0-9a-f]{64}")
_CHUNK = re.compile(rb"([0-9A-Fa-f]{1,8})(?:;chunk-signature=([0-9a-f]{64}))?")
_TRAILER = re.compile(rb"([A-Za-z0-9-]{1,128}):([\x20-\x7e]{0,512})")
_LONGEST_LINE = 1024
_MOST_TRAILERS = 16
_NO_BYTES = sha256(b"").hexdigest()


class ChunkSigner:
    """Signs chunk after chunk. key: the signing key of the request's scope. seed: the signature of its head."""

    def __init__(self, key: bytes, stamp: str, scope: str, seed: str) -> None:
        self._key = key
        self._context = f"{stamp}\n{scope}"
        self._previous = seed

    def sign_chunk(self, content_hash: str) -> str:
        """The signature of a chunk, by the hash of its content."""
        return self._sign(f"AWS4-HMAC-SHA256-PAYLOAD\n{self._context}\n{self._previous}\n{_NO_BYTES}\n{content_hash}")

    def sign_trailer(self, trailers: bytes) -> str:
        """The signature of the trailing headers, each with a line feed behind it."""
        trailer_hash = sha256(trailers).hexdigest()
        return self._sign(f"AWS4-HMAC-SHA256-TRAILER\n{self._context}\n{self._previous}\n{trailer_hash}")

    def _sign(self, text: str) -> str:
        self._previous = hmac.digest(self._key, text.encode(), "sha256").hex()
        return self._previous


class BodyCheck(Protocol):
    """Looks at a body while it arrives."""

    def feed(self, data: bytes) -> None:
        """Raises AwsError for content that S3 refuses."""
        ...

    def finish(self) -> None:
        """Raises AwsError if the body as a whole is one that S3 refuses."""
        ...


def body_check(declared: str | None, *, decoded_length: str | None, signer: ChunkSigner | None) -> BodyCheck:
    """What checks a body. declared: x-amz-content-sha256; None in a presigned URL, whose body is not signed.

    decoded_length: x-amz-decoded-content-length. signer: None if the secret is not known or the signature not checked.
    Raises AwsError for a declaration that is none of S3's.
    """
    if declared is None or declared == UNSIGNED:
        return _Anything()
    if declared == _UNSIGNED_CHUNKS or declared in _SIGNED_CHUNKS:
        if decoded_length is None or not re.fullmatch(r"[0-9]{1,15}", decoded_length):
            raise AwsError("MissingContentLength", "You must provide the Content-Length HTTP header.", 411)
        return _Chunks(int(decoded_length), signed=declared in _SIGNED_CHUNKS, signer=signer)
    if _HASH.fullmatch(declared):
        return _Whole(declared)
    # S3's sentence, as printed in public issues.
    raise AwsError(
        "InvalidArgument",
        "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-UNSIGNED-PAYLOAD-TRAILER, "
        "STREAMING-AWS4-HMAC-SHA256-PAYLOAD, STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER or a valid sha256 value.",
        400,
    )


class _Anything:
    def feed(self, data: bytes) -> None:
        pass

    def finish(self) -> None:
        pass


class _Whole:
    def __init__(self, declared: str) -> None:
        self._declared = declared
        self._hash = sha256()

    def feed(self, data: bytes) -> None:
        self._hash.update(data)

    def finish(self) -> None:
        if self._hash.hexdigest() != self._declared:
            message = "The provided 'x-amz-content-sha256' header does not match what was computed."
            raise AwsError("XAmzContentSHA256Mismatch", message, 400)


class _Chunks:
    """The framing ``aws-chunked``: SIZE[;chunk-signature=S] CRLF DATA CRLF ..., an empty chunk, and trailers."""

    def __init__(self, length: int, *, signed: bool, signer: ChunkSigner | None) -> None:
        self._expected_length = length
        self._length = 0
        self._signed = signed
        self._signer = signer if signed else None
        self._line = bytearray()
        self._left = 0
        self._state = "size"
        self._hash = sha256()
        self._signature = ""
        self._trailers: list[bytes] = []

    def feed(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            if self._state == "data":
                part = view[: self._left]
                self._hash.update(part)
                self._left -= len(part)
                view = view[len(part) :]
                if not self._left:
                    self._state = "behind"
                continue
            end = bytes(view).find(b"\n")
            part = view if end < 0 else view[: end + 1]
            self._line += part
            view = view[len(part) :]
            if len(self._line) > _LONGEST_LINE:
                raise _broken()
            if end >= 0:
                line = bytes(self._line)
                self._line.clear()
                if not line.endswith(b"\r\n"):
                    raise _broken()
                self._take(line[:-2])

    def _take(self, line: bytes) -> None:
        if self._state == "size":
            match = _CHUNK.fullmatch(line)
            if match is None or (match[2] is not None) != self._signed:
                raise _broken()
            self._left = int(match[1], 16)
            self._length += self._left
            if self._length > self._expected_length:
                raise _incomplete()
            self._signature = (match[2] or b"").decode()
            self._hash = sha256()
            if self._left:
                self._state = "data"
            else:
                self._check_chunk()
                self._state = "trailers"
        elif self._state == "behind" and not line:
            self._check_chunk()
            self._state = "size"
        elif self._state == "trailers" and line:
            self._take_trailer(line)
        elif self._state == "trailers":
            self._state = "end"
        else:
            raise _broken()

    def _take_trailer(self, line: bytes) -> None:
        match = _TRAILER.fullmatch(line)
        if match is None or len(self._trailers) >= _MOST_TRAILERS:
            raise _broken()
        name, value = match[1].lower(), match[2].strip()
        if name == b"x-amz-trailer-signature":
            trailers = b"".join(trailer + b"\n" for trailer in self._trailers)
            if self._signer and not hmac.compare_digest(self._signer.sign_trailer(trailers).encode(), value):
                raise _wrong_signature()
        else:
            self._trailers.append(name + b":" + value)

    def _check_chunk(self) -> None:
        if self._signer is None:
            return
        expected = self._signer.sign_chunk(self._hash.hexdigest())
        if not hmac.compare_digest(expected, self._signature):
            raise _wrong_signature()

    def finish(self) -> None:
        if self._state not in ("end", "trailers") or self._line or self._length != self._expected_length:
            raise _incomplete()


def _broken() -> AwsError:
    """S3's code for a chunked body that is malformed; the sentence is ours."""
    return AwsError("InvalidChunkSizeError", "The body is not in the format aws-chunked.", 400)


def _incomplete() -> AwsError:
    """S3 API reference, error responses."""
    message = "You did not provide the number of bytes specified by the Content-Length HTTP header"
    return AwsError("IncompleteBody", message, 400)


def _wrong_signature() -> AwsError:
    message = (
        "The request signature we calculated does not match the signature you provided. Check your key and signing "
        "method."
    )
    return AwsError("SignatureDoesNotMatch", message, 403)
