import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.core.errors import AwsError
from harness.functions.rules.payload import check_event, client_context

SOURCE = "[Source: REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled); line: 1, column: %d]"


def refusal(payload: bytes, kind: str = "RequestResponse") -> AwsError:
    with pytest.raises(AwsError) as caught:
        check_event(payload, kind)
    return caught.value


def test_no_payload_is_an_empty_object() -> None:
    assert check_event(b"", "RequestResponse") == b"{}"


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists, max_leaves=5))
def test_json_reaches_the_handler_unchanged(event: object) -> None:
    payload = json.dumps(event).encode()
    assert check_event(payload, "Event") is payload


@pytest.mark.parametrize(
    ("payload", "reason", "column"),
    [
        # The first two are recorded from AWS (LocalStack's snapshot of test_lambda_invoke_payload_encoding_error).
        (b"n\x87r\x9e", "Invalid UTF-8 start byte 0x87", 3),
        (b"\x99\xeb,", "Unexpected character ((CTRL-CHAR, code 153)): expected a valid value", 1),
        (b"nope", "Unrecognized token 'nope': was expecting", 1),
        (b"\x01", "Unexpected character ((CTRL-CHAR, code 1)): expected a valid value", 1),
        (b"'a'", "Unexpected character (''' (code 39)): expected a valid value", 1),
        (b'{"a":', "Unexpected end-of-input", 6),
    ],
)
def test_invalid_json_is_refused_with_the_position_of_the_error(payload: bytes, reason: str, column: int) -> None:
    error = refusal(payload)
    assert (error.code, error.status) == ("InvalidRequestContentException", 400)
    assert error.message.startswith(
        f"Could not parse request body into json: Could not parse payload into json: {reason}"
    )
    assert error.message.endswith(SOURCE % column)


@pytest.mark.parametrize("payload", [b"NaN", b"[" * 100_000])
def test_json_that_only_python_accepts_is_refused(payload: bytes) -> None:
    assert refusal(payload).code == "InvalidRequestContentException"


def test_a_synchronous_event_has_at_most_6_megabytes() -> None:
    assert check_event(b'"' + b"x" * 6_291_454 + b'"', "RequestResponse")
    error = refusal(b'"' + b"x" * 6_291_455 + b'"')
    assert (error.code, error.status) == ("RequestTooLargeException", 413)
    assert error.message == (
        "6291457 byte payload is too large for the RequestResponse invocation type (limit 6291456 bytes)"
    )


def test_an_asynchronous_event_has_at_most_1_megabyte() -> None:
    assert refusal(b" " * 1_048_577, "Event").message.endswith("the Event invocation type (limit 1048576 bytes)")


def test_client_context_is_base64_of_json() -> None:
    assert client_context(None) is None
    assert client_context(base64.b64encode('{"dog": "🐶"}'.encode()).decode()) == '{"dog": "\\ud83d\\udc36"}'
    for invalid in ("***", base64.b64encode(b"{").decode()):
        with pytest.raises(AwsError, match="Client context must be a valid Base64-encoded JSON object"):
            client_context(invalid)
