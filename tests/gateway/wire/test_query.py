"""The query protocols: what botocore sends is what is read, and what is answered is what botocore reads."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.parsers import create_parser
from botocore.serialize import create_serializer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.core.errors import AwsError
from harness.gateway.wire.models import service_model
from harness.gateway.wire.query import decode_query, encode_query
from tests.gateway.wire.shapes import members
from tests.gateway.wire.test_codec import without_nothing

SENT = [
    ("iam", "SimulateCustomPolicy"),
    ("iam", "CreateRole"),
    ("sts", "AssumeRole"),
    ("sns", "CreateTopic"),
    ("cloudwatch", "PutMetricAlarm"),
    ("ec2", "CreateVpcEndpoint"),
]


@pytest.mark.parametrize(("service", "operation"), SENT)
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(data=st.data())
def test_what_botocore_sends(service: str, operation: str, data: st.DataObject) -> None:
    model = service_model(service)
    shape = model.operation_model(operation)
    request = data.draw(members(shape.input_shape))
    protocol = "ec2" if service == "ec2" else "query"
    wire = create_serializer(protocol, include_validation=False).serialize_to_request(request, shape)
    assert pruned(decode_query(shape, {name: str(value) for name, value in wire["body"].items()})) == pruned(request)


@pytest.mark.parametrize("operation", ["SimulateCustomPolicy", "GetRole", "ListRoles"])
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(data=st.data())
def test_what_botocore_reads(operation: str, data: st.DataObject) -> None:
    shape = service_model("iam").operation_model(operation)
    result = data.draw(members(shape.output_shape).map(printable))
    answer = encode_query(shape, result, "id")
    response = {"status_code": answer.status, "headers": answer.headers, "body": answer.body}
    parsed = create_parser("query").parse(response, shape.output_shape)
    assert parsed.pop("ResponseMetadata")["RequestId"] == "id"
    assert without_nothing(parsed) == without_nothing(result)


def test_a_member_of_another_type_and_an_operation_without_members() -> None:
    model = service_model("iam")
    with pytest.raises(AwsError, match="MaxItems must be an integer"):
        decode_query(model.operation_model("ListRoles"), {"MaxItems": "many"})
    assert decode_query(service_model("sts").operation_model("GetCallerIdentity"), {"Action": "x"}) == {}
    simulate = model.operation_model("SimulateCustomPolicy")
    names = {"ActionNames.member.2": "b", "ActionNames.member.1": "a"}
    assert decode_query(simulate, names) == {"ActionNames": ["a", "b"]}
    with pytest.raises(AwsError, match="not the number of an item"):
        decode_query(simulate, {"ActionNames.member.x": "c"})


@given(st.dictionaries(st.text(max_size=30), st.text(max_size=30)))
def test_any_form_is_read_or_refused(form: dict[str, str]) -> None:
    for operation in ("SimulateCustomPolicy", "CreateRole"):
        try:
            assert isinstance(decode_query(service_model("iam").operation_model(operation), form), dict)
        except AwsError as error:
            assert error.status == 400


def pruned(value: Any) -> Any:
    """Without tables and lists that have nothing in them: a form cannot say them."""
    if isinstance(value, dict):
        return {key: kept for key, item in value.items() if (kept := pruned(item)) not in ({}, [], None)}
    if isinstance(value, list):
        return [kept for item in value if (kept := pruned(item)) not in ({}, [], None)]
    return value


def printable(value: Any) -> Any:
    """Without what XML cannot carry, and without the white space that its parsers take away."""
    if isinstance(value, dict):
        return {printable(key): printable(item) for key, item in value.items()}
    if isinstance(value, list):
        return [printable(item) for item in value]
    if isinstance(value, str):
        return "".join(char for char in value if char.isprintable() and not char.isspace() and char < "\ufffe") or "x"
    return value
