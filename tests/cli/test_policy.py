"""`harness policy check` and `generate`, by a recorded run and by a run of their own."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from harness.cli.access_history import run_stack, with_policies
from harness.cli.main import main
from harness.core.progress import Steps
from harness.stack.file import load_stack
from harness.testing.stacks import twins_for_tests
from tests.access.rules.advice.writeups import FIXTURES, run_history

SAMPLE = Path(__file__).parents[2] / "docs" / "sample-project"


def harness(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["policy", *map(str, arguments)])


@pytest.fixture(autouse=True)
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    """The terminal's width, whatever it is where the tests run: a long action is not broken in two."""
    monkeypatch.setenv("COLUMNS", "200")


@pytest.fixture
def recorded(tmp_path: Path) -> Path:
    """A run of write-up B's stack, whose function has full access to Lambda and SageMaker."""
    write(tmp_path, run_history(load_stack(stack_file("b"))).document())
    return tmp_path


def write(folder: Path, document: dict[str, Any]) -> None:
    (folder / "access.json").write_text(json.dumps(document))


def stack_file(name: str) -> Path:
    return FIXTURES / "writeups" / name / "stack.toml"


class TestCheck:
    def test_it_says_what_was_used_what_never_and_what_a_thief_could_do(self, recorded: Path) -> None:
        result = harness("check", stack_file("b"), "--run", recorded)
        assert result.exit_code == 0, result.output
        output = " ".join(result.stdout.split())
        assert "writeup-b-lambda: 2 of the 48 statements of its policies decided a call, 46 never did." in output
        assert "used for sagemaker:InvokeEndpoint" in output
        assert "1-10, 12-43 never 42 statements" in output
        assert "What somebody with the credentials of writeup-b-lambda could do" in output
        assert "read objects in S3 s3:GetObject" in output
        assert "create VPC endpoints, and" in output
        assert "read secrets" in output
        assert "Service wildcard 'lambda:*'" in output
        assert f"harness policy generate {stack_file('b')}" in output

    def test_it_fits_the_page(self, recorded: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("COLUMNS", "80")
        result = harness("check", stack_file("b"), "--run", recorded)
        *lines, last = result.stdout.splitlines()
        assert max(len(line) for line in lines) <= 80
        assert last.startswith("The smallest policies")

    def test_a_call_that_was_denied_is_named_with_the_reason_and_fails(self, tmp_path: Path) -> None:
        document = run_history(load_stack(stack_file("e"))).document()
        document["calls"][0].update(allowed=False, policy="", statement=None, reason="no session policy allows it")
        write(tmp_path, document)
        result = harness("check", stack_file("e"), "--run", tmp_path)
        assert result.exit_code == 1
        output = " ".join(result.stdout.split())
        assert "Calls that were denied, or would be on AWS" in output
        assert "writeup-e-lambda sagemaker:InvokeEndpoint" in output


class TestGenerate:
    def test_the_smallest_policy_of_each_role(self, recorded: Path) -> None:
        result = harness("generate", stack_file("b"), "--run", recorded, "--no-proof")
        policies = json.loads(result.stdout)
        expected = json.loads((FIXTURES / "writeups" / "b" / "findings.json").read_text())["enough"]
        assert policies["writeup-b-lambda"] == {"Version": "2012-10-17", "Statement": expected}
        assert policies["writeup-b-sagemaker"]["Statement"]

    def test_files_for_your_own_account(self, recorded: Path, tmp_path: Path) -> None:
        out = tmp_path / "out"
        result = harness(
            "generate", stack_file("b"), "--run", recorded, "--no-proof", "--out", out, "--account", "210987654321"
        )
        assert result.exit_code == 0, result.output
        assert ":210987654321:endpoint/" in (out / "writeup-b-lambda.json").read_text()

    @pytest.mark.parametrize(
        ("arguments", "sentence"),
        [
            (("--account", "12"), "--account is a number of twelve digits, not '12'."),
            (("--run", "x", "--live"), "give one of them"),
            (("--run", "nowhere"), "no run begins with nowhere: `harness runs` lists them"),
        ],
    )
    def test_bad_input_gets_one_sentence(self, arguments: tuple[str, ...], sentence: str) -> None:
        result = harness("generate", stack_file("b"), *arguments)
        assert result.exit_code != 0
        assert sentence in result.output
        assert "Traceback" not in result.output

    def test_a_file_that_is_no_record_of_calls(self, tmp_path: Path) -> None:
        for text in ("{", "[]", '{"calls": 5}'):
            (tmp_path / "access.json").write_text(text)
            result = harness("check", stack_file("b"), "--run", tmp_path)
            assert result.exit_code != 0
            assert "access.json is" in result.output


class TestARunOfItsOwn:
    """The sample project on twins: deployed and invoked once, then again with what the first run says is enough."""

    @pytest.mark.unmeasured
    def test_the_smallest_policies_are_enough_and_one_action_less_is_not(self, tmp_path: Path) -> None:
        from harness.access.rules.advice.smallest import smallest_policy
        from harness.access.rules.advice.usage import denied_calls

        folder = tmp_path / "project"
        shutil.copytree(SAMPLE, folder)
        stack = twins_for_tests(load_stack(folder / "stack.toml"), tmp_path, [21.0])
        unbuilt = {name: model.model_copy(update={"build": None}) for name, model in stack.models.items()}
        stack = stack.model_copy(update={"models": unbuilt})
        first = run_stack(stack, Steps(), "the sample project")
        assert (first.error, first.history.left_out) == ("", 0)
        roles = {name: arn for name in stack.roles if (arn := first.history.role_arn(name)) is not None}
        smallest = {
            name: smallest_policy(first.history.calls_of(arn), first.history.account) for name, arn in roles.items()
        }
        again = run_stack(with_policies(stack, smallest, tmp_path), Steps(), "with the smallest policies")
        assert (again.error, [call for arn in roles.values() for call in denied_calls(again.history, arn)]) == ("", [])
        lambda_role = smallest["taxi-fares-lambda"]
        lambda_role["Statement"] = [
            statement for statement in lambda_role["Statement"] if statement["Action"] != "sagemaker:InvokeEndpoint"
        ]
        less = run_stack(with_policies(stack, smallest, tmp_path), Steps(), "with one action less")
        assert less.error
        assert [call.action for call in denied_calls(less.history, roles["taxi-fares-lambda"])] == [
            "sagemaker:InvokeEndpoint"
        ]
