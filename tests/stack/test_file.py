"""Reading a stack file: a problem is named with its line and with what is allowed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.core.errors import HarnessError
from harness.stack.file import load_stack

DOG_BREED = Path(__file__).parents[2] / "fixtures" / "dog_breed"
STACK = """\
name = "dogs"
bucket = "dogs-models"

[roles.function-role]
trust = "lambda.amazonaws.com"
policies = ["policy.json"]

[roles.model-role]
trust = "sagemaker.amazonaws.com"

[models.dogs]
role = "model-role"
image = "image"
model_data = "model.tar.gz"

[endpoint]
name = "dogs-endpoint"

[endpoint.production_variants.AllTraffic]
model = "dogs"
instance_type = "ml.m5.large"

[function]
name = "dogs"
role = "function-role"
code = "lambda"
handler = "f.handler"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "lambda").mkdir()
    (tmp_path / "model.tar.gz").write_bytes(b"")
    (tmp_path / "policy.json").write_text('{"Version": "2012-10-17", "Statement": []}')
    return tmp_path


def refusal(folder: Path, text: str) -> list[str]:
    file = folder / "stack.toml"
    file.write_text(text)
    with pytest.raises(HarnessError) as raised:
        load_stack(file)
    lines = str(raised.value).splitlines()
    assert lines[-1] == "Nothing was deployed."
    return [line.removeprefix(f"{file}:") for line in lines[:-1]]


def test_a_whole_stack(folder: Path) -> None:
    (folder / "stack.toml").write_text(STACK)
    stack = load_stack(folder / "stack.toml")
    assert stack.region == "us-east-1"
    assert stack.path("policy.json") == folder / "policy.json"
    assert stack.function is not None
    assert (stack.function.memory_size, stack.function.timeout) == (128, 3)


def test_the_shipped_stack() -> None:
    assert load_stack(DOG_BREED / "stack.toml").endpoint.name == "dog-breed-endpoint"


# ruff: noqa: E501 - a table reads best with a row a line
@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("model_data =", "model_dta =", "14: models.dogs.model_dta: unknown key; did you mean model_data? allowed here: build, "),
        ('name = "dogs"\nbucket', "bucket", "1: name: this key is required and missing"),
        ('trust = "lambda.amazonaws.com"', 'trust = "ec2"', "5: roles.function-role.trust: must be 'lambda.amazonaws.com' or"),
        ('handler = "f.handler"', "handler = 5", "27: function.handler: input should be a valid string, not 5"),
        ('role = "model-role"', 'role = "nobody"', "12: models.dogs.role: no role 'nobody'; there are: function-role, model-role"),
        ('role = "model-role"', 'role = "function-role"', "12: models.dogs.role: role 'function-role' trusts lambda"),
        ('model = "dogs"', 'model = "cats"', "production_variants.AllTraffic.model: no model 'cats'; there are: dogs"),
        ('"ml.m5.large"', '"ml.m5.lrge"', "21: endpoint.production_variants.AllTraffic.instance_type: no instance type of endpoints is called 'ml.m5.lrge'"),
        ('code = "lambda"', 'code = "nowhere"', "26: function.code: there is no folder or zip at "),
        ('"policy.json"', '"none.json"', "6: roles.function-role.policies.0: cannot read the policy "),
        ('model_data = "model.tar.gz"', 'model_data = "m.tgz"', "14: models.dogs.model_data: there is no file at "),
        ('bucket = "dogs-models"', 'bucket = "Dogs"', "2: bucket: string should match pattern"),
        ('name = "dogs-endpoint"', 'name = "dogs_endpoint"', "17: endpoint.name: string should match pattern"),
        ("[function]", "[function]\nmemory_size = 64", "24: function.memory_size: input should be greater than or equal to 128, not 64"),
        ("[function]", "[function]\nevent = 'e.json'", "24: function.event: there is no file at "),
        ("[function]", "[local]\nserver = 'vllm'\n[function]", "24: local.server: must be 'torchserve' or 'asgi', not \"vllm\""),
        ("[function]", "[local]\nresponses = 'r'\n[function]", "24: local.responses: there is no folder at "),
        ("[function]", "[local]\ninstances = 'cloud'\n[function]", '24: local.instances: "cloud" is not a kind of instance here; there are: container, '),
        ("[function]", "[local]\ninstances = 'container'\n[function]", '24: local.instances: "container" needs containers, such as ["http://model-1:8080"]'),
        ("[function]", "[local]\ninstances = 'twin'\n[function]", '24: local.instances: "twin" needs a profile'),
        ("[function]", "[local]\ncontainers = ['model-1:8080']\n[function]", '24: local.containers.0: must be like http://model-1:8080, not "model-1:8080"'),
        ("[function]", "[local]\ninstances = 'twin'\nprofile = 'policy.json'\n[function]", "25: local.profile: The profile "),
        ("[function]", "[load]\nlocustfile = 'l'\nscenarios = ['A']\n[function]", "24: load.locustfile: there is no locustfile"),
        ("[function]", "[fucntion]", "23: fucntion: unknown key; did you mean function? allowed here: "),
        (
            'handler = "f.handler"',
            'handler = "f.handler"\nprovisioned_concurrent_executions = 1',
            'function.provisioned_concurrent_executions: only a published version can have it: add a name for one, such '
            'as alias = "live"',
        ),
        (
            'handler = "f.handler"',
            'handler = "f.handler"\nalias = "live"\nreserved_concurrent_executions = 1\n'
            "provisioned_concurrent_executions = 2",
            "2 is more than reserved_concurrent_executions, 1, of which it is a part",
        ),
        (
            'handler = "f.handler"',
            'handler = "f.handler"\nalias = "12"',
            "function.alias: string should match pattern",
        ),
    ],
)  # fmt: skip
def test_a_problem_is_named_with_its_line_and_what_is_allowed(folder: Path, old: str, new: str, sentence: str) -> None:
    assert old in STACK
    assert any(sentence in line for line in refusal(folder, STACK.replace(old, new, 1))), refusal(
        folder, STACK.replace(old, new, 1)
    )


