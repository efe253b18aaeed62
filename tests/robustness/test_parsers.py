"""Every parser reads noise and changed examples, or raises the error that it documents, with one clear sentence.

Whole requests are in test_gateway. Some parsers have such a test beside their others: query and JSON bodies, event
streams, the reader of logs, wildcards, what runs write into their pipes.
"""

from __future__ import annotations

import gzip
import io
import json
import re
import tarfile
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from harness.access.operations.simulation import parse_caller
from harness.access.rules.policy import MalformedPolicy, parse_policy
from harness.access.rules.signature import Message, find_fault
from harness.cli.access_history import ACCESS_FILE, recorded_history
from harness.core.errors import AwsError, HarnessError
from harness.core.folders import remove as remove_folder
from harness.core.prices import read_prices
from harness.core.profile import read_profile
from harness.core.quantities import parse_duration, parse_rate, parse_share
from harness.functions.layers import Layers
from harness.functions.package import Package
from harness.functions.rules.function_url import response
from harness.functions.rules.names import parse as parse_name
from harness.functions.rules.payload import check_event, client_context
from harness.functions.rules.result import InvocationResult
from harness.gateway.identify import Head, credential_of, identify, signature_of
from harness.hosting.instances.kinds import read_local_settings
from harness.hosting.instances.settings import LocalSettingsError
from harness.hosting.model_data import ModelDataError, unpack
from harness.load.histogram import Histogram
from harness.load.latency_log import FILE as HISTOGRAMS
from harness.load.latency_log import LatencyLog, read_latency_log
from harness.load.runs import read_run
from harness.load.target import target_from
from harness.load.traces import read_trace
from harness.load.traffic import read_traffic
from harness.local_aws.daemon import STATE_VARIABLE, find
from harness.planner.plan import read_plan
from harness.scaling.rules.resource_ids import ALIAS_DIMENSION, VARIANT_DIMENSION, parse_resource
from harness.scaling.rules.schedule_expressions import parse_schedule
from harness.stack.file import load_stack
from harness.stack.toml_lines import TomlLines
from model_server.egress.recordings import how_to_record, location
from tests.load.recorded import request, write_run
from tests.profiles import a_profile
from tests.report.plan.plans import a_plan
from tests.robustness.bending import bent_json, bent_text, bent_toml, noise

EXAMPLES = 80
ROOT = Path(__file__).parent.parent.parent
DOG_BREED = ROOT / "fixtures" / "dog_breed" / "stack.toml"
WRITEUPS = sorted((ROOT / "fixtures" / "writeups").glob("*/stack.toml"))
EVERY = settings(
    max_examples=EXAMPLES,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
    derandomize=True,
    database=None,
)


def clear(error: Exception) -> None:
    """Whether an error is one sentence (for a stack file, one a line) of a length that a person reads."""
    text = error.message if isinstance(error, AwsError) else str(error)
    assert text.strip(), repr(error)
    if isinstance(error, HarnessError):
        assert all(len(line) < 500 for line in text.splitlines()), text[:200]
    for word in ("Traceback", "object at 0x", "Errno", "<class", "For further information"):
        assert word not in text, text
    if isinstance(error, AwsError):
        assert re.fullmatch(r"[A-Za-z.]+", error.code)
        assert 400 <= error.status < 500 or error.status in (501, 502, 503)


@dataclass(frozen=True)
class Parser:
    """A parser under test.

    read: reads an input, given as bytes, with a folder for it. raises: the errors that its docstring promises.
    examples: valid inputs. bends: strategies that change examples. lines: whether an error has a line for each problem.
    """

    read: Callable[[bytes, Path], object]
    raises: type[Exception] | tuple[type[Exception], ...]
    examples: tuple[bytes, ...]
    bends: tuple[Callable[[Any], st.SearchStrategy[bytes]], ...] = (bent_text,)
    alphabet: str = ""
    lines: bool = False


def text_of(read: Callable[[str], object]) -> Callable[[bytes, Path], object]:
    """Reads with a parser of texts. On a command line broken UTF-8 is a lone surrogate."""
    return lambda content, _: read(content.decode("utf-8", "surrogateescape"))


