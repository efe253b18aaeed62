"""What an answer's headers and body say, in AWS's own shapes."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.load.answers import Header, observe, report_times

REPORT = (
    "REPORT RequestId: 8f5\tDuration: 1034.92 ms"
    "\tBilled Duration: 1035 ms\tMemory Size: 128 MB\tMax Memory Used: 67 MB\t"
)


def headers(**values: str) -> Header:
    lowered = {name.replace("_", "-").lower(): value for name, value in values.items()}
    return lambda name: lowered.get(name.lower())


def encoded(log: str) -> str:
    return base64.b64encode(log.encode()).decode()


def test_a_cold_start_is_told_by_the_init_duration() -> None:
    assert report_times(encoded(f"START\nEND\n{REPORT}Init Duration: 343.88 ms\t\n")) == (1.03492, 0.34388)


def test_a_warm_environment_reports_no_init_duration() -> None:
    assert report_times(encoded(f"{REPORT}\n")) == (1.03492, None)


def test_the_platforms_line_is_the_last_one() -> None:
    forged = "REPORT RequestId: 1\tDuration: 1.00 ms\tInit Duration: 9.00 ms\n"
    assert report_times(encoded(forged + REPORT)) == (1.03492, None)


@given(st.text())
def test_no_log_breaks_the_reader(log: str) -> None:
    report_times(log)
    report_times(encoded(log))


@pytest.mark.parametrize("number", ["1.2.3", "."])
def test_a_forged_number_is_none(number: str) -> None:
    assert report_times(encoded(f"REPORT RequestId: 1\tDuration: {number} ms\t")) == (None, None)


def test_a_good_lambda_answer() -> None:
    seen = observe("lambda", 200, headers(X_Amz_Log_Result=encoded(REPORT + "Init Duration: 1 ms")), b"{}", 7)
    assert (seen.error, seen.function_seconds, seen.cold_init) == (None, 1.03492, 0.001)
    assert (seen.request_bytes, seen.response_bytes, seen.status) == (7, 2, 200)


def test_a_good_endpoint_answer_names_its_variant() -> None:
    seen = observe("endpoint", 200, headers(x_Amzn_Invoked_Production_Variant="AllTraffic"), b"[]", 1)
    assert (seen.error, seen.variant, seen.instance) == (None, "AllTraffic", None)


@pytest.mark.parametrize(("told", "instance"), [("0", 0), ("12", 12), ("i-1", None), ("", None)])
def test_the_harness_tells_the_instance_as_well_of_errors_too(told: str, instance: int | None) -> None:
    assert observe("endpoint", 200, headers(X_Harness_Instance=told), b"[]", 1).instance == instance
    assert observe("endpoint", 424, headers(X_Harness_Instance=told), b"{}", 1).instance == instance


@pytest.mark.parametrize(
    ("status", "header", "body", "code", "message"),
    [
        (
            429,
            {"x_amzn_errortype": "TooManyRequestsException:http://internal/"},
            {"Reason": "ReservedFunctionConcurrentInvocationLimitExceeded", "message": "Rate Exceeded."},
            "TooManyRequestsException(ReservedFunctionConcurrentInvocationLimitExceeded)",
            "Rate Exceeded.",
        ),
        (
            424,
            {"x_amzn_errortype": "ModelError"},
            {"OriginalStatusCode": 500, "Message": "no"},
            "ModelError(500)",
            "no",
        ),
        (
            424,
            {"x_amzn_errortype": "ModelError"},
            {"OriginalStatusCode": 0, "Message": "late"},
            "ModelError(0)",
            "late",
        ),
        (
            403,
            {},
            {"__type": "com.amazon#AccessDeniedException", "Message": "User: x"},
            "AccessDeniedException",
            "User: x",
        ),
        (400, {}, {"code": "ValidationError", "message": "Endpoint"}, "ValidationError", "Endpoint"),
        (502, {}, [1], "HTTP 502", None),
    ],
)
def test_errors_go_by_their_code(
    status: int, header: dict[str, str], body: object, code: str, message: str | None
) -> None:
    seen = observe("endpoint", status, headers(**header), json.dumps(body).encode(), 1)
    assert (seen.error, seen.message) == (code, message)


def test_a_function_that_raised_is_an_error_behind_a_200() -> None:
    seen = observe("lambda", 200, headers(X_Amz_Function_Error="Unhandled"), b'{"errorMessage": "boom"}', 1)
    assert (seen.error, seen.message) == ("FunctionError:Unhandled", "boom")


def test_a_body_that_is_no_json_leaves_the_status() -> None:
    assert observe("lambda", 503, headers(), b"<html>", 1).error == "HTTP 503"


def test_long_messages_are_cut_to_one_line() -> None:
    seen = observe("lambda", 400, headers(), json.dumps({"message": "a\n" * 400}).encode(), 1)
    assert seen.message is not None
    assert len(seen.message) == 300
    assert "\n" not in seen.message
