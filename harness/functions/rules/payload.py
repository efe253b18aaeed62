"""The payload and the client context of Invoke: both must be JSON.

AWS passes on the error messages of the Jackson parser. The common ones are reproduced here word for word.
"""

from __future__ import annotations

import base64
import binascii
import json
from typing import NoReturn

from harness.functions import errors

EMPTY_EVENT = b"{}"  # the event if the request has no payload
_SOURCE = "REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled)"
_WHERE = f"[Source: {_SOURCE}; line: {{line}}, column: {{column}}]"
_EXPECTED = "(JSON String, Number, Array, Object or token 'null', 'true' or 'false')"


def check_event(payload: bytes, invocation_type: str) -> bytes:
    """The event for the handler. Raises AwsError if the payload is too large or not JSON."""
    limit = errors.ASYNCHRONOUS_PAYLOAD_LIMIT if invocation_type == "Event" else errors.SYNCHRONOUS_PAYLOAD_LIMIT
    if len(payload) > limit:
        raise errors.payload_too_large(len(payload), invocation_type, limit)
    if not payload:
        return EMPTY_EVENT
    try:
        json.loads(payload.decode("utf-8"), parse_constant=_refuse)
    except UnicodeDecodeError as error:
        raise errors.not_json(_encoding_reason(payload, error.start)) from error
    except json.JSONDecodeError as error:
        where = _WHERE.format(line=error.lineno, column=error.colno)
        raise errors.not_json(f"{_reason(error)}\n at {where}") from error
    except (ValueError, RecursionError) as error:
        raise errors.not_json(str(error)) from error
    return payload


def client_context(encoded: str | None) -> str | None:
    """Decode X-Amz-Client-Context to JSON in ASCII, which fits in a header. Raises AwsError if it is not JSON."""
    if not encoded:
        return None
    try:
        return json.dumps(json.loads(base64.b64decode(encoded, validate=True)))
    except (binascii.Error, ValueError, RecursionError) as error:
        raise errors.bad_client_context() from error


def _encoding_reason(payload: bytes, position: int) -> str:
    """The reason for a payload that is not UTF-8, as recorded from AWS. An invalid first byte has a different one."""
    byte = payload[position]
    if position == 0:
        where = _WHERE.format(line=1, column=1)
        return f"Unexpected character ((CTRL-CHAR, code {byte})): expected a valid value {_EXPECTED}\n at {where}"
    line = payload.count(b"\n", 0, position) + 1
    column = position - (payload.rfind(b"\n", 0, position) + 1) + 2
    return f"Invalid UTF-8 start byte 0x{byte:02x}\n at {_WHERE.format(line=line, column=column)}"


def _reason(error: json.JSONDecodeError) -> str:
    rest = error.doc[error.pos :]
    if not rest:
        return "Unexpected end-of-input: expected close marker for Object"
    token = ""
    for character in rest:
        if not (character.isalnum() or character in "_$"):
            break
        token += character
    if token and not token[0].isdigit():
        return f"Unrecognized token '{token}': was expecting {_EXPECTED}"
    shown = f"'{rest[0]}' (code {ord(rest[0])})" if rest[0].isprintable() else f"(CTRL-CHAR, code {ord(rest[0])})"
    return f"Unexpected character ({shown}): expected a valid value {_EXPECTED}"


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"Non-standard token '{constant}': enable `JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS` to allow")
