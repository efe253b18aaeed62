"""The part of CBOR (RFC 8949) that an error of the ``smithy-rpc-v2-cbor`` protocol needs: a map of text to text."""

from __future__ import annotations

from collections.abc import Mapping

_TEXT, _MAP = 3, 5


def encode_map(members: Mapping[str, str]) -> bytes:
    """A definite-length map of text strings."""
    return _head(_MAP, len(members)) + b"".join(_text(key) + _text(value) for key, value in members.items())


def _text(value: str) -> bytes:
    data = value.encode()
    return _head(_TEXT, len(data)) + data


def _head(major: int, length: int) -> bytes:
    if length < 24:
        return bytes([major << 5 | length])
    for marker, size in ((24, 1), (25, 2), (26, 4), (27, 8)):
        if length < 1 << (8 * size):
            return bytes([major << 5 | marker]) + length.to_bytes(size, "big")
    raise ValueError(f"too long for CBOR: {length}")
