"""The pytest plugin in a stranger's test suite: another folder, another process, its own Lambda and stack."""

from __future__ import annotations

import os
import textwrap

import pytest

pytest_plugins = ["pytester"]

LAMBDA = """
import json

import boto3

runtime = boto3.client("sagemaker-runtime")


def handler(event, context):
    answer = runtime.invoke_endpoint(EndpointName="greeter", ContentType="application/json", Body=json.dumps(event))
    print("asked", event)
    return {"statusCode": 200, "body": answer["Body"].read().decode()}
"""
STACK = """
name = "greeter"
bucket = "greeter-models"
[roles.caller]
trust = "lambda.amazonaws.com"
policies = ["invoke.json"]
[roles.server]
trust = "sagemaker.amazonaws.com"
[models.greeter]
role = "server"
image = "763104351884.dkr.ecr.us-east-1.amazonaws.com/pytorch-inference:2.6.0-cpu-py312-ubuntu22.04-sagemaker"
model_data = "s3://greeter-models/model.tar.gz"
[endpoint]
name = "greeter"
[endpoint.production_variants.AllTraffic]
model = "greeter"
[function]
name = "greeter"
role = "caller"
code = "code"
handler = "app.handler"
timeout = 20
event = "event.json"
[scaling.variants.AllTraffic]
min_capacity = 1
max_capacity = 2
[scaling.variants.AllTraffic.target_tracking.invocations]
target_value = 5
"""
POLICY = """
{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sagemaker:InvokeEndpoint",
 "Resource": "arn:aws:sagemaker:*:*:endpoint/greeter"}]}
"""