# Every scalar key, by its table, with values of TOML's other types: TOML has types, so nothing is converted.
WHOLE = (
    STACK.replace("[function]", "[function]\nmemory_size = 128\ntimeout = 3\nruntime = 'python3.12'")
    + """
alias = "live"
reserved_concurrent_executions = 2
provisioned_concurrent_executions = 1

[scaling.variants.AllTraffic]
min_capacity = 1
max_capacity = 2

[scaling.variants.AllTraffic.target_tracking.track]
target_value = 10.5
scale_in_cooldown = 60
scale_out_cooldown = 60
disable_scale_in = false

[scaling.variants.AllTraffic.step_scaling.step]
threshold = 10.5
above = true
evaluation_periods = 3
steps = [{ bound = 0, adjustment = 1 }]
cooldown = 60

[scaling.variants.AllTraffic.scheduled_actions.night]
schedule = "cron(0 0 * * ? *)"
timezone = "UTC"
min_capacity = 1
"""
)
VALUES = {"text": '"10"', "whole": "10", "fraction": "10.5", "truth": "true", "list": "[10]", "table": "{ a = 10 }"}
LINE = re.compile(r"^(?P<key>\w+) = (?P<value>[^\[{]\S*)$", re.MULTILINE)


def kind(value: str) -> str:
    if value[0] in "\"'":
        return "text"
    return "truth" if value in ("true", "false") else "fraction" if "." in value else "whole"


def lines_and_values() -> Iterator[Any]:
    for match in LINE.finditer(WHOLE):
        own = kind(match["value"])
        for other, value in VALUES.items():
            if other != own and (own, other) != ("fraction", "whole"):  # a whole number is a number
                yield pytest.param(
                    match, value, id=f"{WHOLE[: match.start()].count(chr(10)) + 1}-{match['key']}-{other}"
                )


@pytest.mark.parametrize(("line", "value"), list(lines_and_values()))
def test_a_value_of_another_type_is_refused_with_its_line(folder: Path, line: re.Match[str], value: str) -> None:
    text = WHOLE[: line.start("value")] + value + WHOLE[line.end("value") :]
    number = WHOLE[: line.start()].count("\n") + 1
    assert any(re.match(rf"{number}: \S*{line['key']}", problem) for problem in refusal(folder, text))


