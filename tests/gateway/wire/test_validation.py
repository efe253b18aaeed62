"""AWS's sentences for what breaks the model's constraints."""

from __future__ import annotations

from typing import Any

import pytest

from harness.core.errors import AwsError
from harness.gateway.wire.models import service_model
from harness.gateway.wire.validation import validate


def refusal(service: str, operation: str, request: dict[str, Any]) -> str:
    with pytest.raises(AwsError) as raised:
        validate(service_model(service).operation_model(operation).input_shape, request)
    assert raised.value.code == "ValidationException"
    return raised.value.message


def test_a_missing_member_is_null() -> None:
    assert refusal("sagemaker", "CreateEndpoint", {"EndpointName": "e"}) == (
        "1 validation error detected: Value null at 'endpointConfigName' failed to satisfy constraint: "
        "Member must not be null"
    )


def test_a_name_that_does_not_fit_its_pattern() -> None:
    message = refusal("sagemaker", "CreateModel", {"ModelName": "a b"})
    assert message.startswith(
        "1 validation error detected: Value 'a b' at 'modelName' failed to satisfy constraint: "
        "Member must satisfy regular expression pattern: "
    )


def test_every_problem_is_listed() -> None:
    message = refusal("sagemaker", "CreateEndpoint", {"EndpointName": "e" * 64})
    assert message.startswith("2 validation errors detected: ")
    assert "Member must have length less than or equal to 63" in message


def test_a_number_out_of_range() -> None:
    assert "Member must have value less than or equal to 100" in refusal("sagemaker", "ListModels", {"MaxResults": 101})
    assert "Member must have value greater than or equal to 1" in refusal("sagemaker", "ListModels", {"MaxResults": 0})


def test_a_value_outside_its_enum_lists_the_set() -> None:
    message = refusal("lambda", "Invoke", {"FunctionName": "f", "InvocationType": "Sometimes"})
    assert "Member must satisfy enum value set: [Event, RequestResponse, DryRun]" in message


def test_nested_members_are_named_as_aws_names_them() -> None:
    request = {"EndpointConfigName": "c", "ProductionVariants": [{"VariantName": "a b"}]}
    assert "'productionVariants.1.member.variantName'" in refusal("sagemaker", "CreateEndpointConfig", request)


FUNCTION = {"FunctionName": "f", "Role": "arn:aws:iam::123456789012:role/r", "Code": {}}
ALIAS = {"FunctionName": "f", "Name": "live", "FunctionVersion": "1"}


@pytest.mark.parametrize(
    ("operation", "request_", "message"),
    [
        (
            "CreateFunction",
            FUNCTION | {"Architectures": ["X86_64"]},
            "Value '[X86_64]' at 'architectures' failed to satisfy constraint: Member must satisfy constraint: [Member "
            "must satisfy enum value set: [x86_64, arm64], Member must not be null]",
        ),
        (
            "CreateFunction",
            FUNCTION | {"Architectures": ["x86_64", "arm64"]},
            "Value '[x86_64, arm64]' at 'architectures' failed to satisfy constraint: Member must have length less "
            "than or equal to 1",
        ),
        (
            "CreateAlias",
            ALIAS | {"RoutingConfig": {"AdditionalVersionWeights": {"2": 2.0}}},
            "Value '{2=2.0}' at 'routingConfig.additionalVersionWeights' failed to satisfy constraint: Map value must "
            "satisfy constraint: [Member must have value less than or equal to 1.0, Member must have value greater "
            "than or equal to 0.0, Member must not be null]",
        ),
        (
            "CreateAlias",
            ALIAS | {"RoutingConfig": {"AdditionalVersionWeights": {"$LATEST": 0.5}}},
            "Value '{$LATEST=0.5}' at 'routingConfig.additionalVersionWeights' failed to satisfy constraint: Map keys "
            "must satisfy constraint: [Member must have length less than or equal to 1024, Member must have length "
            "greater than or equal to 1, Member must satisfy regular expression pattern: [0-9]+]",
        ),
        (
            "CreateFunction",
            FUNCTION | {"Environment": {"Variables": {"A": "secret"}}},
            "Value at 'environment.variables' failed to satisfy constraint: Map keys must satisfy constraint: [Member "
            "must satisfy regular expression pattern: [a-zA-Z]([a-zA-Z0-9_])+]",
        ),
    ],
)
def test_lists_and_maps_of_plain_values_as_recorded_from_lambda(
    operation: str, request_: dict[str, Any], message: str
) -> None:
    assert refusal("lambda", operation, request_) == f"1 validation error detected: {message}"


def test_a_functions_runtime_is_lambdas_own_to_check() -> None:
    validate(service_model("lambda").operation_model("CreateFunction").input_shape, FUNCTION | {"Runtime": "python9"})


def test_an_empty_list_below_its_minimum() -> None:
    request = {"EndpointConfigName": "c", "ProductionVariants": []}
    assert "Member must have length greater than or equal to 1" in refusal("sagemaker", "CreateEndpointConfig", request)


def test_a_huge_value_does_not_come_back_whole() -> None:
    assert len(refusal("sagemaker", "CreateModel", {"ModelName": "a" * 1_000_000})) < 1000


def test_a_request_that_keeps_the_constraints_passes() -> None:
    validate(service_model("sagemaker").operation_model("CreateModel").input_shape, {"ModelName": "a-1"})
    validate(None, {})


def test_classes_of_unicode_in_a_pattern_are_checked() -> None:
    def refuses(key: str) -> bool:
        shape = service_model("iam").operation_model("TagUser").input_shape
        try:
            validate(shape, {"UserName": "ann", "Tags": [{"Key": key, "Value": "x"}]}, quotes=False)
        except AwsError:
            return True
        return False

    assert not any(refuses(key) for key in ("team", "Größe", "数量", "a b", "x٣"))
    assert all(refuses(key) for key in ("no!", "a\nb", "💡"))
