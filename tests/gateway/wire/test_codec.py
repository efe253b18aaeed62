"""What botocore sends is what an operation is given, and what an operation answers is what botocore reads."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.parsers import create_parser
from botocore.serialize import create_serializer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.core.errors import AwsError
from harness.gateway.wire.codec import decode_request, encode_response
from harness.gateway.wire.models import rest_router, service_model
from tests.gateway.wire.shapes import members

OPERATIONS = [
    ("sagemaker", "CreateModel"),
    ("sagemaker", "CreateEndpointConfig"),
    ("sagemaker", "ListEndpoints"),
    ("sagemaker", "DescribeEndpoint"),
    ("sagemaker-runtime", "InvokeEndpoint"),
    ("lambda", "CreateFunction"),
    ("lambda", "UpdateFunctionConfiguration"),
    ("lambda", "ListFunctions"),
    ("lambda", "Invoke"),
    ("application-autoscaling", "PutScalingPolicy"),
]


def as_sent(service: str, operation: str, request: dict[str, Any]) -> dict[str, Any]:
    """The request through botocore's serializer, onto the wire, and back through ours."""
    model = service_model(service)
    serializer = create_serializer(model.metadata["protocol"], include_validation=False)
    wire = serializer.serialize_to_request(request, model.operation_model(operation))
    body = wire["body"]
    body = body.encode() if isinstance(body, str) else bytes(body or b"")
    path, _, literal = wire["url_path"].partition("?")
    labels: dict[str, str] = {}
    query = literal
    if model.metadata["protocol"] == "rest-json":
        query = "&".join([literal, *(f"{k}={v}" for k, v in wire["query_string"].items())]).strip("&")
        route = rest_router(service).match(wire["method"], urlsplit(path).path, query)
        assert route is not None, f"no route for {wire['method']} {path}"
        assert route[0].name == operation
        labels = route[1]
    headers = {name.lower(): str(value) for name, value in wire["headers"].items()}
    return decode_request(model.operation_model(operation), labels, query, headers, body)


@pytest.mark.parametrize(("service", "operation"), OPERATIONS)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(data=st.data())
def test_an_operation_is_given_what_botocore_sends(service: str, operation: str, data: st.DataObject) -> None:
    shape = service_model(service).operation_model(operation).input_shape
    request = data.draw(members(shape))
    given_request = as_sent(service, operation, request)
    assert without_nothing(given_request) == without_nothing(request)


@pytest.mark.parametrize(("service", "operation"), OPERATIONS)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(data=st.data())
def test_botocore_reads_what_an_operation_answers(service: str, operation: str, data: st.DataObject) -> None:
    model = service_model(service).operation_model(operation)
    result = data.draw(members(model.output_shape))
    if "StatusCode" in result:
        result["StatusCode"] = 200
    answer = encode_response(model, result, "an-id")
    payload = model.output_shape.serialization.get("payload")
    # botocore hands a payload of bytes to its user as a stream and parses the rest.
    body = b"" if payload else answer.body
    parser = create_parser(service_model(service).metadata["protocol"])
    read = parser.parse(
        {"status_code": answer.status, "headers": Headers(answer.headers), "body": body}, model.output_shape
    )
    assert read.pop("ResponseMetadata")["RequestId"] == "an-id"
    if payload:
        read[payload] = answer.body
    # HTTP has no way to say that Content-Type or a status is absent.
    for member in ("ContentType", "StatusCode"):
        if member not in result:
            read.pop(member, None)
    assert without_nothing(read) == without_nothing(result)


class Headers(dict[str, str]):
    """Header names without case, as botocore's own responses have them."""

    def __init__(self, headers: dict[str, str]) -> None:
        super().__init__({name.lower(): value for name, value in headers.items()})

    def get(self, name: str, default: Any = None) -> Any:
        return super().get(name.lower(), default)

    def __getitem__(self, name: str) -> str:
        return super().__getitem__(name.lower())

    def __contains__(self, name: object) -> bool:
        return super().__contains__(str(name).lower())


def without_nothing(value: Any) -> Any:
    """An empty structure or blob on the wire is the same as none."""
    if isinstance(value, dict):
        kept = {key: without_nothing(item) for key, item in value.items()}
        return {key: item for key, item in kept.items() if item not in ({}, b"", None)}
    return [without_nothing(item) for item in value] if isinstance(value, list) else value


class TestMalformedBodies:
    """AWS answers SerializationException for a body that does not fit the model."""

    @pytest.mark.parametrize("body", [b"{", b"[]", b'"text"', b"\xff\xfe", b"[" * 100_000, b'{"ModelName": "\\ud83d"}'])
    def test_a_body_that_is_no_json_object(self, body: bytes) -> None:
        operation = service_model("sagemaker").operation_model("CreateModel")
        with pytest.raises(AwsError, match="SerializationException"):
            decode_request(operation, {}, "", {}, body)

    @pytest.mark.parametrize(
        ("body", "sentence"),
        [
            (b'{"ModelName": 5}', "ModelName must be a string, not an integer"),
            (b'{"ModelName": {"a": 1}}', "ModelName must be a string, not a structure"),
            (b'{"Containers": {}}', "Containers must be a list, not a structure"),
            (b'{"Containers": [{"Environment": []}]}', r"Containers\[0\].Environment must be a map, not a list"),
            (b'{"EnableNetworkIsolation": "yes"}', "EnableNetworkIsolation must be a boolean, not a string"),
        ],
    )
    def test_a_member_of_another_type_is_named(self, body: bytes, sentence: str) -> None:
        operation = service_model("sagemaker").operation_model("CreateModel")
        with pytest.raises(AwsError, match=sentence):
            decode_request(operation, {}, "", {}, body)

    def test_a_zip_that_is_not_base64(self) -> None:
        operation = service_model("lambda").operation_model("CreateFunction")
        with pytest.raises(AwsError, match=r"Code\.ZipFile must be base64"):
            decode_request(operation, {}, "", {}, b'{"Code": {"ZipFile": "!!"}}')

    @given(st.binary(max_size=200))
    def test_every_body_is_a_request_or_an_aws_error(self, body: bytes) -> None:
        for service, name in OPERATIONS:
            try:
                decode_request(service_model(service).operation_model(name), {}, "", {}, body)
            except AwsError as error:
                assert error.code == "SerializationException"

    def test_unknown_members_are_dropped_as_aws_does(self) -> None:
        operation = service_model("sagemaker").operation_model("CreateModel")
        assert decode_request(operation, {}, "", {}, b'{"ModelName": "m", "Nonsense": 1}') == {"ModelName": "m"}