def test_the_stack_of_every_scalar_key_is_a_stack(folder: Path) -> None:
    (folder / "stack.toml").write_text(WHOLE)
    assert load_stack(folder / "stack.toml").scaling.variants["AllTraffic"].max_capacity == 2


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("[roles", "region = 'mars'\n[roles", "4: region: AWS has no region 'mars' with SageMaker; there are, for example: us-east-1"),
        ("[roles", "region = ''\n[roles", "4: region: AWS has no region ''"),
        ("[roles", "region = 'us-east-9'\n[roles", "4: region: AWS has no region 'us-east-9' with SageMaker; there are, for example: us-east-"),
        ('bucket = "dogs-models"', 'bucket = "dogs..models"', "2: bucket: must not have two full stops in a row"),
        ('bucket = "dogs-models"', 'bucket = "10.0.0.1"', "2: bucket: must not look like an IP address"),
        ('policies = ["policy.json"]', 'managed_policies = ["AmazonSageMakerFulAccess"]', "6: roles.function-role.managed_policies.0: AWS has no managed policy 'AmazonSageMakerFulAccess'; did you mean AmazonSageMakerFullAccess"),
        ('policies = ["policy.json"]', 'managed_policies = ["job-function/AWSLambdaBasicExecutionRole"]', "AWS has no managed policy 'job-function/AWSLambdaBasicExecutionRole'; did you mean AWSLambdaBasicExecutionRole?"),
        ('policies = ["policy.json"]', 'policies = ["policy.json", "./policy.json"]', "policy.json has the same name without its folder and ending"),
        ("[roles.model-role]", "[roles.'model role']", "roles.model role: must match AWS's pattern"),
        ("[roles.model-role]", f"[roles.{'r' * 65}]", "must have at most 64 characters, not 65"),
        ('image = "image"', 'image = "an image"', "13: models.dogs.image: must match AWS's pattern"),
        ('image = "image"', 'image = "image"\nenvironment = { "A-B" = "" }', "14: models.dogs.environment.A-B: must match AWS's pattern"),
        ('handler = "f.handler"', 'handler = "f handler"', "27: function.handler: must match AWS's pattern"),
        ('handler = "f.handler"', 'handler = "f.handler"\nruntime = "pyton3.12"', "28: function.runtime: Value pyton3.12 at 'runtime' failed to satisfy"),
        ('handler = "f.handler"', 'handler = "f.handler"\nruntime = "python3.7"', "28: function.runtime: The runtime parameter of python3.7 is no longer supported"),
        ('handler = "f.handler"', 'handler = "f.handler"\nruntime = "nodejs22.x"', "28: function.runtime: "),
        ('handler = "f.handler"', 'handler = "f.handler"\nenvironment = { AWS_REGION = "x" }', "28: function.environment: Lambda was unable to configure"),
        ('handler = "f.handler"', 'handler = "f.handler"\nenvironment = { "A-B" = "x" }', "28: function.environment.A-B: must match AWS's pattern"),
        ('instance_type = "ml.m5.large"', "initial_variant_weight = inf", "21: endpoint.production_variants.AllTraffic.initial_variant_weight: must be a finite number, not Infinity"),
    ],
)  # fmt: skip
def test_what_aws_would_refuse_amid_the_deployment_is_refused_before_it(
    folder: Path, old: str, new: str, sentence: str
) -> None:
    assert old in STACK
    problems = refusal(folder, STACK.replace(old, new, 1))
    assert any(sentence in line for line in problems), problems


@pytest.mark.parametrize("name", ["AWSLambdaBasicExecutionRole", "service-role/AWSLambdaBasicExecutionRole"])
def test_a_managed_policy_is_named_with_its_path_or_without(folder: Path, name: str) -> None:
    (folder / "stack.toml").write_text(STACK.replace('policies = ["policy.json"]', f'managed_policies = ["{name}"]'))
    assert load_stack(folder / "stack.toml").roles["function-role"].managed_policies == [name]


def test_a_malformed_policy_is_named_with_its_place(folder: Path) -> None:
    (folder / "policy.json").write_text('{"Statement": [{"Effect": "Perhaps"}]}')
    (line,) = refusal(folder, STACK)
    assert "6: roles.function-role.policies.0: policy policy.json, Statement[0]: Effect must be Allow or Deny" in line


def test_every_problem_is_listed_at_once(folder: Path) -> None:
    assert len(refusal(folder, STACK.replace("[function]", "[function]\nx = 1\ny = 2"))) == 2


def test_a_build_script_stands_in_for_a_missing_model(folder: Path) -> None:
    (folder / "model.tar.gz").unlink()
    (folder / "build.py").write_text("")
    (folder / "stack.toml").write_text(STACK.replace('model_data = "', 'build = "build.py"\nmodel_data = "'))
    assert load_stack(folder / "stack.toml").models["dogs"].build == Path("build.py")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"# mine\nname 5\n", r"stack.toml:2: not valid TOML: Expected .* at column \d+\.\nNothing was deployed"),
        (b"name = ", r"stack.toml: not valid TOML: .*\(at end of document\)\.\nNothing was deployed"),
        (b"\xff\xfe", "is not UTF-8"),
    ],
)
def test_a_file_that_is_not_toml(folder: Path, content: bytes, sentence: str) -> None:
    (folder / "stack.toml").write_bytes(content)
    with pytest.raises(HarnessError, match=sentence):
        load_stack(folder / "stack.toml")


def test_a_file_that_does_not_exist(folder: Path) -> None:
    with pytest.raises(HarnessError, match="Cannot read the stack file"):
        load_stack(folder / "none.toml")


def test_a_very_long_key_is_cut(folder: Path) -> None:
    (line,) = refusal(folder, STACK.replace('handler = "f.handler"', f'handler = "f.handler"\n{"k" * 5000} = 1'))
    assert "unknown key" in line
    assert len(line) < 400
