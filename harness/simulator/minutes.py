"""What is written down as each minute of the traffic ends."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import fields

import numpy as np

from harness.simulator.latencies import edges, take
from harness.simulator.outcome import Latencies, Series
from harness.simulator.resources import Variant
from harness.simulator.scaling import Datapoints, Scaled
from harness.simulator.settings import Settings
from harness.simulator.state import World
from harness.simulator.system import System


class Minutes:
    """The minutes of a run. beyond_saturation: seconds, by whole minutes, in which a variant's instances were offered
    more than was measured."""

    def __init__(
        self, world: World, settings: Settings, system: System, variants: Sequence[Variant], scaled: Sequence[Scaled]
    ) -> None:
        self._world = world
        self.beyond_saturation = 0.0
        self._variants = variants
        self._scaled = scaled
        self._most = [system.profiles[variant.instance_type].saturation_rate for variant in settings.variants]
        self._begun = 0.0
        self._datapoints = 0
        self._per_instance = 0.0
        self._requests = self._throttles = 0
        self._counts = np.zeros(len(world.arrays["counts"]), np.int64)
        self._edges = edges()
        self._written: list[dict[str, float]] = []

    def close(self, now: float, per_instance: Datapoints) -> None:
        """The minute ends now. per_instance: the first variant's metric up to now."""
        span = now - self._begun
        served = [variant.served.take(now) for variant in self._variants]
        states = [watched.states() for scaled in self._scaled for watched in scaled.watched]
        requests, throttles = self._world.now.requests, self._world.now.throttles
        p50, p99 = self._take_counts()
        self._written.append(
            {
                "arrivals": requests - self._requests,
                "invocations": self._take("invocations"),
                "throttles": throttles - self._throttles,
                "p50": p50,
                "p99": p99,
                "in_service": sum(served) / span,
                "desired": sum(variant.desired for variant in self._variants),
                "per_instance": self._mean(per_instance),
                "queued": self._take_area("waiting", now) / span,
                "concurrency": self._take_area("running", now) / span,
                "concurrency_peak": self._world.now.running_peak,
                "alarm_high": any(high for high, _ in states),
                "alarm_low": any(low for _, low in states),
            }
        )
        self._world.now.running_peak = self._world.now.running
        beyond = False
        for record, seconds, most in zip(self._world.arrays["variants"], served, self._most, strict=True):
            beyond = beyond or (most is not None and int(record["arrived"]) > most * seconds)
            record["arrived"] = 0
        self.beyond_saturation += span * beyond
        self._requests, self._throttles = requests, throttles
        self._begun = now

    def close_run(self) -> Latencies:
        """What was answered after the last minute's end is counted with it; the latencies of all."""
        last = self._written[-1]
        last["invocations"] += self._take("invocations")
        last["throttles"] += self._world.now.throttles - self._throttles
        self._take_counts()
        return Latencies(self._edges, self._counts)

    def _take(self, name: str) -> int:
        """A count since it was last taken."""
        now = self._world.now
        found: int = getattr(now, name)
        setattr(now, name, 0)
        return found

    def _take_area(self, name: str, now: float) -> float:
        """A number's integral over time since it was last taken."""
        s = self._world.now
        area: float = getattr(s, f"{name}_area") + getattr(s, name) * (now - getattr(s, f"{name}_since"))
        setattr(s, f"{name}_area", 0.0)
        setattr(s, f"{name}_since", now)
        return area

    def _take_counts(self) -> tuple[float, float]:
        """The minute's p50 and p99; its latencies are counted with all."""
        p50, p99 = take(self._world.arrays["counts"], self._counts)
        return (float(self._edges[p50 + 1]), float(self._edges[p99 + 1])) if p50 >= 0 else (math.nan, math.nan)

    def _mean(self, per_instance: Datapoints) -> float:
        """Of the datapoints that are new; the last one again where there is none."""
        new = [value for value in per_instance[self._datapoints :] if value is not None]
        self._datapoints = len(per_instance)
        if new:
            self._per_instance = sum(new) / len(new)
        return self._per_instance

    def series(self) -> Series:
        errors = self._world.arrays["errors"].astype(np.float64)
        names = [each.name for each in fields(Series) if each.name != "errors"]
        return Series(errors=errors, **{name: np.array([one[name] for one in self._written], float) for name in names})
