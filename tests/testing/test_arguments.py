"""A wrong argument of what the plugin gives is named in a sentence, whatever was passed in its place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from harness.core.errors import HarnessError
from harness.testing.access import assert_allowed, assert_denied
from harness.testing.clock import HarnessClock
from harness.testing.load import Load, LoadResult

ALLOWS = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]}
OBJECT = "arn:aws:s3:::bucket/key"


@pytest.mark.parametrize("check", [assert_allowed, assert_denied])
@pytest.mark.parametrize(
    ("arguments", "error", "sentence"),
    [
        ({"policies": 5}, TypeError, "a policy is a file's path, a document, its text, or the ARN of one of AWS's own"),
        ({"policies": None}, TypeError, "or several, not NoneType None"),
        ({"policies": [5]}, TypeError, "not int 5"),
        ({"policies": "none.json"}, ValueError, r"the policy 'none\.json' cannot be read as a file \(No such file"),
        ({"policies": "/"}, ValueError, "the policy '/' cannot be read as a file"),
        ({"policies": "arn:aws:iam::123456789012:policy/x"}, ValueError, r"give its document, or policies_of\(iam"),
        ({"action": 5}, TypeError, "action is a text, not int 5"),
        ({"action": "GetObject"}, ValueError, "AWS has no action 'GetObject'"),
        ({"resource": 5}, TypeError, "resource is a text, not int 5"),
        ({"resource": [OBJECT]}, TypeError, "resource is a text, not list"),
        ({"resource": "bucket/key"}, ValueError, "resource is an ARN, such as .*, not 'bucket/key'"),
        ({"resource": ""}, ValueError, "resource is an ARN, such as .*, not ''"),
        ({"principal": "bob"}, ValueError, "principal is the ARN of a user or role, such as .*, not 'bob'"),
        ({"principal": 5}, TypeError, "principal is a text, not int 5"),
        ({"context": "aws:SourceIp=10.0.0.1"}, TypeError, "context has values by condition keys, such as .*, not str"),
        ({"context": {5: "x"}}, TypeError, "context has values by condition keys"),
        ({"context": {"aws:SourceIp": None}}, TypeError, "aws:SourceIp in context has a text, a number, .*, not None"),
        ({"boundary": 5}, TypeError, "a policy is .*, not int 5"),
        ({"session": "none.json"}, ValueError, "cannot be read as a file"),
        ({"resource_policy": [ALLOWS]}, TypeError, "a policy is .*, not list"),
    ],
)
def test_of_an_assertion_about_policies(check: Any, arguments: Any, error: type[Exception], sentence: str) -> None:
    with pytest.raises(error, match=sentence):
        check(**{"policies": ALLOWS, "action": "s3:GetObject", "resource": OBJECT, **arguments})


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"rate": 0}, "rate is a number above 0, not 0."),
        ({"rate": "20/s"}, "rate is a number above 0, not '20/s'."),
        ({"rate": float("nan")}, "rate is a number above 0, not nan."),
        ({"seconds": -1}, "seconds is a number above 0, not -1."),
        ({"seconds": True}, "seconds is a number above 0, not True."),
        ({"via": "function"}, "via is lambda or endpoint, not 'function'."),
        ({"spacing": "random"}, "spacing is poisson or even, not 'random'."),
    ],
)
def test_of_a_load(tmp_path: Path, arguments: dict[str, Any], sentence: str) -> None:
    load: Any = Load(None, tmp_path / "runs")  # type: ignore[arg-type]
    with pytest.raises(HarnessError) as refused:
        load(**{"rate": 1, "seconds": 1, **arguments})
    assert str(refused.value) == sentence
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"p95": "200ms"}, "p95 is a number of 0 or more, not '200ms'"),
        ({"p50": -1}, "p50 is a number of 0 or more, not -1"),
        ({"errors": 5}, "errors is a share of the requests, from 0 to 1, not 5"),
    ],
)
def test_of_an_assertion_about_a_load(tmp_path: Path, arguments: dict[str, Any], sentence: str) -> None:
    result = LoadResult(tmp_path, 10, {}, (0.1,) * 10, ())
    with pytest.raises(ValueError, match=sentence):
        result.assert_within(**arguments)


@pytest.mark.parametrize("value", ["fast", None, True, float("nan"), -1])
def test_of_the_clock(value: Any) -> None:
    clock = HarnessClock("http://127.0.0.1:9")  # which nobody asks
    with pytest.raises(HarnessError, match="advances by a number of seconds of 0 or more, not"):
        clock.advance(value)
    with pytest.raises(HarnessError, match="speed"):
        clock.speed = value
