"""`harness measure` as its user runs it: on a twin, whose profile it must find again, here and deployed."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from rich.console import Console

from harness.cli.main import main
from harness.core.environment import client_environment
from harness.core.errors import HarnessError
from harness.core.prices import Prices
from harness.core.profile import Profile, SampleAnswer, ServiceTimes, read_profile
from harness.core.progress import Steps
from harness.load.spending import Caps
from harness.load.target import target_from
from harness.local_aws.options import LocalAwsOptions
from harness.local_aws.session import administrator_session
from harness.measure import sweep
from harness.measure.deployed import EndpointLocation, estimate, measure_deployed
from harness.measure.function import measure_here as measure_function
from harness.measure.here import MeasurementRequest
from harness.measure.subjects import Payload
from harness.measure.sweep import Effort
from harness.stack.deployment import StackDeployment
from harness.stack.file import load_stack
from harness.stack.tables import Stack
from tests.hosting.models import ECHO, model_tar
from tests.profiles import a_profile
from tests.stack.test_deployment import write_stack
from tests.support import Aws, running_aws

pytestmark = pytest.mark.unmeasured

SOURCE = a_profile(
    workers=2,
    queue_length=30,
    service_times=(
        ServiceTimes.of(1, [0.025 + 0.00002 * index for index in range(201)]),
        ServiceTimes.of(2, [0.03 + 0.00002 * index for index in range(201)]),
    ),
    answer=SampleAnswer.of("application/json", b'["Carolina Dog"]'),
)


def harness(*arguments: object) -> Result:
    result = CliRunner().invoke(main, ["measure", *(str(argument) for argument in arguments)])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert "Traceback" not in result.output
    return result


def twin_stack(folder: Path) -> Path:
    file = write_stack(folder, model=model_tar(ECHO))
    (folder / "twin.json").write_text(SOURCE.to_json())
    text = file.read_text().replace('server = "asgi"', 'instances = "twin"\nprofile = "twin.json"')
    text = text.replace('environment = { SAGEMAKER_MODEL_SERVER_WORKERS = "1" }', "")
    file.write_text(text.replace("ml.t2.medium", "ml.m5.large"))
    return file


@pytest.fixture(scope="module")
def stack_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return twin_stack(tmp_path_factory.mktemp("stack"))


def is_the_source(measured: Profile) -> None:
    """Service times within what a busy machine adds; a twin adds a millisecond by itself."""
    # On a busy machine the estimate may be one more, and for a while fewer requests are in service than callers wait.
    assert measured.workers in (2, 3)
    for level, source in zip(measured.service_times, SOURCE.service_times, strict=False):
        assert source.quantile(0.5) * 0.9 <= level.quantile(0.5) <= source.quantile(0.5) + 0.01
    assert measured.saturation_rate is not None
    assert 0.5 * 2 / 0.032 <= measured.saturation_rate <= 1.1 * 2 / 0.032
    assert measured.answer.content() == b'["Carolina Dog"]'


def test_one_instance_started_here_with_its_function(stack_file: Path, tmp_path: Path) -> None:
    out = tmp_path / "measured.json"
    result = harness(stack_file, "--requests", 60, "--out", out)
    assert result.exit_code == 0, result.output
    assert f"Profile: {out}" in result.output
    assert "none of them is an ml.m5.large's" in result.output
    measured = read_profile(out)
    is_the_source(measured)
    assert measured.name == "measured"
    assert measured.queue is not None
    assert measured.queue.refusal == 503
    assert 30 <= measured.queue_length <= 40
    archive = stack_file.parent / "model.tar.gz"
    assert measured.provenance.model_sha256 == hashlib.sha256(archive.read_bytes()).hexdigest()
    assert measured.provenance.machine.endswith("stands in for ml.m5.large")
    part = measured.function
    assert part is not None
    assert 0 < part.overhead < 0.1
    assert part.cold_start is not None
    assert 0.05 < part.cold_start < 5
    assert part.memory is not None
    assert 20 < part.memory <= 128


def test_a_function_that_does_not_wait_for_the_model_is_reported(tmp_path: Path) -> None:
    file = twin_stack(tmp_path)
    (tmp_path / "lambda" / "f.py").write_text("def handler(event, context):\n    return 1\n")
    with pytest.raises(HarnessError, match="does not wait for the endpoint: leave its part out with --no-function"):
        measure_function(load_stack(file), SOURCE.answer, tmp_path, lambda step: None)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--variant", "Blue"], "has no variant 'Blue': give --variant with one of AllTraffic"),
        (["--payload", "nothing.jpg"], "nothing.jpg cannot be read"),
        (["--out", "nowhere/profile.json"], "there is no folder nowhere"),
        (["--aws", "--deployed"], "not both at once"),
        (["--deployed"], "No harness answers at http://127.0.0.1:9"),
    ],
)
def test_what_cannot_be_measured_is_one_sentence(
    stack_file: Path, options: list[str], says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    result = harness(stack_file, *options)
    assert (result.exit_code, says in result.stderr) == (1, True), result.stderr


@pytest.fixture
def _however_far(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine the way to the endpoint may be half of a short answer's time, which is not measured then."""
    monkeypatch.setattr(sweep, "FARTHEST", 1.0)


