"""A short open-loop load on a deployed stack, and assertions on what came of it."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

from harness.core import figures as text
from harness.core.errors import HarnessError
from harness.load.headless import run_locust
from harness.testing.stacks import DeployedStack

LOCUSTFILE = Path(__file__).with_name("locustfile.py")
_EXTRAS = ("locust", "geventhttpclient", "pyarrow", "scipy")


@dataclass(frozen=True)
class LoadResult:
    """What a load gave. run: the recorded run's folder; seconds: of the answers without an error, ascending.

    errors: how many requests ended in each error, by AWS's code. invalid: why the generator's numbers cannot be
    believed, empty where they can.
    """

    run: Path
    requests: int
    errors: Mapping[str, int]
    seconds: tuple[float, ...]
    invalid: tuple[str, ...]

    @property
    def error_share(self) -> float:
        """0 to 1 of the requests."""
        return sum(self.errors.values()) / self.requests if self.requests else 0.0

    def percentile(self, q: float) -> float:
        """Seconds that a share ``q`` of the answers does not exceed. ValueError without an answer."""
        estimate = self._estimate(q)
        if estimate.value is None:
            raise ValueError("there was no answer without an error")
        return float(estimate.value)

    def assert_within(
        self, p50: float | None = None, p95: float | None = None, p99: float | None = None, errors: float = 0.0
    ) -> None:
        """Fails unless each percentile is within its limit in seconds and the share of errors (0 to 1) too.

        A percentile is, where the upper end of its 95 % interval is; one that too few requests establish fails, and
        says how many it takes. So does a run in which the generator was the bottleneck.
        """
        problems = list(self.invalid)
        if self.error_share > errors:
            listed = ", ".join(f"{count} x {code}" for code, count in self.errors.items())
            failed = f"{text.percent(self.error_share)} of {self.requests} requests failed"
            problems.append(f"{failed} ({listed}), not {text.percent(errors)}")
        for name, q, limit in (("p50", 0.50, p50), ("p95", 0.95, p95), ("p99", 0.99, p99)):
            if limit is None:
                continue
            found = self._estimate(q)
            if found.high is None:
                problems.append(f"{name} takes {found.needs} answers to establish, there were {len(self.seconds)}")
            elif found.high > limit:
                problems.append(
                    f"{name} is {text.seconds(found.value)} (95 % interval to {text.seconds(found.high)}), "
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
    """Runs locust against a deployed stack; each call is one recorded run in ``runs``."""

    deployed: DeployedStack
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
        """``rate`` requests a second for so many seconds, started when they are due whatever the answers do.

        via: the function where the stack has one. payload: bytes as they are, anything else as JSON; the stack's event
        for a function. Raises HarnessError where locust is not installed or records nothing.
        """
        missing = [name for name in _EXTRAS if find_spec(name) is None]
        if missing:
            raise HarnessError(
                f"A load takes {', '.join(missing)}, which is not installed: "
                "pip install 'sagemaker-harness[load,report]'."
            )
        chosen = via or ("lambda" if self.deployed.stack.function else "endpoint")
        self.runs.mkdir(parents=True, exist_ok=True)
        body = self._payload(chosen, payload)
        file = self.runs / ("payload.bin" if isinstance(payload, bytes) else "payload.json")
        file.write_bytes(body)
        arguments = ["-f", str(LOCUSTFILE), "--headless", "--only-summary", "--stop-timeout", "60", "Load"]
        arguments += ["--rate", str(rate), "--run-time", f"{seconds:g}s", "--via", chosen, "--spacing", spacing]
        arguments += ["--payload", str(file), *self._names()]
        environment = {**os.environ, **self.deployed.aws.environment}
        return result_of(run_locust(arguments, environment, self.runs, self.runs / "locust.log", seconds))

    def _payload(self, via: str, payload: Any) -> bytes:
        if isinstance(payload, bytes):
            return payload
        if payload is None:
            payload = self.deployed.function.event if via == "lambda" else {}
        return json.dumps(payload).encode()

    def _names(self) -> list[str]:
        stack = self.deployed.stack
        names = ["--endpoint-name", stack.endpoint.name]
        return [*names, "--function-name", stack.function.qualified_name] if stack.function else names


def result_of(run: Path) -> LoadResult:
    """Reads a recorded run. HarnessError where it is none."""
    from harness.load.answers import UNFINISHED
    from harness.load.runs import read_run
    from harness.load.validity import judge

    recorded = read_run(run)
    rows = [row for row in recorded.requests.select(["response_s", "error"]).to_pylist() if row["error"] != UNFINISHED]
    errors = Counter(str(row["error"]) for row in rows if row["error"] is not None)
    answers = tuple(sorted(float(row["response_s"]) for row in rows if row["error"] is None))
    return LoadResult(run, len(rows), dict(errors), answers, tuple(judge(recorded).reasons))
