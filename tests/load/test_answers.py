"""Answers in AWS's own shapes are read: errors, cold starts, variants."""

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


def test_the_init_duration_tells_a_cold_start() -> None:
    assert report_times(encoded(f"START\nEND\n{REPORT}Init Duration: 343.88 ms\t\n")) == (1.03492, 0.34388)


def test_a_warm_environment_reports_no_init_duration() -> None:
    assert report_times(encoded(f"{REPORT}\n")) == (1.03492, None)


def test_only_the_last_report_line_counts() -> None:
    forged = "REPORT RequestId: 1\tDuration: 1.00 ms\tInit Duration: 9.00 ms\n"
    assert report_times(encoded(forged + REPORT)) == (1.03492, None)


@given(st.text())
def test_no_log_breaks_the_reader(log: str) -> None:
    report_times(log)
    report_times(encoded(log))


@pytest.mark.parametrize("number", ["1.2.3", "."])
def test_a_malformed_number_is_no_duration(number: str) -> None:
    assert report_times(encoded(f"REPORT RequestId: 1\tDuration: {number} ms\t")) == (None, None)


def test_a_good_lambda_answer() -> None:
    observation = observe("lambda", 200, headers(X_Amz_Log_Result=encoded(REPORT + "Init Duration: 1 ms")), b"{}", 7)
    assert (observation.error, observation.function_seconds, observation.cold_init) == (None, 1.03492, 0.001)
    assert (observation.request_bytes, observation.response_bytes, observation.status) == (7, 2, 200)


def test_a_good_endpoint_answer_names_its_variant() -> None:
    observation = observe("endpoint", 200, headers(x_Amzn_Invoked_Production_Variant="AllTraffic"), b"[]", 1)
    assert (observation.error, observation.variant, observation.instance) == (None, "AllTraffic", None)


@pytest.mark.parametrize(("header", "instance"), [("0", 0), ("12", 12), ("i-1", None), ("", None)])
def test_the_instance_is_read_from_good_answers_and_errors(header: str, instance: int | None) -> None:
    assert observe("endpoint", 200, headers(X_Harness_Instance=header), b"[]", 1).instance == instance
    assert observe("endpoint", 424, headers(X_Harness_Instance=header), b"{}", 1).instance == instance


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
def test_an_error_is_named_by_its_code(
    status: int, header: dict[str, str], body: object, code: str, message: str | None
) -> None:
    observation = observe("endpoint", status, headers(**header), json.dumps(body).encode(), 1)
    assert (observation.error, observation.message) == (code, message)


def test_a_function_that_raised_is_an_error_despite_status_200() -> None:
    observation = observe("lambda", 200, headers(X_Amz_Function_Error="Unhandled"), b'{"errorMessage": "boom"}', 1)
    assert (observation.error, observation.message) == ("FunctionError:Unhandled", "boom")


def test_without_a_json_body_the_status_names_the_error() -> None:
    assert observe("lambda", 503, headers(), b"<html>", 1).error == "HTTP 503"


def test_long_messages_are_cut_to_one_line() -> None:
    observation = observe("lambda", 400, headers(), json.dumps({"message": "a\n" * 400}).encode(), 1)
    assert observation.message is not None
    assert len(observation.message) == 300
    assert "\n" not in observation.message
