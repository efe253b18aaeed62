"""The shipped stack through clients that know nothing of the harness: boto3, aws, awslocal, localstack-client, locust.

The same tests run against the embedded local AWS and, in tests/compose, against the containers.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
import uuid
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from harness.load.runs import list_runs, read_run
from tests.end_to_end.deployed import EVENT, PHOTO, ROOT, DeployedStack

pytestmark = pytest.mark.torch


def breeds(body: bytes | str) -> list[float]:
    (numbers,) = json.loads(body)
    assert len(numbers) == 133
    return list(numbers)


class TestBoto3:
    def test_the_lambda_with_the_write_ups_own_event(self, deployed: DeployedStack) -> None:
        answer = deployed.client("lambda").invoke(FunctionName="dog-breed", Payload=json.dumps(EVENT), LogType="Tail")
        assert "FunctionError" not in answer
        returned = json.loads(answer["Payload"].read())
        assert set(returned) == {"statusCode", "headers", "type-result", "COntent-Type-In", "body"}
        assert returned["statusCode"] == 200
        breeds(returned["body"])

    def test_the_endpoint_gives_the_same_numbers_for_the_url_and_the_bytes(self, deployed: DeployedStack) -> None:
        runtime = deployed.client("sagemaker-runtime")
        by_url = runtime.invoke_endpoint(
            EndpointName="dog-breed-endpoint", ContentType="application/json", Body=json.dumps(EVENT)
        )
        by_bytes = runtime.invoke_endpoint(EndpointName="dog-breed-endpoint", ContentType="image/jpeg", Body=PHOTO)
        assert by_url["ContentType"] == "application/json"
        assert by_url["InvokedProductionVariant"] == "AllTraffic"
        assert breeds(by_url["Body"].read()) == pytest.approx(breeds(by_bytes["Body"].read()), rel=1e-4, abs=1e-4)

    def test_a_url_that_is_not_recorded_is_a_model_error(self, deployed: DeployedStack) -> None:
        body = json.dumps({"url": "https://nowhere.example/dog.jpg"})
        with pytest.raises(ClientError) as raised:
            deployed.client("sagemaker-runtime").invoke_endpoint(
                EndpointName="dog-breed-endpoint", ContentType="application/json", Body=body
            )
        assert raised.value.response["Error"]["Code"] == "ModelError"
        assert raised.value.response["OriginalStatusCode"] == 500

    def test_the_endpoint_is_described_as_in_service(self, deployed: DeployedStack) -> None:
        endpoint = deployed.client("sagemaker").describe_endpoint(EndpointName="dog-breed-endpoint")
        assert endpoint["EndpointStatus"] == "InService"
        assert endpoint["ProductionVariants"][0]["CurrentInstanceCount"] >= 1

    def test_the_lambdas_log_is_in_cloudwatch(self, deployed: DeployedStack) -> None:
        deployed.client("lambda").invoke(FunctionName="dog-breed", Payload=json.dumps(EVENT))
        logs, end = deployed.client("logs"), time.monotonic() + 30
        while not any(
            "REPORT RequestId" in event["message"]
            for group in logs.describe_log_groups(logGroupNamePrefix="/aws/lambda/dog-breed")["logGroups"]
            for event in logs.filter_log_events(logGroupName=group["logGroupName"])["events"]
        ):
            assert time.monotonic() < end, "lines are put in batches, but within seconds"
            time.sleep(0.2)

    def test_objects_in_s3(self, deployed: DeployedStack) -> None:
        s3, bucket = deployed.client("s3"), f"bucket-{uuid.uuid4().hex[:8]}"
        s3.create_bucket(Bucket=bucket)
        s3.put_object(Bucket=bucket, Key="a b/ü.txt", Body=b"content")
        assert s3.get_object(Bucket=bucket, Key="a b/ü.txt")["Body"].read() == b"content"


class TestAccess:
    """A role may do what its policies allow."""

    def test_a_role_without_the_permission_is_denied_with_awss_sentence(self, deployed: DeployedStack) -> None:
        credentials, name = self.role(deployed, None)
        with pytest.raises(ClientError) as raised:
            self.invoke(deployed, credentials)
        assert raised.value.response["Error"]["Code"] == "AccessDeniedException"
        message = raised.value.response["Error"]["Message"]
        assert (
            f":assumed-role/{name}/tests is not authorized to perform: sagemaker:InvokeEndpoint on resource: "
            in message
        )
        assert message.endswith("because no identity-based policy allows the sagemaker:InvokeEndpoint action")

    def test_one_statement_on_one_endpoint_is_enough(self, deployed: DeployedStack) -> None:
        policy = json.loads((ROOT / "fixtures/dog_breed/policies/least_privilege.json").read_text())
        credentials, _ = self.role(deployed, policy)
        assert self.invoke(deployed, credentials)["ResponseMetadata"]["HTTPStatusCode"] == 200

    @staticmethod
    def role(deployed: DeployedStack, policy: dict[str, Any] | None) -> tuple[dict[str, Any], str]:
        iam, name = deployed.client("iam"), f"role-{uuid.uuid4().hex[:8]}"
        account = deployed.client("sts").get_caller_identity()["Account"]
        trust = {"Effect": "Allow", "Principal": {"AWS": account}, "Action": "sts:AssumeRole"}
        document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
        arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=document)["Role"]["Arn"]
        if policy is not None:
            iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=json.dumps(policy))
        assumed = deployed.client("sts").assume_role(RoleArn=arn, RoleSessionName="tests")
        return dict(assumed["Credentials"]), name

    @staticmethod
    def invoke(deployed: DeployedStack, credentials: dict[str, Any]) -> dict[str, Any]:
        runtime = deployed.client("sagemaker-runtime", credentials)
        return dict(runtime.invoke_endpoint(EndpointName="dog-breed-endpoint", ContentType="image/jpeg", Body=PHOTO))


class TestCommandLine:
    """The user's own aws command line."""

    @staticmethod
    def aws(deployed: DeployedStack, *arguments: str) -> subprocess.CompletedProcess[str]:
        own = Path(sys.executable).parent / "aws"
        command = [str(own if own.exists() else shutil.which("aws")), *arguments, "--output", "json"]
        return subprocess.run(
            command, env=deployed.environment, capture_output=True, text=True, timeout=120, check=False
        )

    def test_invoke_and_invoke_endpoint(self, deployed: DeployedStack, tmp_path: Path) -> None:
        event, out = tmp_path / "event.json", tmp_path / "answer.json"
        event.write_text(json.dumps(EVENT))
        process = self.aws(
            deployed, "lambda", "invoke", "--function-name", "dog-breed", "--payload", f"fileb://{event}", str(out)
        )
        assert process.returncode == 0, process.stderr
        breeds(json.loads(out.read_text())["body"])
        body = ["--content-type", "application/json", "--body", f"fileb://{event}"]
        process = self.aws(
            deployed, "sagemaker-runtime", "invoke-endpoint", "--endpoint-name", "dog-breed-endpoint", *body, str(out)
        )
        assert process.returncode == 0, process.stderr
        breeds(out.read_text())

    def test_errors_are_awss(self, deployed: DeployedStack) -> None:
        process = self.aws(deployed, "sagemaker", "describe-endpoint", "--endpoint-name", "none")
        expected = "(ValidationException) when calling the DescribeEndpoint operation: Could not find endpoint"
        assert expected in process.stderr


