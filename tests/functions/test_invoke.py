"""Invoke, with the real awslambdaric."""

import asyncio
import base64
import json
import re
from pathlib import Path

import pytest

from harness.core.errors import AwsError
from tests.functions.conftest import ACCOUNT, REGION, Lambda, eventually, make_call

ARN = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:"


async def test_the_handlers_answer_is_the_payload(lambda_: Lambda) -> None:
    name = await lambda_.create("def handler(event, context): return {'got': event}")
    answer = await lambda_.invoke(name, {"url": "🐶"}, LogType="None")
    assert answer.payload == {"got": {"url": "🐶"}}
    assert set(answer.response) == {"StatusCode", "Payload", "ExecutedVersion"}
    assert (answer.response["StatusCode"], answer.response["ExecutedVersion"]) == (200, "$LATEST")


async def test_without_a_payload_the_event_is_an_empty_object(lambda_: Lambda) -> None:
    name = await lambda_.create()
    assert (await lambda_.invoke(name, Payload=b"")).response["Payload"] == b"{}"


async def test_a_handler_that_returns_nothing_answers_null(lambda_: Lambda) -> None:
    name = await lambda_.create("def handler(event, context): pass")
    assert (await lambda_.invoke(name)).response["Payload"] == b"null"


async def test_the_runtime_client_encodes_bytes_in_the_returned_dict(lambda_: Lambda) -> None:
    # The public starter code's Lambdas return the endpoint's body as bytes; awslambdaric encodes it.
    name = await lambda_.create("def handler(event, context): return {'body': b'[[1.5]]'}")
    assert (await lambda_.invoke(name)).payload == {"body": "[[1.5]]"}


async def test_the_context_object(lambda_: Lambda) -> None:
    name = await lambda_.create(
        """
        def handler(event, context):
            names = ["aws_request_id", "function_name", "function_version", "invoked_function_arn", "log_group_name",
                     "log_stream_name", "memory_limit_in_mb"]
            values = {name: getattr(context, name) for name in names}
            return values | {"left": context.get_remaining_time_in_millis(), "custom": context.client_context.custom}
        """,
        Timeout=30,
    )
    encoded = base64.b64encode(json.dumps({"custom": {"who": "Zoë"}}).encode()).decode()
    answer = await lambda_.invoke(f"{name}:$LATEST", ClientContext=encoded)
    context = answer.payload
    assert re.fullmatch(r"\d{4}/\d\d/\d\d/\[\$LATEST\][0-9a-f]{32}", context.pop("log_stream_name"))
    assert 29_000 < context.pop("left") <= 30_000
    assert context == {
        "aws_request_id": answer.request_id,
        "function_name": name,
        "function_version": "$LATEST",
        "invoked_function_arn": f"{ARN}{name}:$LATEST",
        "log_group_name": f"/aws/lambda/{name}",
        "memory_limit_in_mb": "128",
        "custom": {"who": "Zoë"},
    }


async def test_a_raised_exception_is_an_unhandled_function_error(lambda_: Lambda) -> None:
    name = await lambda_.create("def handler(event, context):\n    raise ValueError('no such dog')")
    for _ in range(2):  # a handler that always raises keeps its environment
        answer = await lambda_.invoke(name)
        assert (answer.error, answer.response["StatusCode"]) == ("Unhandled", 200)
        payload = answer.payload
        assert re.search(r'app.py", line 2, in handler\n    raise ValueError', payload.pop("stackTrace")[0])
        assert payload == {
            "errorMessage": "no such dog",
            "errorType": "ValueError",
            "requestId": answer.request_id,
        }
    assert "Init Duration" not in answer.log


