"""The recorder writes as it goes, costs the load next to nothing, and gives up in one sentence."""

from __future__ import annotations

import logging
import time
from pathlib import Path

import gevent
import pytest

from harness.load.locust.recorder import BATCH, Recorder, Row
from harness.load.runs import SCHEMA, read_run
from tests.load.recorded import manifest, request


def row(**members: object) -> Row:
    values = request(**members)
    return tuple(values[name] for name in SCHEMA.names)


def ignore(_: str) -> None:
    pass


def test_what_was_added_is_on_disk_while_the_run_goes_on(tmp_path: Path) -> None:
    manifest().write(tmp_path)
    recorder = Recorder(tmp_path / "requests.arrow", ignore, flush_every=0.01)
    recorder.add(row(name="first"))
    with gevent.Timeout(5):
        while not read_run(tmp_path).requests.num_rows:
            gevent.sleep(0.01)
    assert read_run(tmp_path).requests["name"].to_pylist() == ["first"]
    recorder.close()


def test_closing_writes_what_is_left_and_may_be_done_twice(tmp_path: Path) -> None:
    manifest().write(tmp_path)
    recorder = Recorder(tmp_path / "requests.arrow", ignore, flush_every=3600)
    for _ in range(10):
        recorder.add(row())
    recorder.close()
    recorder.close()
    assert read_run(tmp_path).requests.num_rows == 10


def test_a_full_batch_is_written_without_waiting(tmp_path: Path) -> None:
    manifest().write(tmp_path)
    recorder = Recorder(tmp_path / "requests.arrow", ignore, flush_every=3600)
    for _ in range(BATCH):
        recorder.add(row())
    with gevent.Timeout(5):
        while read_run(tmp_path).requests.num_rows < BATCH:
            gevent.sleep(0.01)
    recorder.close()


def test_a_full_disk_ends_the_recording_with_a_sentence_and_not_the_load(caplog: pytest.LogCaptureFixture) -> None:
    reasons: list[str] = []
    with caplog.at_level(logging.ERROR):
        recorder = Recorder(Path("/dev/full"), reasons.append, flush_every=0.01)
        recorder.add(row())
        with gevent.Timeout(5):
            while not reasons:
                gevent.sleep(0.01)
        recorder.add(row())
        recorder.close()
    assert reasons == ["No space left on device"]
    (record,) = caplog.records
    assert "no longer recorded: /dev/full cannot be written (No space left on device)" in record.getMessage()


def test_a_slow_write_does_not_hold_the_users_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stalls(self: Recorder, rows: list[Row]) -> None:
        # The thread of gevent's pool, not the greenlets' one.
        time.sleep(0.3)

    monkeypatch.setattr(Recorder, "_write", stalls)
    recorder = Recorder(tmp_path / "requests.arrow", ignore, flush_every=0.001)
    recorder.add(row())
    longest = 0.0
    end = time.perf_counter() + 0.25
    while (before := time.perf_counter()) < end:
        gevent.sleep(0.001)
        longest = max(longest, time.perf_counter() - before)
    assert longest < 0.2
    recorder.close()
