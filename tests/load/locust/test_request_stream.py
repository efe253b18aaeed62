"""The request stream is written as it grows, hardly costs the load anything, and gives up in one sentence."""

from __future__ import annotations

import logging
import time
from pathlib import Path

import gevent
import pytest

from harness.load.locust.request_stream import BATCH, RequestRow, RequestStream
from harness.load.runs import SCHEMA, read_run
from tests.load.recorded import manifest, request


def row(**members: object) -> RequestRow:
    values = request(**members)
    return tuple(values[name] for name in SCHEMA.names)


def ignore(_: str) -> None:
    pass


def test_rows_are_on_disk_while_the_run_goes_on(tmp_path: Path) -> None:
    manifest(ended=None, ending=None).write(tmp_path)
    stream = RequestStream(tmp_path / "requests.arrow", ignore, flush_every=0.01)
    stream.add(row(name="first"))
    with gevent.Timeout(5):
        while not read_run(tmp_path).requests.num_rows:
            gevent.sleep(0.01)
    assert read_run(tmp_path).requests["name"].to_pylist() == ["first"]
    stream.close()


def test_closing_writes_the_rest_and_may_be_done_twice(tmp_path: Path) -> None:
    manifest(ended=None, ending=None).write(tmp_path)
    stream = RequestStream(tmp_path / "requests.arrow", ignore, flush_every=3600)
    for _ in range(10):
        stream.add(row())
    stream.close()
    stream.close()
    assert read_run(tmp_path).requests.num_rows == 10


def test_a_full_batch_is_written_without_waiting(tmp_path: Path) -> None:
    manifest(ended=None, ending=None).write(tmp_path)
    stream = RequestStream(tmp_path / "requests.arrow", ignore, flush_every=3600)
    for _ in range(BATCH):
        stream.add(row())
    with gevent.Timeout(5):
        while read_run(tmp_path).requests.num_rows < BATCH:
            gevent.sleep(0.01)
    stream.close()


def test_a_full_disk_ends_the_stream_with_a_sentence_but_not_the_load(caplog: pytest.LogCaptureFixture) -> None:
    reasons: list[str] = []
    with caplog.at_level(logging.ERROR):
        stream = RequestStream(Path("/dev/full"), reasons.append, flush_every=0.01)
        stream.add(row())
        with gevent.Timeout(5):
            while not reasons:
                gevent.sleep(0.01)
        stream.add(row())
        stream.close()
    assert reasons == ["No space left on device"]
    (record,) = caplog.records
    assert "no longer recorded: /dev/full cannot be written (No space left on device)" in record.getMessage()


def test_a_slow_write_does_not_hold_the_users_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stalls(self: RequestStream, rows: list[RequestRow]) -> None:
        # The thread of gevent's pool, not the greenlets' one.
        time.sleep(0.3)

    monkeypatch.setattr(RequestStream, "_write", stalls)
    stream = RequestStream(tmp_path / "requests.arrow", ignore, flush_every=0.001)
    stream.add(row())
    longest = 0.0
    end = time.perf_counter() + 0.25
    while (before := time.perf_counter()) < end:
        gevent.sleep(0.001)
        longest = max(longest, time.perf_counter() - before)
    assert longest < 0.2
    stream.close()
