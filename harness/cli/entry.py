"""The program ``harness``. What it imports takes a second or two, in which an interrupt has nothing to tidy up."""

from __future__ import annotations

import os
import signal
from types import FrameType


def _end(number: int, frame: FrameType | None) -> None:
    os.write(2, b"Interrupted.\n")
    os._exit(128 + number)


def main() -> None:
    """harness.cli.main's, from whose first moment on an interrupt is its own business."""
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, _end)
    from harness.cli.main import main as run

    run()


if __name__ == "__main__":
    main()
