"""A run with failed requests says why, in a sentence for each cause."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.load.failures import causes
from harness.load.runs import read_run
from tests.load.recorded import request, write_run


@pytest.mark.parametrize(
    ("error", "message", "sentence"),
    [
        (
            "ValidationError",
            "Endpoint nope of account 123456789012 not found.",
            "All 2 requests failed at dog-breed with ValidationError (Endpoint nope of account 123456789012 not "
            "found). Deploy it, or name another with --endpoint-name.",
        ),
        (
            "UnrecognizedClientException",
            "The security token included in the request is invalid.",
            "All 2 requests failed at dog-breed with UnrecognizedClientException (The security token included in the "
            "request is invalid). The credentials are not known there: set AWS_ACCESS_KEY_ID and "
            "AWS_SECRET_ACCESS_KEY, here to those that `harness up` prints.",
        ),
        (
            "Connection:reset",
            None,
            "All 2 requests failed at dog-breed with Connection:reset. The server hangs up in the middle: see its log "
            "(`harness up --foreground`).",
        ),
        ("ModelError(500)", "boom", "All 2 requests failed at dog-breed with ModelError(500) (boom)."),
    ],
)
def test_each_cause_says_what_to_do(tmp_path: Path, error: str, message: str | None, sentence: str) -> None:
    run = read_run(write_run(tmp_path, [request(error=error, message=message)] * 2))
    assert causes(run.requests, ["endpoint_name", "image"]) == [sentence]


@pytest.mark.parametrize(
    ("options", "advice"),
    [
        (["function_name", "endpoint_name"], "Deploy it, or name another with --function-name or --endpoint-name."),
        (["function_name", "event"], "Deploy it, or name another with --function-name."),
        ([], "Deploy it first."),
    ],
)
def test_only_options_that_the_locustfile_has_are_named(tmp_path: Path, options: list[str], advice: str) -> None:
    run = read_run(write_run(tmp_path, [request(error="ResourceNotFoundException")]))
    (sentence,) = causes(run.requests, options)
    assert sentence.endswith(f"ResourceNotFoundException. {advice}")


def test_the_commonest_cause_comes_first_and_unfinished_requests_are_no_cause(tmp_path: Path) -> None:
    failed = [request(error=f"E{number}") for number in range(5) for _ in range(number + 1)]
    not_failed = [request(), request(error="Unfinished"), request(error="Dropped")]
    sentences = causes(read_run(write_run(tmp_path, [*failed, *not_failed])).requests)
    assert [sentence.split(".")[0] for sentence in sentences] == [
        f"{count} of 18 requests failed at dog-breed with E{count - 1}" for count in (5, 4, 3)
    ]


def test_a_good_run_has_no_causes(tmp_path: Path) -> None:
    assert causes(read_run(write_run(tmp_path, [request()])).requests) == []
