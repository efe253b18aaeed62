"""The log of a function, in LogResult and in the backend's CloudWatch Logs."""

import re

import pytest

from harness.backend import logs
from harness.functions.process import Process
from tests.functions.conftest import Lambda, eventually

INIT_START = (
    r"INIT_START Runtime Version: python:3\.11\.v\d+\tRuntime Version ARN: arn:aws:lambda:us-east-1::runtime:\w+\n"
)


async def test_a_log_stream_as_aws_writes_it(lambda_: Lambda) -> None:
    # After LocalStack's AWS-validated snapshot of test_invocation_type_event_error.
    name = await lambda_.create(
        """
        class NoSuchDog(Exception): pass
        def handler(event, context):
            print("looking")
            raise NoSuchDog("some error occurred")
        """
    )
    first, second = await lambda_.invoke(name), await lambda_.invoke(name)
    (events,) = await lambda_.events(name)
    assert re.fullmatch(INIT_START, events.pop(0))
    assert events[0:2] == [f"START RequestId: {first.request_id} Version: $LATEST\n", "looking\n"]
    traceback = events[2].splitlines()
    assert traceback[:2] == ["[ERROR] NoSuchDog: some error occurred", "Traceback (most recent call last):"]
    assert traceback[3].startswith("\u00a0\u00a0\u00a0\u00a0raise NoSuchDog")
    assert events[3] == f"END RequestId: {first.request_id}\n"
    report = rf"REPORT RequestId: {first.request_id}\tDuration: [\d.]+ ms\tBilled Duration: \d+ ms\t"
    memory = r"Memory Size: 128 MB\tMax Memory Used: \d+ MB\t"
    assert re.fullmatch(report + memory + r"Init Duration: [\d.]+ ms\t\n", events[4])
    assert events[5] == f"START RequestId: {second.request_id} Version: $LATEST\n"
    assert re.fullmatch(report.replace(first.request_id, second.request_id) + memory + r"\n", events[9])
    assert len(events) == 10


async def test_the_tail_has_only_the_lines_of_its_invocation(lambda_: Lambda) -> None:
    name = await lambda_.create("print('at import')\ndef handler(event, context): print('event', event)")
    assert (await lambda_.invoke(name, 1)).log.startswith("at import\nSTART RequestId")
    second = (await lambda_.invoke(name, 2)).log.splitlines()
    assert second[1] == "event 2"
    assert len(second) == 4


async def test_output_still_in_the_pipe_at_the_answer_belongs_to_the_invocation(
    lambda_: Lambda, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Process, "_read", lambda _process: None)  # nothing has been read when the answer comes
    name = await lambda_.create("def handler(event, context): print('x' * event)")
    for length in (10, 60_000):
        assert (await lambda_.invoke(name, length)).log.splitlines()[-3].endswith("x" * min(length, 3_000))


async def test_emoji_crlf_standard_error_the_logger_and_unfinished_lines(lambda_: Lambda) -> None:
    name = await lambda_.create(
        r"""
        import logging, os, subprocess, sys
        def handler(event, context):
            sys.stdout.write("🐶 first\r\nsecond\r\n")
            print("to stderr", file=sys.stderr)
            logging.warning("one message\nof two lines")
            subprocess.run(["echo", "from a child"])
            os.write(1, b"\xff raw\n")
            sys.stdout.write("no end")
        """
    )
    await lambda_.invoke(name)
    (events,) = await lambda_.events(name)
    assert events[2:6] == ["🐶 first\r\n", "second\r\n", "to stderr\n", events[5]]
    assert re.fullmatch(r"\[WARNING\]\t[\dT:.-]+Z\t[0-9a-f-]{36}\tone message\nof two lines\n", events[5])
    assert events[6:9] == ["from a child\n", "\ufffd raw\n", "no end"]
    assert events[9].startswith("END RequestId")


@pytest.mark.unmeasured
async def test_a_flood_of_output_costs_neither_the_answer_nor_memory(lambda_: Lambda) -> None:
    name = await lambda_.create(
        "import os\ndef handler(event, context):\n    for _ in range(400):\n        os.write(1, b'flood\\n' * 5_000)\n"
        "    print('last')\n    return 'dry'",
        Timeout=60,
    )
    answer = await lambda_.invoke(name)
    assert answer.payload == "dry"
    assert len(answer.log.encode()) == 4_096
    assert "\nlast\nEND RequestId" in answer.log
    assert sum(len(text) + logs.EVENT_MEMORY for _, text in _pending(lambda_)) <= logs.PENDING_LIMIT


def _pending(lambda_: Lambda) -> list[logs.Event]:
    return [event for events in lambda_.service._logs._pending.values() for event in events]


async def test_lines_of_a_process_that_dies_are_kept(lambda_: Lambda) -> None:
    name = await lambda_.create(
        "import os\ndef handler(event, context):\n    os.write(1, b'last words')\n    os.abort()"
    )
    answer = await lambda_.invoke(name)
    assert f"last words\nRequestId: {answer.request_id} Error: Runtime exited with error: signal: aborted" in answer.log


async def test_a_log_group_of_the_users_own(lambda_: Lambda) -> None:
    name = await lambda_.create(LoggingConfig={"LogGroup": "/dogs/own"})
    await lambda_.invoke(name)
    await lambda_.service.flush_logs()
    streams = await lambda_.backend.call("logs", "describe_log_streams", logGroupName="/dogs/own")
    assert len(streams["logStreams"]) == 1


async def test_logs_are_written_at_intervals_and_the_rest_at_close(lambda_: Lambda) -> None:
    lambda_.service._logs._flush_seconds = 0.05
    name = await lambda_.create()
    await lambda_.invoke(name)
    client, prefix = lambda_.backend.client("logs"), f"/aws/lambda/{name}"
    await eventually(lambda: bool(client.describe_log_groups(logGroupNamePrefix=prefix)["logGroups"]))
    lambda_.service._logs._flush_seconds = 100
    await lambda_.invoke(name)
    await lambda_.service.close()
    (events,) = await lambda_.events(name)
    assert [event.split()[0] for event in events] == ["INIT_START", "START", "END", "REPORT", "START", "END", "REPORT"]
