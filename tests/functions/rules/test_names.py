import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.core.errors import AwsError
from harness.functions.rules.names import FunctionReference, for_creation, from_arn, parse

HERE = {"account": "123456789012", "region": "us-east-1"}
ARN = "arn:aws:lambda:us-east-1:123456789012:function:dog"


@pytest.mark.parametrize("raw", ["dog", "function:dog", "123456789012:function:dog", ARN])
def test_a_name_a_partial_arn_and_a_full_arn_name_the_same_function(raw: str) -> None:
    assert parse(raw, None, **HERE) == FunctionReference("123456789012", "us-east-1", "dog")
    assert parse(f"{raw}:$LATEST", None, **HERE).arn == f"{ARN}:$LATEST"
    assert parse(raw, "live", **HERE).arn == f"{ARN}:live"
    assert parse(f"{raw}:live", "live", **HERE).qualifier == "live"


def test_two_qualifiers_must_agree() -> None:
    with pytest.raises(AwsError, match="derived qualifier from the function name does not match") as caught:
        parse("dog:1", "2", **HERE)
    assert caught.value.code == "InvalidParameterValueException"


def test_another_regions_function_is_not_reachable() -> None:
    with pytest.raises(AwsError) as caught:
        parse("arn:aws:lambda:eu-west-1:123456789012:function:dog", None, **HERE)
    assert (caught.value.code, caught.value.status) == ("ResourceNotFoundException", 404)
    assert caught.value.message == "Functions from 'eu-west-1' are not reachable in this region ('us-east-1')"


@pytest.mark.parametrize("raw", ["", "a b", "dog:1:2", "arn:aws:s3:::bucket", "../dog", "dog\n"])
def test_an_invalid_name_is_a_validation_error(raw: str) -> None:
    with pytest.raises(AwsError, match="at 'functionName' failed to satisfy constraint") as caught:
        parse(raw, None, **HERE)
    assert caught.value.code == "ValidationException"


@given(st.text(max_size=80))
def test_any_text_is_a_reference_or_an_aws_error(raw: str) -> None:
    try:
        reference = parse(raw, None, **HERE)
    except AwsError:
        return
    assert parse(reference.arn, None, **HERE) == reference


def test_a_new_functions_name_has_at_most_64_characters() -> None:
    assert for_creation(f"{ARN}:$LATEST", **HERE).arn == ARN
    assert for_creation("a" * 64, **HERE).name == "a" * 64
    with pytest.raises(AwsError, match="Member must have length less than or equal to 64"):
        for_creation("a" * 65, **HERE)


@pytest.mark.parametrize(
    "text", ["f", "123456789012:function:f", "arn:aws:lambda:us-east-1:123456789012:x:y:z", "arn:", "*"]
)
def test_only_a_full_arn_is_read_as_one(text: str) -> None:
    assert from_arn(text) is None


def test_a_full_arn_names_the_function_and_its_qualifier() -> None:
    reference = from_arn("arn:aws:lambda:eu-west-1:123456789012:function:f:live")
    assert reference == FunctionReference("123456789012", "eu-west-1", "f", "live")
