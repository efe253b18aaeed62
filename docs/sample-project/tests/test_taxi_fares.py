"""The tests of the stack, on a laptop and in CI: `pytest`."""

import json

import pytest

pytestmark = pytest.mark.stack("stack.toml", answer=[21.0])


def test_a_ride_is_priced(function):
    answer = function.invoke({"rides": [{"km": 10, "minutes": 15}]})
    assert answer.payload["statusCode"] == 200
    assert json.loads(answer.payload["body"]) == {"fares": [21.0]}


def test_a_ride_without_km_is_refused_in_words(function):
    answer = function.invoke({"rides": [{"minutes": 15}]})
    assert answer.payload["statusCode"] == 400
    assert answer.error is None


def test_the_functions_role_may_do_nothing_else(aws, deployed_stack):
    stranger = aws.as_role("taxi-fares-lambda", "s3")
    with pytest.raises(stranger.exceptions.ClientError, match="AccessDenied"):
        stranger.list_objects_v2(Bucket="taxi-fares-models")


def test_five_rides_a_second_get_through(load):
    result = load(rate=5, seconds=5)
    assert not result.errors
    assert result.percentile(0.5) < 2


def test_the_endpoint_scales_out_under_load(aws, endpoint, clock):
    sagemaker, due = aws.client("sagemaker"), clock.now() + 15 * 60
    clock.speed = 60
    while sagemaker.describe_endpoint(EndpointName=endpoint.name)["ProductionVariants"][0]["DesiredInstanceCount"] == 1:
        assert clock.now() < due, "no instance was added in a quarter of an hour"
        endpoint.invoke([[10, 15]])


@pytest.mark.stack("stack.toml", instances="process")
def test_the_real_model_in_the_real_model_server(endpoint):
    assert endpoint.invoke([[10, 15], [0, 0]]).json() == pytest.approx([21.0, 3.0])