def file_of(read: Callable[[Path], object], name: str) -> Callable[[bytes, Path], object]:
    def parse(content: bytes, folder: Path) -> object:
        (folder / name).write_bytes(content)
        return read(folder / name)

    return parse


def in_run(read: Callable[[Path], object], name: str) -> Callable[[bytes, Path], object]:
    """Reads a run's folder in which all files but one are valid."""

    def parse(content: bytes, folder: Path) -> object:
        run = folder / "run"
        if not run.exists():
            write_run(run, [request()])
        (run / name).write_bytes(content)
        return read(run)

    return parse


def stack_at(place: str) -> Callable[[bytes, Path], object]:
    """Reads a stack file as if it were among the fixtures, so that the files that it names exist."""

    def parse(content: bytes, folder: Path) -> object:
        beside = folder / "fixtures" / "dog_breed"
        if not beside.exists():
            beside.mkdir(parents=True)
            for name in ("policies", "lambda", "responses", "build.py", "event.json"):
                (beside / name).symlink_to(ROOT / "fixtures" / "dog_breed" / name)
            (folder / "loadtests").symlink_to(ROOT / "loadtests")
            own = folder / "fixtures" / "writeups" / "x" / "lambda"  # one of the stacks has its own function
            own.mkdir(parents=True)
        file = folder / "fixtures" / place / "stack.toml"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        return load_stack(file)

    return parse


def state_file(content: bytes, folder: Path) -> object:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(STATE_VARIABLE, str(folder))
        (folder / "1").mkdir(exist_ok=True)
        (folder / "1" / "state.json").write_bytes(content)
        return find(1)


def verified(head: Head, content: bytes) -> object:
    """Reads a request's credential, signature and operation."""
    credential = credential_of(head)
    if credential is not None:
        message = Message(head.method, head.path, head.query, head.headers, content)
        find_fault(signature_of(head), message, "secret", 1_770_000_000.0)
    return identify(head, content)


def authorization_header(content: bytes, _: Path) -> object:
    headers = {"authorization": content.decode("latin-1"), "x-amz-date": "20260101T000000Z"}
    return verified(Head("GET", "/2015-03-31/functions", "", headers), b"")


def presigned_query(content: bytes, _: Path) -> object:
    return verified(Head("GET", "/bucket/key", content.decode("latin-1"), {}), b"")


def unsigned_request(content: bytes, _: Path) -> object:
    text = content.decode("latin-1")
    verified(Head("GET", text, "", {"host": text, "x-amz-target": text, "content-type": text}), b"")
    return verified(Head("POST", "/", text, {"content-type": "application/x-www-form-urlencoded"}), content)


def recorded_place(url: str) -> object:
    """Reads a request target. One that is not ASCII is refused before."""
    return location(url), how_to_record([Path("/r")], url)


def unpacked_zip(content: bytes, folder: Path) -> object:
    package, target = Package(content), folder / "code"
    try:
        assert package.unpacked_size >= 0
        package.unpack(target)
    finally:
        remove_folder(target)
    return None


def unpacked_tar(content: bytes, folder: Path) -> object:
    archive, target = folder / "model.tar.gz", folder / "model"
    archive.write_bytes(content)
    try:
        unpack(archive, target)
    finally:
        remove_folder(target)
    return None


def a_zip() -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("lambda_function.py", "def lambda_handler(event, context):\n    return 1\n")
        archive.writestr("folder/data.txt", "x" * 1000)
    return made.getvalue()


def a_tar(mode: Any = "w:gz") -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode=mode) as archive:
        for name, body in (("model.pth", b"x" * 1000), ("code/inference.py", b"import torch\n")):
            member = tarfile.TarInfo(name)
            member.size = len(body)
            archive.addfile(member, io.BytesIO(body))
    return made.getvalue()


def a_histogram() -> Histogram:
    made = Histogram()
    for value in (0.001, 0.002, 0.5, 30.0):
        made.record(value, 3)
    return made


def histogram_log(folder: Path) -> bytes:
    made = LatencyLog()
    made.record("lambda", "dog-breed", 0.1)
    made.record("endpoint", "a:b c", 0.2)
    made.write(folder, 1.0, 2.0)
    return (folder / HISTOGRAMS).read_bytes()


