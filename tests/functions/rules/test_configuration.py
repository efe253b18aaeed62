from typing import Any

import pytest

from harness.core.errors import AwsError
from harness.functions.rules import configuration
from harness.functions.rules.configuration import Configuration
from harness.functions.rules.names import FunctionReference

REFERENCE = FunctionReference("123456789012", "us-east-1", "dog")
ROLE = "arn:aws:iam::123456789012:role/r"


def create(**request: Any) -> Configuration:
    request = {"Role": ROLE, "Runtime": "python3.12", "Handler": "app.handler"} | request
    return configuration.create(REFERENCE, request, sha256="hash", size=5, revision="r1", now=1_700_000_000.25)


def refusal(**request: Any) -> AwsError:
    with pytest.raises(AwsError) as caught:
        create(**request)
    return caught.value


def test_the_answer_of_a_new_function_has_awss_members_and_defaults() -> None:
    answer = create().response()
    arn = answer.pop("RuntimeVersionConfig")["RuntimeVersionArn"]
    assert arn.startswith("arn:aws:lambda:us-east-1::runtime:")
    assert answer == {
        "FunctionName": "dog",
        "FunctionArn": "arn:aws:lambda:us-east-1:123456789012:function:dog",
        "Runtime": "python3.12",
        "Role": ROLE,
        "Handler": "app.handler",
        "CodeSize": 5,
        "Description": "",
        "Timeout": 3,
        "MemorySize": 128,
        "LastModified": "2023-11-14T22:13:20.250+0000",
        "CodeSha256": "hash",
        "Version": "$LATEST",
        "TracingConfig": {"Mode": "PassThrough"},
        "RevisionId": "r1",
        "State": "Active",
        "LastUpdateStatus": "Successful",
        "PackageType": "Zip",
        "Architectures": ["x86_64"],
        "EphemeralStorage": {"Size": 512},
        "SnapStart": {"ApplyOn": "None", "OptimizationStatus": "Off"},
        "LoggingConfig": {"LogFormat": "Text", "LogGroup": "/aws/lambda/dog"},
    }


def test_an_update_changes_what_it_names_and_nothing_else() -> None:
    before = create(Timeout=10, Environment={"Variables": {"A": "1"}})
    after = configuration.update(before, {"MemorySize": 256}, revision="r2", now=1_700_000_001)
    assert (after.timeout, after.memory_size, after.variables, after.revision) == (10, 256, {"A": "1"}, "r2")
    emptied = configuration.update(after, {"Environment": {}}, revision="r3", now=1_700_000_002)
    assert emptied.response()["Environment"] == {"Variables": {}}


def test_an_update_of_one_kept_member_leaves_the_others() -> None:
    queue = {"TargetArn": "arn:aws:sqs:us-east-1:123456789012:dead"}
    before = create(DeadLetterConfig=queue, KMSKeyArn="arn:aws:kms:us-east-1:123456789012:key/1")
    after = configuration.update(before, {"VpcConfig": {"SubnetIds": ["subnet-1"]}}, revision="r2", now=1)
    assert after.dead_letters == queue["TargetArn"]
    assert after.kept["KMSKeyArn"].endswith("key/1")
    assert after.kept["VpcConfig"] == {"SubnetIds": ["subnet-1"]}
    removed = configuration.update(after, {"DeadLetterConfig": {"TargetArn": ""}}, revision="r3", now=2)
    assert removed.dead_letters is None


def test_what_does_not_change_how_it_runs_is_answered_as_given() -> None:
    answer = create(
        Description="d",
        TracingConfig={"Mode": "Active"},
        EphemeralStorage={"Size": 1024},
        LoggingConfig={"LogGroup": "/my/group"},
        SnapStart={"ApplyOn": "PublishedVersions"},
        DeadLetterConfig={"TargetArn": "arn:aws:sqs:us-east-1:123456789012:dlq"},
        Architectures=["arm64"],
    ).response()
    assert answer["TracingConfig"] == {"Mode": "Active"}
    assert answer["EphemeralStorage"] == {"Size": 1024}
    assert answer["LoggingConfig"]["LogGroup"] == "/my/group"
    assert answer["SnapStart"]["ApplyOn"] == "PublishedVersions"
    assert answer["DeadLetterConfig"]["TargetArn"].endswith(":dlq")
    assert answer["Architectures"] == ["arm64"]


def test_memory_is_128_to_10240_megabytes() -> None:
    assert create(MemorySize=10_240).memory_size == 10_240
    assert refusal(MemorySize=127).code == "ValidationException"
    error = refusal(MemorySize=10_241)
    assert error.code == "InvalidParameterValueException"
    assert error.message == (
        "'MemorySize' value failed to satisfy constraint: Member must have value less than or equal to 10240"
    )


def test_timeout_is_1_to_900_seconds() -> None:
    assert create(Timeout=900).timeout == 900
    assert refusal(Timeout=901).message == (
        "1 validation error detected: Value '901' at 'timeout' failed to satisfy constraint: "
        "Member must have value less than or equal to 900"
    )
    assert refusal(Timeout=0).message.endswith("Member must have value greater than or equal to 1")


def test_reserved_variables_are_refused_by_name() -> None:
    error = refusal(Environment={"Variables": {"A": "1", "AWS_REGION": "x", "LAMBDA_TASK_ROOT": "/"}})
    assert error.message == (
        "Lambda was unable to configure your environment variables because the environment variables you have provided "
        "contains reserved keys that are currently not supported for modification. Reserved keys used in this request: "
        "AWS_REGION, LAMBDA_TASK_ROOT"
    )


def test_variables_have_at_most_4_kilobytes_as_json() -> None:
    assert create(Environment={"Variables": {"KEY": "x" * 4_086}})
    error = refusal(Environment={"Variables": {"KEY": "x" * 4_087}})
    assert 'exceeded the 4KB limit. String measured: {"KEY":"xxx' in error.message


def test_what_no_process_can_be_given_is_refused() -> None:
    assert "NUL characters" in refusal(Environment={"Variables": {"KEY": "a\0b"}}).message
    assert "NUL characters" in refusal(Handler="app\0.handler").message


def test_runtime_and_handler_are_mandatory() -> None:
    assert refusal(Handler=None).message.startswith("Runtime and Handler are mandatory parameters")


def test_a_runtime_that_aws_does_not_know_gets_awss_list() -> None:
    error = refusal(Runtime="PYTHON3.9")
    assert error.message.startswith(
        "Value PYTHON3.9 at 'runtime' failed to satisfy constraint: Member must satisfy enum"
    )
    assert error.message.endswith("java8.al2] or be a valid ARN")


@pytest.mark.parametrize(
    "request_",
    [
        {"Runtime": "nodejs20.x"},
        {"PackageType": "Image"},
        {"LoggingConfig": {"LogFormat": "JSON"}},
        {"DurableConfig": {"ExecutionTimeout": 60}},
    ],
)
def test_what_is_not_emulated_is_refused_instead_of_ignored(request_: dict[str, Any]) -> None:
    assert refusal(**request_).message.startswith("The harness does not support ")


def test_empty_members_as_tools_send_them_ask_for_nothing() -> None:
    assert create(Layers=[], FileSystemConfigs=[], Publish=False, DeadLetterConfig={}, VpcConfig={})
