"""TorchServe's protocol between its front end and a Python worker, from the front end's side.

Lengths are 32-bit big-endian integers; -1 ends a list. Source: TorchServe 0.12.0, ts/protocol/otf_message_handler.py
(the worker's side) and ModelRequestEncoder.java, ModelResponseDecoder.java (this side).
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Iterable
from dataclasses import dataclass

from model_server.upstream import Headers

_INT = struct.Struct("!i")
_END = _INT.pack(-1)
_LONGEST_TEXT = 6_500_000  # CodecUtils.readMap's bound for a header


class TooLongError(Exception):
    """A worker's answer is larger than the front end takes."""


@dataclass(frozen=True, slots=True)
class Prediction:
    """The worker's answer to one request."""

    content_type: str
    status: int
    headers: Headers
    body: bytes


@dataclass(frozen=True, slots=True)
class WorkerReply:
    """A worker's answer to a command. code: 200, or what went wrong; prediction: of an inference that ran."""

    code: int
    message: str
    prediction: Prediction | None


def load_request(model_dir: str, handler: str) -> bytes:
    """The command to load the model on the CPU for one request at a time."""
    return b"".join(
        (b"L", _text("model"), _text(model_dir), _INT.pack(1), _text(handler), _INT.pack(-1), _text(""), b"\x01")
    )


def inference_request(request_id: str, headers: Headers, body: bytes) -> Iterable[bytes]:
    """The command to answer one request, in parts, so that the body is not copied."""
    content_type = next((value for name, value in headers if name.lower() == "content-type"), "")
    fields = b"".join(_text(name) + _text(value) for name, value in headers)
    parameter = _text("body") + _text(content_type.partition(";")[0].strip()) + _INT.pack(len(body))
    return b"I" + _text(request_id) + fields + _END + parameter, body, _END + _END


async def read_reply(stream: asyncio.StreamReader, longest: int) -> WorkerReply:
    """A worker's next answer. Raises IncompleteReadError if it has ended, TooLongError above ``longest`` bytes."""
    code = await _read_int(stream)
    message = await _read_text(stream, longest)
    prediction: Prediction | None = None
    while (length := await _read_length(stream, longest)) >= 0:
        await stream.readexactly(length)  # the request's id: there is one at a time
        content_type = await _read_text(stream, longest)
        status = await _read_int(stream)
        await _read_text(stream, longest)  # the reason phrase, which HTTP/2 dropped and nothing here shows
        headers = [
            (await _read_text(stream, _LONGEST_TEXT), await _read_text(stream, _LONGEST_TEXT))
            for _ in range(await _read_int(stream))
        ]
        body = await stream.readexactly(await _read_length(stream, longest))
        prediction = Prediction(content_type, status, headers, body)
    return WorkerReply(code, message, prediction)


def _text(text: str) -> bytes:
    data = text.encode()
    return _INT.pack(len(data)) + data


async def _read_int(stream: asyncio.StreamReader) -> int:
    (number,) = _INT.unpack(await stream.readexactly(_INT.size))
    return int(number)


async def _read_length(stream: asyncio.StreamReader, longest: int) -> int:
    length = await _read_int(stream)
    if length > longest:
        raise TooLongError
    return length


async def _read_text(stream: asyncio.StreamReader, longest: int) -> str:
    return (await stream.readexactly(await _read_length(stream, longest))).decode()