def of_run(name: str, folder: Path) -> bytes:
    return (write_run(folder, [request(), request(error="Throttled(429)", status=429)]) / name).read_bytes()


def compact(document: Any) -> bytes:
    return json.dumps(document).encode()


ARN = "arn:aws:iam::123456789012:role/some-role"
POLICY: dict[str, Any] = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Sid": "One",
            "Effect": "Allow",
            "Action": ["s3:GetObject", "sagemaker:Invoke*"],
            "Resource": "arn:aws:s3:::bucket/${aws:username}/*",
            "Condition": {"IpAddress": {"aws:SourceIp": ["10.0.0.0/8"]}, "NumericLessThan": {"s3:max-keys": 10}},
        }
    ],
}
TRUST = {
    "Version": "2012-10-17",
    "Statement": {
        "Effect": "Allow",
        "Principal": {"Service": "lambda.amazonaws.com", "AWS": [ARN, "123456789012"]},
        "Action": "sts:AssumeRole",
        "Condition": {"DateGreaterThan": {"aws:CurrentTime": "2026-01-01T00:00:00Z"}},
    },
}
GRANT = {**POLICY, "Statement": {"Principal": "*", **POLICY["Statement"][0]}}
HISTORY = {
    "account": "123456789012",
    "region": "us-east-1",
    "calls": [
        {
            "principal": ARN, "action": "s3:GetObject", "resource": "arn:aws:s3:::b/k", "allowed": True,
            "kind": "allow", "policy": "p", "statement": 0, "reason": "", "context": {"s3:prefix": ["a"]}, "count": 2,
        }
    ],
    "roles": {ARN: {"p": POLICY}},
    "left_out": 0,
}  # fmt: skip
LOCAL = {
    "instances": "twin", "server": "torchserve", "responses": None, "containers": ["http://model-1:8080"],
    "profile": a_profile().model_dump(mode="json"), "provisioning_seconds": 1.5, "serve_unready": False,
}  # fmt: skip
AUTHORIZATION = (
    b"AWS4-HMAC-SHA256 Credential=AKIAEXAMPLE/20260101/us-east-1/lambda/aws4_request, "
    b"SignedHeaders=host;x-amz-date, Signature=" + b"ab" * 32
)
PRESIGNED = (
    b"X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAEXAMPLE%2F20260101%2Fus-east-1%2Fs3%2Faws4_request"
    b"&X-Amz-Date=20260101T000000Z&X-Amz-Expires=60&X-Amz-SignedHeaders=host&X-Amz-Signature=" + b"ab" * 32
)
CSV = b"timestamp,requests\n2026-01-01T00:00:00Z,10\n2026-01-01T00:01:00Z,20\n1767225720,30\n"
CLOUDWATCH = {
    "MetricDataResults": [
        {
            "Id": "m1", "Label": "Invocations",
            "Timestamps": ["2026-01-01T00:01:00+00:00", "2026-01-01T00:00:00+00:00"], "Values": [2.0, 1.0],
        }
    ]
}  # fmt: skip
ANSWER = {"statusCode": 200, "headers": {"a": "b"}, "cookies": ["c"], "body": "e30=", "isBase64Encoded": True}
STATE = {"url": "http://127.0.0.1:4566", "pid": 1, "started": 1.0, "region": "us-east-1", "key": None}
GENERATOR = b'{"null": {"cpu_s": 0.1, "p50_s": 0.1, "p99_s": 0.2}}\n' + compact(
    {"at": 1.0, "cpu": 0.5, "outstanding": 1, "lag": a_histogram().encode()}
)
JSON = (bent_text, bent_json)
TOML = (bent_text, bent_toml)


