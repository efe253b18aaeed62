from harness.functions.rules import report
from harness.functions.rules.report import Report


def test_report_of_a_cold_start_as_recorded_from_aws() -> None:
    # LocalStack's AWS-validated snapshot of test_invocation_type_event_error, and billing since 2025-08-01.
    assert Report("ID", 3.01, 128, 36, init=110.10).line() == (
        "REPORT RequestId: ID\tDuration: 3.01 ms\tBilled Duration: 114 ms\tMemory Size: 128 MB\t"
        "Max Memory Used: 36 MB\tInit Duration: 110.10 ms\t\n"
    )


def test_report_of_a_warm_invocation() -> None:
    assert Report("ID", 2.90, 128, 36).line() == (
        "REPORT RequestId: ID\tDuration: 2.90 ms\tBilled Duration: 3 ms\tMemory Size: 128 MB\t"
        "Max Memory Used: 36 MB\t\n"
    )


def test_billed_is_init_and_duration_together_rounded_up() -> None:
    # A public log: 60000.00 ms and an init of 1007.79 ms were billed as 61008 ms.
    assert Report("ID", 60_000.0, 128, 107, init=1007.79).billed == 61_008
    assert Report("ID", 10.0, 128, 1).billed == 10


def test_status_follows_the_init_duration() -> None:
    assert (
        Report("ID", 3000.0, 128, 86, init=305.5, status="Status: timeout")
        .line()
        .endswith("\tInit Duration: 305.50 ms\tStatus: timeout\t\n")
    )


def test_the_other_lines() -> None:
    assert report.start("ID", "$LATEST") == "START RequestId: ID Version: $LATEST\n"
    assert report.end("ID") == "END RequestId: ID\n"
    assert report.init_report(10000.12, "init", "Status: timeout") == (
        "INIT_REPORT Init Duration: 10000.12 ms\tPhase: init\tStatus: timeout\n"
    )
    assert report.timed_out("ID", 3, 0.5) == "1970-01-01T00:00:00.500Z ID Task timed out after 3.00 seconds\n\n"
    assert report.stream_name("$LATEST", "ab" * 16, 0) == f"1970/01/01/[$LATEST]{'ab' * 16}"
