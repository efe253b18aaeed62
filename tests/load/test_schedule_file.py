"""A schedule file holds a schedule and its arrivals exactly; anything else is refused in a sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.core.errors import HarnessError
from harness.load.schedule import even
from harness.load.schedule_file import parse_schedule, write_schedule
from harness.load.traffic_forms import spike


def test_a_written_schedule_is_read_exactly(tmp_path: Path) -> None:
    schedule = spike(1.1, 7.3, 10.0, at=3.3, width=0.7)
    arrivals = list(even(schedule))
    write_schedule(tmp_path / "schedule.json", schedule, arrivals)
    assert parse_schedule((tmp_path / "schedule.json").read_bytes(), "schedule.json") == (schedule, arrivals)


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"{}", b'{"pieces": [[1, 2]], "arrivals": []}', b'{"pieces": [[1, 2, "x"]]}']
)
def test_other_content_is_refused_in_a_sentence(content: bytes) -> None:
    with pytest.raises(HarnessError, match=r"--schedule mine\.json holds no schedule"):
        parse_schedule(content, "mine.json")
