"""A server whose latencies are known: it takes a fixed time, and stands still at known moments. Run as a program.

    python -m tests.load.locust.known_latency SECONDS [STALL EVERY]

Each request takes SECONDS, however many are under way; in the last STALL of every EVERY seconds nothing is answered.
Prints its port; ends when its standard input does.
"""

from __future__ import annotations

import asyncio
import sys
import time

from harness.load.null_server import ANSWER, NullServer, serve


class KnownLatency(NullServer):
    """Answers in the order in which requests came on a connection."""

    def answer(self) -> None:
        asyncio.get_running_loop().call_later(SECONDS + stall_left(time.time() + SECONDS), self._write)

    def _write(self) -> None:
        self._transport.write(ANSWER)


def stall_left(at: float) -> float:
    """Seconds from a Unix time until the stall that it falls in is over; 0 where it falls in none."""
    if not STALL:
        return 0.0
    into = at % EVERY
    return EVERY - into if into >= EVERY - STALL else 0.0


if __name__ == "__main__":
    SECONDS = float(sys.argv[1])
    STALL, EVERY = (float(sys.argv[2]), float(sys.argv[3])) if len(sys.argv) > 2 else (0.0, 1.0)
    asyncio.run(serve(KnownLatency))