@pytest.fixture
def suite(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A project with a stack, whose tests run in a process of their own."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(pytester.path), os.environ.get("PYTHONPATH", "")]))
    for name, text in {"stack.toml": STACK, "invoke.json": POLICY, "event.json": '{"name": "you"}'}.items():
        (pytester.path / name).write_text(text)
    # Coverage measures its process, if any; the local AWS that it starts is covered by other tests.
    pytester.makeconftest("import os; os.environ.pop('COVERAGE_PROCESS_CONFIG', None)")
    (pytester.path / "code").mkdir()
    (pytester.path / "code" / "app.py").write_text(LAMBDA)
    return pytester


def run(suite: pytest.Pytester, test: str, *options: str) -> pytest.RunResult:
    suite.makepyfile(textwrap.dedent(test))
    return suite.runpytest_subprocess("-p", "no:cacheprovider", *options, timeout=120)


def test_it_imports_nothing_until_a_fixture_is_used(suite: pytest.Pytester) -> None:
    test = """
        import sys

        def test_no_part_of_the_harness_is_imported():
            imported = {name for name in sys.modules if name.startswith(("harness.", "boto"))}
            assert imported == {"harness.pytest_plugin"}
    """
    run(suite, test).assert_outcomes(passed=1)


def test_a_stack_is_deployed_on_twins_and_its_function_and_endpoint_are_called(suite: pytest.Pytester) -> None:
    test = """
        import json

        import boto3
        import pytest

        pytestmark = pytest.mark.stack("stack.toml", answer={"hello": "you"})

        def test_the_function(function):
            answer = function.invoke()
            assert json.loads(answer.payload["body"]) == {"hello": "you"}
            assert answer.error is None
            assert "asked {'name': 'you'}" in answer.log

        def test_the_endpoint(endpoint):
            answer = endpoint.invoke({"name": "you"})
            assert (answer.json(), answer.variant) == ({"hello": "you"}, "AllTraffic")

        def test_boto3_without_an_endpoint_goes_there_too(aws, deployed_stack):
            endpoints = boto3.client("sagemaker").list_endpoints()["Endpoints"]
            assert [endpoint["EndpointName"] for endpoint in endpoints] == ["greeter"]
            assert boto3.client("sts").get_caller_identity()["Account"] == aws.account

        def test_a_role_may_do_what_its_policies_allow(aws, endpoint):
            runtime = aws.as_role("caller", "sagemaker-runtime")
            assert runtime.invoke_endpoint(EndpointName="greeter", Body=b"{}")["Body"].read()
            with pytest.raises(Exception, match="is not authorized to perform: sagemaker:ListEndpoints"):
                aws.as_role("caller", "sagemaker").list_endpoints()
    """
    run(suite, test).assert_outcomes(passed=4)


def test_minutes_of_scaling_pass_in_seconds(suite: pytest.Pytester) -> None:
    """AlarmHigh takes three minutes above the target (re:Post), and the metric two more to be seen."""
    test = """
        import time

        import pytest

        @pytest.mark.stack("stack.toml")
        def test_it_scales_out(aws, endpoint, clock):
            began, sagemaker = clock.now(), aws.client("sagemaker")
            with clock.at(60):
                while (seconds := clock.now() - began) < 20 * 60:
                    endpoint.invoke({})
                    variant = sagemaker.describe_endpoint(EndpointName="greeter")["ProductionVariants"][0]
                    if variant["DesiredInstanceCount"] == 2:
                        break
                    time.sleep(0.02)
            assert 3 * 60 <= seconds < 12 * 60
            assert clock.speed == 1
            clock.advance(120)
            assert clock.now() - began > seconds + 120
            with pytest.raises(Exception, match="The clock cannot run at a speed of 0"):
                clock.speed = 0
    """
    run(suite, test).assert_outcomes(passed=1)


def test_a_load_is_recorded_and_judged(suite: pytest.Pytester) -> None:
    test = """
        import pytest

        @pytest.mark.stack("stack.toml")
        def test_it_bears_ten_a_second(load):
            result = load(rate=10, seconds=8, via="endpoint", payload={"name": "you"}, spacing="even")
            assert 70 <= result.requests <= 80
            assert not result.errors
            assert 0.05 <= result.percentile(0.5) < 1
            with pytest.raises(AssertionError, match="p50 is .* not within 1.ms"):
                result.assert_within(p50=0.001)
            with pytest.raises(AssertionError, match="p99 takes 368 answers to establish, there were"):
                result.assert_within(p99=10)
    """
    run(suite, test).assert_outcomes(passed=1)


def test_a_missing_or_broken_stack_is_named_in_a_sentence(suite: pytest.Pytester) -> None:
    (suite.path / "broken.toml").write_text(STACK.replace('trust = "lambda', 'trusts = "lambda'))
    test = """
        import pytest

        def test_no_stack(endpoint): ...

        @pytest.mark.stack("broken.toml")
        def test_a_broken_one(endpoint): ...

        @pytest.mark.stack("elsewhere.toml")
        def test_one_that_is_not_there(endpoint): ...

        @pytest.mark.stack("stack.toml", instance="twin")
        def test_another_word(endpoint): ...

        @pytest.mark.stack(5)
        def test_a_number(endpoint): ...

        @pytest.mark.stack("stack.toml", instances="cloud")
        def test_an_unknown_kind(endpoint): ...

        @pytest.mark.stack("stack.toml", instances="container")
        def test_a_kind_that_lacks_something(endpoint): ...

        @pytest.mark.stack("stack.toml", answer={1, 2})
        def test_no_json(endpoint): ...
    """
    result = run(suite, test)
    result.assert_outcomes(errors=8)
    for name in ("another_word", "a_number"):
        result.stdout.fnmatch_lines([f"*test_{name}: the marker stack takes the stack file, and by name instances*"])
    result.stdout.fnmatch_lines(["*instances='cloud' is not a kind of instance here; there are: container, *"])
    result.stdout.fnmatch_lines(["*instances='container' needs containers, such as *"])
    result.stdout.fnmatch_lines(["*A twin answers with a JSON value, which answer= is not: *set*"])
    result.stdout.fnmatch_lines(["*test_no_stack deploys a stack and does not say which*"])
    result.stdout.fnmatch_lines(["*broken.toml:5: roles.caller.trusts: unknown key; did you mean trust?*"])
    result.stdout.fnmatch_lines(["*Cannot read the stack file*elsewhere.toml: No such file or directory*"])


def test_each_worker_has_an_aws_of_its_own(suite: pytest.Pytester) -> None:
    test = """
        import pytest

        @pytest.mark.stack("stack.toml")
        @pytest.mark.parametrize("number", range(4))
        def test_alone(endpoint, aws, number):
            assert endpoint.invoke({}).json() == {}
            endpoints = aws.client("sagemaker").list_endpoints()["Endpoints"]
            assert [endpoint["EndpointName"] for endpoint in endpoints] == ["greeter"]
    """
    run(suite, test, "-n", "2").assert_outcomes(passed=4)
