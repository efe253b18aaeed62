"""A server with known latencies: it takes a fixed time, and stands still at known moments. Run as a program.

    python -m tests.load.locust.known_latency SECONDS [STALL EVERY]

Each request takes SECONDS, however many are under way; in the last STALL of every EVERY seconds nothing is answered.
It prints its port, and ends when its standard input ends.
"""

from __future__ import annotations

import asyncio
import sys
import time

from harness.load.null_server import ANSWER, NullServer, serve


class KnownLatency(NullServer):
    """Answers the requests of a connection in their order."""

    def answer(self) -> None:
        asyncio.get_running_loop().call_later(SECONDS + stall_left(time.time() + SECONDS), self._write)

    def _write(self) -> None:
        self._transport.write(ANSWER)


def stall_left(at: float) -> float:
    """Seconds from a Unix time to the end of the stall that it falls in; 0 if it falls in none."""
    if not STALL:
        return 0.0
    into = at % EVERY
    return EVERY - into if into >= EVERY - STALL else 0.0


if __name__ == "__main__":
    SECONDS = float(sys.argv[1])
    STALL, EVERY = (float(sys.argv[2]), float(sys.argv[3])) if len(sys.argv) > 2 else (0.0, 1.0)
    asyncio.run(serve(KnownLatency))
