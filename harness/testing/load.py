"""Sends a short open-loop load to a deployed stack, and asserts on its latencies and errors."""

from __future__ import annotations

import json
import math
import os
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

from harness.core import figures as text
from harness.core.errors import HarnessError
from harness.load.headless import LOCUSTFILE, run_locust, target_options
from harness.testing.stacks import StackUnderTest

SPACINGS = ("poisson", "even")
_EXTRAS = ("locust", "geventhttpclient", "pyarrow", "scipy")


@dataclass(frozen=True)
class LoadResult:
    """The result of a load.

    run: the recorded run's folder. errors: number of requests that ended in each error, by AWS's code. seconds:
    latencies of the answers without an error, ascending. invalid: why the figures cannot be believed, because the load
    generator was the bottleneck; empty if they can.
    """

    run: Path
    requests: int
    errors: Mapping[str, int]
    seconds: tuple[float, ...]
    invalid: tuple[str, ...]

    @property
    def error_share(self) -> float:
        """The share of the requests that ended in an error, 0 to 1."""
        return sum(self.errors.values()) / self.requests if self.requests else 0.0

    def percentile(self, q: float) -> float:
        """Seconds that a share ``q`` of the answers does not exceed. Raises ValueError if there was no answer."""
        estimate = self._estimate(q)
        if estimate.value is None:
            raise ValueError("there was no answer without an error")
        return float(estimate.value)

    def assert_within(
        self, p50: float | None = None, p95: float | None = None, p99: float | None = None, errors: float = 0.0
    ) -> None:
        """Fail unless each percentile is within its limit in seconds, and the share of errors (0 to 1) too.

        A percentile is within its limit if the upper end of its 95 % interval is. The assertion also fails if there
        were too few requests to establish a percentile, with the number it takes, and if the load generator was the
        bottleneck.
        """
        limits = {"p50": p50, "p95": p95, "p99": p99, "errors": errors}
        for name, bound in limits.items():
            if bound is not None and (isinstance(bound, bool) or not isinstance(bound, int | float) or bound < 0):
                raise ValueError(f"{name} is a number of 0 or more, not {bound!r}")
        if errors > 1:
            raise ValueError(f"errors is a share of the requests, from 0 to 1, not {errors!r}")
        problems = list(self.invalid)
        if self.error_share > errors:
            listed = ", ".join(f"{count} x {code}" for code, count in self.errors.items())
            failed = f"{text.percent(self.error_share)} of {self.requests} requests failed"
            problems.append(f"{failed} ({listed}), not {text.percent(errors)}")
        for name, q, limit in (("p50", 0.50, p50), ("p95", 0.95, p95), ("p99", 0.99, p99)):
            if limit is None:
                continue
            estimate = self._estimate(q)
            if estimate.high is None:
                problems.append(f"{name} takes {estimate.needs} answers to establish, there were {len(self.seconds)}")
            elif estimate.high > limit:
                problems.append(
                    f"{name} is {text.seconds(estimate.value)} (95 % interval to {text.seconds(estimate.high)}), "
                    f"not within {text.length_of_time(limit)}"
                )
        if problems:
            raise AssertionError("; ".join(problems) + f". The run: {self.run}")

    def _estimate(self, q: float) -> Any:
        import numpy as np

        from harness.core.statistics import percentile

        return percentile(np.asarray(self.seconds), q)


@dataclass(frozen=True)
class Load:
    """The load on a deployed stack: each call runs locust once, and records the run in ``runs``."""

    deployed: StackUnderTest
    runs: Path

    def __call__(
        self,
        rate: float,
        seconds: float,
        *,
        via: Literal["lambda", "endpoint"] | None = None,
        payload: Any = None,
        spacing: Literal["poisson", "even"] = "poisson",
    ) -> LoadResult:
        """Send ``rate`` requests a second for ``seconds``, each when it is due, whatever the answers do.

        via: what is called; by default the function if the stack has one, else the endpoint. payload: bytes are sent as
        they are, anything else as JSON; by default the stack's event to a function, and ``{}`` to an endpoint. Raises
        HarnessError if locust is not installed or records nothing.
        """
        missing = [name for name in _EXTRAS if find_spec(name) is None]
        if missing:
            raise HarnessError(
                f"A load takes {', '.join(missing)}, which is not installed: "
                "pip install 'sagemaker-harness[load,report]'."
            )
        _check_load(rate, seconds, via, spacing)
        called = via or ("lambda" if self.deployed.stack.function else "endpoint")
        self.runs.mkdir(parents=True, exist_ok=True)
        body = self._payload(called, payload)
        file = self.runs / ("payload.bin" if isinstance(payload, bytes) else "payload.json")
        file.write_bytes(body)
        arguments = ["-f", str(LOCUSTFILE), "--stop-timeout", "60", "ConstantRate"]
        arguments += ["--rate", str(rate), "--run-time", f"{seconds:g}s", "--via", called, "--spacing", spacing]
        arguments += ["--payload", str(file), *target_options(self.deployed.stack)]
        environment = {**os.environ, **self.deployed.aws.environment}
        return result_of(run_locust(arguments, environment, self.runs, self.runs / "locust.log", seconds))

    def _payload(self, via: str, payload: Any) -> bytes:
        if isinstance(payload, bytes):
            return payload
        if payload is None:
            payload = self.deployed.function.event if via == "lambda" else {}
        return json.dumps(payload).encode()


def _check_load(rate: float, seconds: float, via: str | None, spacing: str) -> None:
    for name, value in (("rate", rate), ("seconds", seconds)):
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < math.inf:
            raise HarnessError(f"{name} is a number above 0, not {value!r}.")
    for name, word, words in (("via", via or "lambda", ("lambda", "endpoint")), ("spacing", spacing, SPACINGS)):
        if word not in words:
            raise HarnessError(f"{name} is {' or '.join(words)}, not {word!r}.")


def result_of(run: Path) -> LoadResult:
    """Read a recorded run. Raises HarnessError if the folder is not one."""
    from harness.load.answers import UNFINISHED
    from harness.load.runs import read_run
    from harness.load.validity import judge

    recorded = read_run(run)
    rows = [row for row in recorded.requests.select(["response_s", "error"]).to_pylist() if row["error"] != UNFINISHED]
    errors = Counter(str(row["error"]) for row in rows if row["error"] is not None)
    answers = tuple(sorted(float(row["response_s"]) for row in rows if row["error"] is None))
    return LoadResult(run, len(rows), dict(errors), answers, tuple(judge(recorded).reasons))