@pytest.mark.parametrize(
    ("source", "handler", "error_type", "message"),
    [
        (
            "import no_such_module",
            "app.handler",
            "Runtime.ImportModuleError",
            "Unable to import module 'app': No module",
        ),
        ("x = 1", "app.handler", "Runtime.HandlerNotFound", "Handler 'handler' missing on module 'app'"),
        ("def handler(:", "app.handler", "Runtime.UserCodeSyntaxError", "Syntax error in module 'app'"),
        ("raise KeyError('at import')", "app.handler", "KeyError", "'at import'"),
        ("x = 1", "nodots", "Runtime.MalformedHandlerName", "Bad handler 'nodots'"),
    ],
)
async def test_code_that_cannot_be_loaded_is_a_function_error(
    lambda_: Lambda, source: str, handler: str, error_type: str, message: str
) -> None:
    name = await lambda_.create(source, Handler=handler)
    answer = await lambda_.invoke(name)
    assert answer.error == "Unhandled"
    assert answer.payload["errorType"] == error_type
    assert answer.payload["errorMessage"].startswith(message)
    # Lambda repeats a failed initialization inside the invocation; both are reported.
    assert re.search(
        rf"INIT_REPORT Init Duration: [\d.]+ ms\tPhase: init\tStatus: error\tError Type: {error_type}", answer.log
    )
    assert f"Phase: invoke\tStatus: error\tError Type: {error_type}" in answer.log


async def test_an_initialization_that_fails_once_is_repeated_in_the_invocation(lambda_: Lambda, tmp_path: Path) -> None:
    name = await lambda_.create(
        f"""
        import pathlib
        first = pathlib.Path({str(tmp_path)!r}, "first")
        if not first.exists():
            first.touch()
            raise RuntimeError("not yet")
        def handler(event, context): return "second try"
        """
    )
    answer = await lambda_.invoke(name)
    assert (answer.payload, answer.error) == ("second try", None)
    assert "Phase: init\tStatus: error\tError Type: RuntimeError" in answer.log
    assert "\tInit Duration" not in answer.log.splitlines()[-1]


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ("sys.exit(0)", "Runtime exited without providing a reason"),
        ("sys.exit(3)", "Runtime exited with error: exit status 3"),
        ("os._exit(1)", "Runtime exited with error: exit status 1"),
        ("os.kill(os.getpid(), 9)", "Runtime exited with error: signal: killed"),
        ("os.abort()", "Runtime exited with error: signal: aborted"),
    ],
)
async def test_a_process_that_ends_before_its_answer_is_a_function_error(
    lambda_: Lambda, statement: str, reason: str
) -> None:
    name = await lambda_.create(f"import os, sys\ndef handler(event, context):\n    {statement}")
    answer = await lambda_.invoke(name)
    assert answer.error == "Unhandled"
    assert answer.payload == {
        "errorType": "Runtime.ExitError",
        "errorMessage": f"RequestId: {answer.request_id} Error: {reason}",
    }
    assert f"RequestId: {answer.request_id} Error: {reason}\nRuntime.ExitError\nEND RequestId" in answer.log


async def test_a_module_that_ends_the_process_while_it_is_loaded(lambda_: Lambda) -> None:
    name = await lambda_.create("import sys\nsys.exit(4)")
    answer = await lambda_.invoke(name)
    assert answer.payload["errorMessage"].endswith("Error: Runtime exited with error: exit status 4")


async def test_a_response_has_at_most_6291556_bytes(lambda_: Lambda) -> None:
    name = await lambda_.create("def handler(event, context): return 'x' * event")
    assert len((await lambda_.invoke(name, 6_291_554)).response["Payload"]) == 6_291_556
    answer = await lambda_.invoke(name, 6_291_555)
    assert answer.error == "Unhandled"
    assert answer.payload == {
        "errorMessage": "Response payload size exceeded maximum allowed payload size (6291556 bytes).",
        "errorType": "Function.ResponseSizeTooLarge",
    }
    assert (await lambda_.invoke(name, 1)).payload == "x"


async def test_the_size_of_an_exception_is_limited_too(lambda_: Lambda) -> None:
    name = await lambda_.create("def handler(event, context): raise ValueError('x' * 7_000_000)")
    assert (await lambda_.invoke(name)).payload["errorType"] == "Function.ResponseSizeTooLarge"


