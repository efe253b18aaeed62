"""The file that tells a locust process of its own which schedule to play, and which arrivals of it.

JSON: ``{"pieces": [[seconds, first rate, last rate], ...], "arrivals": [second, ...]}``.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from harness.core.errors import HarnessError
from harness.load.schedule import Piece, Schedule


def write_schedule(file: Path, schedule: Schedule, arrivals: Sequence[float]) -> None:
    """Write a schedule and its arrivals, in seconds from its start."""
    pieces = [(piece.seconds, piece.start_rate, piece.end_rate) for piece in schedule.pieces]
    file.write_text(json.dumps({"pieces": pieces, "arrivals": list(arrivals)}))


def parse_schedule(content: bytes, file: str) -> tuple[Schedule, list[float]]:
    """Read what ``write_schedule`` wrote. Raises HarnessError that names the file if the content is not a schedule."""
    try:
        members = json.loads(content)
        pieces = tuple(Piece(*(float(value) for value in piece)) for piece in members["pieces"])
        return Schedule(pieces), [float(second) for second in members["arrivals"]]
    except (ValueError, TypeError, KeyError) as error:
        raise HarnessError(f"--schedule {file} holds no schedule: {error!r}.") from None
