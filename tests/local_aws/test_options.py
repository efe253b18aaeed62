"""A wrong option of a local AWS is refused in a sentence before anything starts."""

from __future__ import annotations

from typing import Any

import pytest
from click.testing import CliRunner

from harness.cli.main import main
from harness.core.errors import HarnessError
from harness.local_aws.options import HIGHEST_SPEED, LocalAwsOptions

LOCALSTACK = "http://127.0.0.1:4567"


@pytest.mark.parametrize(
    ("option", "sentence"),
    [
        ({"host": ""}, "The address to listen on is empty"),
        ({"port": 65_536}, "A port is a number up to 65535, not 65536."),
        ({"port": -1}, "A port is a number up to 65535, not -1."),
        ({"speed": 0.0}, "A speed is a number above 0 and up to 1000, not 0."),
        ({"speed": float("nan")}, "A speed is a number above 0 and up to 1000, not nan."),
        ({"speed": HIGHEST_SPEED * 2.0}, "not 2000."),
        ({"region": ""}, "AWS has no region ''"),
        ({"region": "mars"}, "AWS has no region 'mars' with SageMaker; there are, for example: us-east-1"),
        ({"region": "eu-west-9"}, "there are, for example: eu-west-"),
        ({"functions": "localstack"}, "no backend is given: say where it listens, with --backend-url"),
        ({"containers": ("nonsense",)}, 'running container must be like http://model-1:8080, not "nonsense".'),
        ({"containers": ("http://a:1", "ftp://b")}, 'must be like http://model-1:8080, not "ftp://b".'),
    ],
)
def test_an_option_that_no_local_aws_can_have_is_refused(option: dict[str, Any], sentence: str) -> None:
    with pytest.raises(HarnessError) as refused:
        LocalAwsOptions(**option)
    assert sentence in str(refused.value)


@pytest.mark.parametrize(
    "option",
    [
        {"region": "eu-central-1"},
        {"region": "cn-north-1"},
        {"containers": ("http://model:8080",)},
        {"functions": "localstack", "backend_url": LOCALSTACK},
        {"port": 0},
    ],
)
def test_what_a_local_aws_can_be(option: dict[str, Any]) -> None:
    LocalAwsOptions(**option)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["up", "--port", "99999"], "99999 is not in the range 0<=x<=65535"),
        (["up", "--port", "99999", "--foreground"], "99999 is not in the range 0<=x<=65535"),
        (["down", "--port", "99999"], "99999 is not in the range 0<=x<=65535"),
        (["up", "--speed", "nan"], "'nan' is not a finite number."),
        (["up", "--region", ""], "Error: AWS has no region ''"),
        (["up", "--containers", "nonsense"], 'not "nonsense".'),
        (["up", "--lambda", "localstack"], "no backend is given"),
        (["plan", "stack.toml", "--traffic", "x", "--p99", "1s", "--speed", "nan"], "'nan' is not a finite number."),
        (["measure", "stack.toml", "--max-cost", "nan"], "'nan' is not a finite number."),
        (["measure", "stack.toml", "--max-cost", "0"], "0.0 is not in the range x>0"),
        (["measure", "stack.toml", "--max-requests", "0"], "0 is not in the range x>=1"),
        (
            ["plan", "stack.toml", "--traffic", "x", "--p99", "1s", "--dask", "foo"],
            "'foo' is not a scheduler's address",
        ),
    ],
)
def test_the_command_says_it_before_it_starts_anything(arguments: list[str], sentence: str) -> None:
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code in (1, 2)
    assert sentence in result.stderr
    assert result.stdout == ""
    assert "Bringing" not in result.stderr