def parsers(folder: Path) -> dict[str, Parser]:
    """Every parser, by name. folder: for examples in files."""
    return {
        "stack file": Parser(stack_at("dog_breed"), HarnessError, (DOG_BREED.read_bytes(),), TOML, lines=True),
        "write-up's stack file": Parser(
            stack_at("writeups/x"), HarnessError, tuple(file.read_bytes() for file in WRITEUPS), TOML, lines=True
        ),
        "places in TOML": Parser(text_of(TomlLines), (), (DOG_BREED.read_bytes(),), TOML),
        "prices": Parser(
            file_of(read_prices, "prices.toml"),
            HarnessError,
            (b'as_of = "2026-01-01"\nlambda_request = 0.1\n\n[instance_hour]\n"ml.m5.large" = 0.2\n',),
            TOML,
        ),
        "duration": Parser(text_of(parse_duration), HarnessError, (b"1.5s", b"300ms", b"10 min"), alphabet="012.smhd "),
        "rate": Parser(text_of(parse_rate), HarnessError, (b"20/s", b"1200 / min"), alphabet="0123./smhd "),
        "share": Parser(text_of(parse_share), HarnessError, (b"0.1%", b"0.001"), alphabet="0123.% "),
        "traffic expression": Parser(
            text_of(read_traffic),
            HarnessError,
            (b"constant:20/s:1h", b"ramp:1/s..20/s:30min", b"steps:5/s,20/s:3h", b"spike:5/s..50/s:2h:1h:10min",
             b"daily:2/s..40/s:2d"),
            alphabet="dailyspke:0123./smhd, ",
        ),
        "trace, CSV": Parser(file_of(read_trace, "trace.csv"), HarnessError, (CSV,), alphabet="0123456789-T:Z,\n\" "),
        "trace, gzipped": Parser(file_of(read_trace, "trace.csv.gz"), HarnessError, (gzip.compress(CSV, mtime=0),)),
        "trace, CloudWatch": Parser(file_of(read_trace, "trace.json"), HarnessError, (compact(CLOUDWATCH),), JSON),
        "profile": Parser(
            file_of(read_profile, "profile.json"), HarnessError, (a_profile().to_json().encode(),), JSON
        ),
        "plan": Parser(file_of(read_plan, "plan.json"), HarnessError, (a_plan().model_dump_json().encode(),), JSON),
        "run's manifest": Parser(
            in_run(read_run, "manifest.json"), HarnessError, (of_run("manifest.json", folder),), JSON
        ),
        "run's requests": Parser(
            in_run(read_run, "requests.arrow"), HarnessError, (of_run("requests.arrow", folder),)
        ),
        "run's generator log": Parser(in_run(read_run, "generator.jsonl"), (), (GENERATOR,)),
        "run's latencies": Parser(in_run(read_latency_log, HISTOGRAMS), (), (histogram_log(folder),)),
        "run's calls": Parser(in_run(recorded_history, ACCESS_FILE), HarnessError, (compact(HISTORY),), JSON),
        "histogram": Parser(
            text_of(Histogram.decode), ValueError, (a_histogram().encode().encode(), Histogram().encode().encode())
        ),
        "state of a local AWS": Parser(state_file, (), (compact(STATE),), JSON),
        "policy": Parser(text_of(lambda text: parse_policy("p", text)), MalformedPolicy, (compact(POLICY),), JSON),
        "resource policy": Parser(
            text_of(lambda text: parse_policy("p", text, "resource")), MalformedPolicy, (compact(GRANT),), JSON
        ),
        "trust policy": Parser(
            text_of(lambda text: parse_policy("p", text, "trust")), MalformedPolicy, (compact(TRUST),), JSON
        ),
        "authorization header": Parser(
            authorization_header, AwsError, (AUTHORIZATION,), alphabet="AWS4-HMAC-SHA256 Credential=/,;%"
        ),
        "presigned URL": Parser(presigned_query, AwsError, (PRESIGNED,), alphabet="X-Amz-Credential=/&%;?[]"),
        "unsigned request": Parser(
            unsigned_request, AwsError, (b"Action=GetCallerIdentity&Version=2011-06-15",), alphabet="/?&=%.-AS:"
        ),
        "function's name": Parser(
            text_of(lambda text: parse_name(text, None, account="123456789012", region="us-east-1")),
            AwsError,
            (b"arn:aws:lambda:us-east-1:123456789012:function:f:live", b"f:$LATEST"),
            alphabet="arn:aws:lambda:us-east-1:123456789012:function:f$/",
        ),
        "layers": Parser(
            text_of(lambda text: Layers().resolve([text], "us-east-1")),
            AwsError,
            (b"arn:aws:lambda:us-east-1:123456789012:layer:l:1",),
            alphabet="arn:aws:lambda:us-east-1:123456789012:layer:l:1",
        ),
        "entity's ARN": Parser(
            text_of(parse_caller),
            AwsError,
            (ARN.encode(),),
            alphabet="arn:aws:iam::123456789012:role/r",
        ),
        "scalable resource": Parser(
            text_of(
                lambda text: (
                    parse_resource("sagemaker", text, VARIANT_DIMENSION),
                    parse_resource("lambda", text, ALIAS_DIMENSION),
                )
            ),
            (),
            (b"endpoint/e/variant/v", b"function:f:live"),
        ),
        "schedule": Parser(
            text_of(lambda text: (schedule := parse_schedule(text, "Europe/Berlin", 0.0)) and schedule.after(1.77e9)),
            ValueError,
            (b"cron(0 12 ? * MON-FRI *)", b"cron(0/15 8-17 L * ? 2026)", b"rate(5 minutes)", b"at(2026-01-01T00:00:00)",
             b"cron(0 0 ? * 6#3 *)", b"cron(0 0 15W * ? *)"),
            alphabet="cronratemius()0123456789*?/-,LW#: ",
        ),
        "time zone": Parser(
            text_of(lambda text: parse_schedule("rate(1 minute)", text, 0.0)), ValueError, (b"Europe/Berlin", b"UTC")
        ),
        "event": Parser(
            lambda content, _: check_event(content, "Event"), AwsError, (b'{"url": "x"}', b"[1.5, null]"), JSON
        ),
        "client context": Parser(text_of(client_context), AwsError, (b"eyJhIjogMX0=", b"W1tdXQ==")),
        "handler's answer over a URL": Parser(
            lambda content, _: response(InvocationResult(content)) if _is_json(content) else None,
            (),
            (compact(ANSWER), b'"text"'),
            (bent_json,),
        ),
        "local settings": Parser(
            lambda content, _: read_local_settings(found) if isinstance(found := _loaded(content), dict) else None,
            LocalSettingsError,
            (compact(LOCAL),),
            (bent_json,),
        ),
        "load's target": Parser(
            text_of(
                lambda text: target_from(
                    {"AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s", "AWS_DEFAULT_REGION": "r"}, text
                )
            ),
            HarnessError,
            (b"http://127.0.0.1:4566", b"http://[::1]:80/x"),
            alphabet="http://[]127.0.0.1:@?#",
        ),
        "recorded response's URL": Parser(
            lambda content, _: recorded_place(content.decode("latin-1")),
            (),
            (b"http://example.com/a?b=c", b"https://[::1]:8443/x/"),
            alphabet="http://[]example.com:@?#%..",
        ),
        "function's zip": Parser(unpacked_zip, AwsError, (a_zip(),)),
        "model.tar.gz": Parser(unpacked_tar, ModelDataError, (a_tar(), a_tar("w"))),
    }  # fmt: skip


