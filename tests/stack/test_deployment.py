"""Deploys stacks on a running harness."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import pytest

from harness.core.errors import HarnessError
from harness.core.profile import SampleAnswer
from harness.local_aws.invocation import invoke_function
from harness.local_aws.session import administrator_session
from harness.stack.deployment import StackDeployment
from harness.stack.file import load_stack
from harness.stack.function_code import zip_code
from harness.stack.tables import Stack
from tests.hosting.models import BROKEN, ECHO, model_tar
from tests.profiles import a_profile
from tests.support import REGION, Aws, unique

LAMBDA = """
import json
import os

import boto3

runtime = boto3.client("sagemaker-runtime")


def handler(event, context):
    answer = runtime.invoke_endpoint(
        EndpointName=os.environ["ENDPOINT"], ContentType="application/json", Body=json.dumps(event)
    )
    return {"statusCode": 200, "body": answer["Body"].read().decode()}
"""


def write_stack(
    folder: Path, *, model: bytes | None = None, policies: str = '["invoke.json"]', build: str | None = None
) -> Path:
    name = unique("echo")
    (folder / "lambda").mkdir(exist_ok=True)
    (folder / "lambda" / "f.py").write_text(LAMBDA)
    (folder / "event.json").write_text('{"dog": "Carolina"}')
    statement = {
        "Effect": "Allow",
        "Action": "sagemaker:InvokeEndpoint",
        "Resource": f"arn:aws:sagemaker:*:*:endpoint/{name}",
    }
    (folder / "invoke.json").write_text(json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    if model is not None:
        (folder / "model.tar.gz").write_bytes(model)
    script = ""
    if build is not None:
        (folder / "build.py").write_text(build)
        script = 'build = "build.py"'
    (folder / "stack.toml").write_text(f"""
name = "{name}"
bucket = "{name}"

[roles.{name}-function]
trust = "lambda.amazonaws.com"
policies = {policies}

[roles.{name}-model]
trust = "sagemaker.amazonaws.com"

[models.{name}]
role = "{name}-model"
image = "pytorch-inference:2.6.0"
model_data = "model.tar.gz"
environment = {{ SAGEMAKER_MODEL_SERVER_WORKERS = "1" }}
{script}

[endpoint]
name = "{name}"

[endpoint.production_variants.AllTraffic]
model = "{name}"
instance_type = "ml.t2.medium"

[function]
name = "{name}"
role = "{name}-function"
code = "lambda"
handler = "f.handler"
timeout = 20
event = "event.json"
environment = {{ ENDPOINT = "{name}" }}

[local]
server = "asgi"
""")
    return folder / "stack.toml"


def deploy(aws: Aws, file: Path) -> tuple[Stack, list[str]]:
    stack, steps = load_stack(file), []
    StackDeployment(stack, administrator_session(), aws.url, steps.append).run()
    return stack, steps


@pytest.mark.torch
def test_a_stack_is_deployed_and_its_lambda_calls_its_endpoint(aws: Aws, tmp_path: Path) -> None:
    stack, steps = deploy(aws, write_stack(tmp_path, model=model_tar(ECHO)))
    assert f"endpoint {stack.name}: loading the model" in steps
    answer, log, error = invoke_function(aws.url, REGION, stack.name, b'{"dog": "Carolina"}')
    assert not error, log
    assert json.loads(json.loads(answer)["body"])["echo"] == {"dog": "Carolina"}
    assert "REPORT RequestId:" in log

    # Again, without the policy: the stack is brought up to date, and the Lambda is denied with AWS's sentence.
    file = tmp_path / "stack.toml"
    file.write_text(file.read_text().replace('policies = ["invoke.json"]', "policies = []"))
    deploy(aws, file)
    answer, _, error = invoke_function(aws.url, REGION, stack.name, b"{}")
    assert error == "Unhandled"
    assert (
        f"assumed-role/{stack.name}-function/{stack.name} is not authorized to perform: sagemaker:InvokeEndpoint"
        in answer
    )

    # And with the write-ups' broad grant.
    file.write_text(file.read_text().replace("policies = []", 'managed_policies = ["AmazonSageMakerFullAccess"]'))
    deploy(aws, file)
    assert invoke_function(aws.url, REGION, stack.name, b"{}")[2] == ""
    aws.client("sagemaker").delete_endpoint(EndpointName=stack.endpoint.name)


def test_a_stack_on_twins_needs_no_model_server(aws: Aws, tmp_path: Path) -> None:
    file = write_stack(tmp_path, model=b"no archive: a twin does not load it")
    answer = SampleAnswer.of("application/json", b'{"echo": {"dog": "as measured"}}')
    (tmp_path / "profile.json").write_text(a_profile(answer=answer).to_json())
    file.write_text(file.read_text().replace('server = "asgi"', 'instances = "twin"\nprofile = "profile.json"'))
    stack, _ = deploy(aws, file)
    answer, log, error = invoke_function(aws.url, REGION, stack.name, b"{}")
    assert not error, log
    assert json.loads(json.loads(answer)["body"])["echo"] == {"dog": "as measured"}
    aws.client("sagemaker").delete_endpoint(EndpointName=stack.endpoint.name)


@pytest.mark.torch
def test_an_endpoint_that_fails_is_said_with_its_reason(aws: Aws, tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match=r"is Failed: (.|\n)*the breed list is missing"):
        deploy(aws, write_stack(tmp_path, model=model_tar(BROKEN)))


def test_a_managed_policy_that_aws_does_not_have(aws: Aws, tmp_path: Path) -> None:
    file = write_stack(tmp_path, model=b"")
    file.write_text(file.read_text().replace('policies = ["invoke.json"]', 'managed_policies = ["AmazonDogs"]'))
    with pytest.raises(HarnessError, match="AWS has no managed policy 'AmazonDogs'"):
        deploy(aws, file)


def test_a_build_script_that_fails_is_said_with_its_last_line(aws: Aws, tmp_path: Path) -> None:
    file = write_stack(tmp_path, build="raise SystemExit('no disk space')")
    with pytest.raises(HarnessError, match=r"build\.py, which builds .*, failed: no disk space"):
        deploy(aws, file)


def test_a_build_script_that_builds_nothing(aws: Aws, tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match="ran, but made no"):
        deploy(aws, write_stack(tmp_path, build="pass"))


def test_nothing_answers_at_the_url(tmp_path: Path) -> None:
    stack = load_stack(write_stack(tmp_path, model=b""))
    deployment = StackDeployment(stack, administrator_session(), "http://127.0.0.1:9", lambda step: None)
    with pytest.raises(HarnessError, match=r"Nothing answers at http://127\.0\.0\.1:9: bring the local AWS up"):
        deployment.run()


def test_code_is_packed_without_what_python_leaves_behind(tmp_path: Path) -> None:
    (tmp_path / "pkg" / "__pycache__").mkdir(parents=True)
    (tmp_path / "pkg" / "a.py").write_text("a")
    (tmp_path / "pkg" / "__pycache__" / "a.pyc").write_text("x")
    assert zipfile.ZipFile(io.BytesIO(zip_code(tmp_path))).namelist() == ["pkg/a.py"]
    assert zipfile.ZipFile(io.BytesIO(zip_code(tmp_path / "pkg" / "a.py"))).namelist() == ["a.py"]
    (tmp_path / "ready.zip").write_bytes(b"as it is")
    assert zip_code(tmp_path / "ready.zip") == b"as it is"