@pytest.fixture(scope="module")
def deployed(stack_file: Path) -> Iterator[tuple[Aws, Stack]]:
    """The stack on a local AWS whose minute is 2 seconds, so that its metrics come soon."""
    with running_aws(LocalAwsOptions(port=0, speed=30)) as aws:
        stack = load_stack(stack_file)
        StackDeployment(stack, administrator_session(), aws.url, lambda step: None).run()
        yield aws, stack


def place(aws: Aws, stack: Stack) -> EndpointLocation:
    target = target_from(client_environment(aws.url, stack.region))
    return EndpointLocation(target, administrator_session(), aws.url)


def wanted(stack: Stack, **members: object) -> MeasurementRequest:
    payload = Payload(b'{"dog": "Carolina"}', "application/json", "application/json")
    usual = MeasurementRequest(stack, "AllTraffic", payload, Effort(60), "deployed", function=False)
    return replace(usual, **members)  # type: ignore[arg-type]


@pytest.mark.usefixtures("_however_far")
def test_the_instance_behind_a_deployed_endpoint(
    deployed: tuple[Aws, Stack], stack_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    aws, _ = deployed
    monkeypatch.setenv("AWS_ENDPOINT_URL", aws.url)
    out = tmp_path / "deployed.json"
    result = harness(stack_file, "--deployed", "--requests", 60, "--out", out)
    assert result.exit_code == 0, result.output
    measured = read_profile(out)
    is_the_source(measured)
    assert "estimated" in result.output
    # CloudWatch's ModelLatency tells the function's own part.
    assert measured.function is not None
    assert 0 < measured.function.overhead < 0.1
    archive = stack_file.parent / "model.tar.gz"
    assert measured.provenance.model_sha256 == hashlib.sha256(archive.read_bytes()).hexdigest()
    assert "through InvokeEndpoint" in measured.provenance.method
    assert "The time to load was not seen" in measured.provenance.method


@pytest.mark.usefixtures("_however_far")
def test_a_cap_ends_the_measurement(deployed: tuple[Aws, Stack]) -> None:
    aws, stack = deployed
    there = place(aws, stack)
    spending = estimate(wanted(stack), there.target, Caps(100_000, 10), Prices())
    spending = replace(spending, caps=Caps(50, 10))
    with pytest.raises(HarnessError, match=r"the cap of 50 requests is reached\. Nothing was written"):
        measure_deployed(wanted(stack), there, spending, Steps(Console(quiet=True)))


def test_only_one_instance_is_measured_and_nothing_may_add_another(deployed: tuple[Aws, Stack]) -> None:
    aws, stack = deployed
    there, steps, name = place(aws, stack), Steps(Console(quiet=True)), stack.endpoint.name
    scaling, sagemaker = aws.client("application-autoscaling"), aws.client("sagemaker")
    target = {
        "ServiceNamespace": "sagemaker",
        "ResourceId": f"endpoint/{name}/variant/AllTraffic",
        "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
    }
    scaling.register_scalable_target(**target, MinCapacity=1, MaxCapacity=3)
    with pytest.raises(HarnessError, match="Auto scaling may add instances to variant AllTraffic"):
        measure_deployed(wanted(stack), there, None, steps)
    scaling.deregister_scalable_target(**target)
    weights = [{"VariantName": "AllTraffic", "DesiredInstanceCount": 2}]
    sagemaker.update_endpoint_weights_and_capacities(EndpointName=name, DesiredWeightsAndCapacities=weights)
    sagemaker.get_waiter("endpoint_in_service").wait(EndpointName=name, WaiterConfig={"Delay": 1})
    with pytest.raises(HarnessError, match="has 2 instances, and one is measured"):
        measure_deployed(wanted(stack), there, None, steps)
    weights[0]["DesiredInstanceCount"] = 1
    sagemaker.update_endpoint_weights_and_capacities(EndpointName=name, DesiredWeightsAndCapacities=weights)
    sagemaker.get_waiter("endpoint_in_service").wait(EndpointName=name, WaiterConfig={"Delay": 1})


def test_an_endpoint_that_is_not_there_is_awss_own_sentence(deployed: tuple[Aws, Stack]) -> None:
    aws, stack = deployed
    other = stack.model_copy(update={"endpoint": stack.endpoint.model_copy(update={"name": "nowhere"})})
    with pytest.raises(
        HarnessError, match=r"DescribeEndpoint was refused at the harness at .* Could not find endpoint"
    ):
        measure_deployed(wanted(other), place(aws, stack), None, Steps(Console(quiet=True)))


@pytest.fixture
def _credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")


@pytest.mark.usefixtures("_credentials")
def test_on_aws_it_is_a_dry_run_first_with_an_estimate_and_a_code(stack_file: Path, tmp_path: Path) -> None:
    out = tmp_path / "aws.json"
    result = harness(stack_file, "--aws", "--requests", 60, "--out", out)
    assert result.exit_code == 0, result.output
    assert "on AWS, us-east-1, as AKIDEXAMPLE:" in result.stdout
    assert re.search(r"at most [\d,]+ requests \(cap 10,000\)", result.stdout)
    assert "30 invocations of 128 MB, 20 s each at most" in result.stdout
    assert "$0.115   1 x ml.m5.large for 3,600 s" in result.stdout
    code = re.search(r"nothing was sent. The same command with --confirm ([0-9a-f]{6}) measures", result.stdout)
    assert code is not None
    assert not out.exists()
    # Another size is another measurement: the code of this one is not its.
    other = harness(stack_file, "--aws", "--requests", 120, "--confirm", code[1], "--out", out)
    assert "This was a dry run" in other.stdout


@pytest.mark.usefixtures("_credentials")
@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--max-requests", 500], "more than its cap of 500: lower --requests, or raise --max-requests"),
        (["--max-cost", 0.1], "more than its cap of $0.10"),
    ],
)
def test_what_could_exceed_its_caps_is_not_begun(stack_file: Path, options: list[object], says: str) -> None:
    result = harness(stack_file, "--aws", *options)
    assert (result.exit_code, says in result.stderr) == (1, True), result.stderr


@pytest.mark.usefixtures("_credentials")
def test_another_region_is_not_the_stacks(stack_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    result = harness(stack_file, "--aws")
    assert "The stack is in us-east-1, your environment says eu-west-1" in result.stderr
