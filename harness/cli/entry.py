"""The program ``harness``. An interrupt while it loads, which takes a second or two, ends it at once."""

from __future__ import annotations

import os
import signal
from types import FrameType


def _end(number: int, frame: FrameType | None) -> None:
    os.write(2, b"Interrupted.\n")
    os._exit(128 + number)


def main() -> None:
    """Runs harness.cli.main, which handles interrupts itself from its start on."""
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, _end)
    from harness.cli.main import main as run

    run()


if __name__ == "__main__":
    main()