def test_localstack_clients_sessions_work_unchanged(deployed: DeployedStack) -> None:
    output = deployed.python("""
import localstack_client.session
session = localstack_client.session.Session()
print(session.client("sagemaker").describe_endpoint(EndpointName="dog-breed-endpoint")["EndpointStatus"])
print(len(session.client("sts").get_caller_identity()["Account"]))
""")
    assert output.split() == ["InService", "12"]


def test_awslocal_works_unchanged(deployed: DeployedStack) -> None:
    script = Path(sys.executable).parent / "awslocal"
    command = [
        str(script),
        "sagemaker",
        "describe-endpoint",
        "--endpoint-name",
        "dog-breed-endpoint",
        "--output",
        "json",
    ]
    environment = {**deployed.environment, "PATH": f"{script.parent}:{deployed.environment['PATH']}"}
    process = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert process.returncode == 0, process.stderr
    assert json.loads(process.stdout)["EndpointStatus"] == "InService"


def test_locust_drives_it_and_records_every_request(deployed: DeployedStack, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "locust", "-f", str(ROOT / "loadtests"), "--headless", "--only-summary"]
    command += ["-u", "2", "-r", "2", "-t", "5s", "--runs", str(tmp_path), "LambdaUrlEvent", "EndpointJpeg"]
    process = subprocess.run(
        command, env=deployed.environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert process.returncode == 0, process.stderr[-1000:]
    (folder,) = list_runs(tmp_path)
    requests = read_run(folder).requests
    assert set(requests.column("kind").to_pylist()) == {"lambda", "endpoint"}
    assert requests.num_rows > 5