async def test_a_large_event_reaches_the_handler_and_a_larger_one_does_not(lambda_: Lambda) -> None:
    name = await lambda_.create("def handler(event, context): return len(event)")
    assert (await lambda_.invoke(name, "x" * 6_291_454)).payload == 6_291_454
    with pytest.raises(AwsError, match="6291457 byte payload is too large for the RequestResponse"):
        await lambda_.invoke(name, "x" * 6_291_455)


async def test_a_payload_that_is_not_json_never_reaches_the_handler(lambda_: Lambda) -> None:
    name = await lambda_.create()
    with pytest.raises(AwsError, match="Could not parse request body into json"):
        await lambda_.invoke(name, Payload=b"{nope")


async def test_dry_run_checks_and_runs_nothing(lambda_: Lambda) -> None:
    name = await lambda_.create("raise SystemExit('never loaded')")
    answer = await lambda_.invoke(name, InvocationType="DryRun")
    assert answer.response == {"StatusCode": 204, "Payload": b""}
    with pytest.raises(AwsError, match="Function not found"):
        await lambda_.invoke("nobody", InvocationType="DryRun")


async def test_event_is_accepted_at_once_and_run_later(lambda_: Lambda, tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    name = await lambda_.create(
        f"def handler(event, context):\n    open({str(seen)!r}, 'w').write(event)\n    return 'x' * 7_000_000"
    )
    answer = await lambda_.invoke(name, "later", InvocationType="Event")
    assert answer.response == {"StatusCode": 202, "Payload": b""}
    await eventually(lambda: seen.exists() and not lambda_.service.state.invoker._running)
    assert seen.read_text() == "later"
    (events,) = await lambda_.events(name)
    assert events[-1].startswith(f"REPORT RequestId: {answer.request_id}\t")
    # An asynchronous invocation may answer more than 6 MB.
    assert "ResponseSizeTooLarge" not in events[-1]


async def test_an_event_for_a_function_that_was_deleted_meanwhile_is_dropped(lambda_: Lambda) -> None:
    name = await lambda_.create()
    await lambda_.invoke(name, InvocationType="Event")
    await lambda_("DeleteFunction", FunctionName=name)
    await eventually(lambda: not lambda_.service.state.invoker._events._tasks)


async def test_an_event_has_at_most_1_megabyte(lambda_: Lambda) -> None:
    name = await lambda_.create()
    with pytest.raises(AwsError, match=r"too large for the Event invocation type \(limit 1048576 bytes\)"):
        await lambda_.invoke(name, "x" * 1_048_576, InvocationType="Event")


async def test_above_the_accounts_limit_callers_are_throttled(lambda_: Lambda) -> None:
    name = await lambda_.create("import time\ndef handler(event, context): time.sleep(event)")
    lambda_.service.state.functions.account(ACCOUNT, REGION).limit = 1
    first = asyncio.create_task(lambda_.invoke(name, 0.5))
    await asyncio.sleep(0)
    with pytest.raises(AwsError) as caught:
        await lambda_.invoke(name, 0)
    assert (caught.value.code, caught.value.status, caught.value.message) == (
        "TooManyRequestsException",
        429,
        "Rate Exceeded.",
    )
    assert caught.value.fields == {"Reason": "ConcurrentInvocationLimitExceeded", "Type": "User"}
    assert "Retry-After" in caught.value.headers
    await first
    assert (await lambda_.invoke(name, 0)).error is None


async def test_a_caller_that_hangs_up_does_not_stop_the_function(lambda_: Lambda, tmp_path: Path) -> None:
    done = tmp_path / "done"
    name = await lambda_.create(
        f"import time\ndef handler(event, context):\n    time.sleep(0.3)\n    open({str(done)!r}, 'w').close()"
    )
    caller = asyncio.create_task(lambda_.service.invoke(make_call("Invoke"), {"FunctionName": name}))
    await asyncio.sleep(0.1)
    caller.cancel()
    await asyncio.gather(caller, return_exceptions=True)
    await eventually(done.exists)


async def test_a_function_that_does_not_exist_cannot_be_invoked(lambda_: Lambda) -> None:
    with pytest.raises(AwsError, match="Function not found: " + re.escape(f"{ARN}nobody:live")):
        await lambda_.invoke("nobody", Qualifier="live")
