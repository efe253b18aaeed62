"""Each protocol's own error shape, read back by botocore's parser of that protocol."""

from __future__ import annotations

import pytest
from botocore.parsers import create_parser
from hypothesis import given
from hypothesis import strategies as st

from harness.core.errors import AwsError
from harness.gateway.wire.faults import encode_fault
from harness.gateway.wire.models import service_model
from tests.gateway.wire.test_codec import Headers

PROTOCOLS = ["json", "rest-json", "query", "ec2", "rest-xml", "smithy-rpc-v2-cbor"]


@pytest.mark.parametrize("protocol", PROTOCOLS)
@given(message=st.text(st.characters(min_codepoint=33, max_codepoint=0x2FF), min_size=1, max_size=300))
def test_botocore_finds_code_and_message(protocol: str, message: str) -> None:
    fault = encode_fault(AwsError("SomethingWrong", message, 400), protocol, "the-id")
    read = create_parser(protocol).parse(
        {"status_code": fault.status, "headers": Headers(fault.headers), "body": fault.body}, None
    )
    assert read["Error"]["Code"] == "SomethingWrong"
    assert read["Error"]["Message"] == message
    assert read["ResponseMetadata"]["HTTPStatusCode"] == 400


def test_a_model_error_carries_its_members() -> None:
    error = AwsError("ModelError", "broken", 424, fields={"OriginalStatusCode": 500, "OriginalMessage": "why"})
    fault = encode_fault(error, "rest-json", "the-id")
    shape = service_model("sagemaker-runtime").shape_for("ModelError")
    wire = {"status_code": fault.status, "headers": Headers(fault.headers), "body": fault.body}
    read = create_parser("rest-json").parse(wire, shape)
    assert read["OriginalStatusCode"] == 500
    assert read["OriginalMessage"] == "why"


def test_an_error_of_the_service_is_the_receivers_fault() -> None:
    assert b"<Type>Receiver</Type>" in encode_fault(AwsError("Internal", "x", 500), "query", "id").body