def _loaded(content: bytes) -> Any:
    try:
        return json.loads(content)
    except ValueError:
        return None


def _is_json(content: bytes) -> bool:
    """The runtime always passes on a handler's answer as JSON."""
    return _loaded(content) is not None


with tempfile.TemporaryDirectory() as _examples:
    PARSERS = parsers(Path(_examples))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("inputs")


@pytest.mark.parametrize("name", PARSERS)
@EVERY
@given(data=st.data())
@pytest.mark.unmeasured
def test_it_reads_or_says_why_not(folder: Path, name: str, data: st.DataObject) -> None:
    parser, folder = PARSERS[name], folder / name
    folder.mkdir(exist_ok=True)
    inputs = st.one_of(*(bend(parser.examples) for bend in parser.bends), noise(parser.alphabet))
    try:
        parser.read(data.draw(inputs), folder)
    except parser.raises as error:
        clear(error)
        assert parser.lines or not isinstance(error, HarnessError) or "\n" not in str(error), str(error)


@pytest.mark.parametrize("name", PARSERS)
def test_the_examples_are_read(folder: Path, name: str) -> None:
    parser, folder = PARSERS[name], folder / name
    folder.mkdir(exist_ok=True)
    for example in parser.examples:
        try:
            parser.read(example, folder)
        except AwsError as error:  # well formed, and the name of nothing, or of nobody
            assert error.code in ("InvalidParameterValueException", "MissingAuthenticationTokenException"), error
