"""What is recorded as each minute of the traffic ends."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import fields

import numpy as np

from harness.simulator.kernel_state import KernelState
from harness.simulator.latencies import edges, take
from harness.simulator.outcome import Latencies, SimulatedMinutes
from harness.simulator.resources import SimulatedVariant
from harness.simulator.scalable_targets import Datapoints, SimulatedTarget
from harness.simulator.settings import Settings
from harness.simulator.system import System


class MinuteRecorder:
    """Records the minutes of a run.

    beyond_saturation: seconds, in whole minutes, in which the instances of a variant were offered more than the
    highest rate that was measured.
    """

    def __init__(
        self,
        state: KernelState,
        settings: Settings,
        system: System,
        variants: Sequence[SimulatedVariant],
        targets: Sequence[SimulatedTarget],
    ) -> None:
        self._state = state
        self.beyond_saturation = 0.0
        self._variants = variants
        self._targets = targets
        self._saturation = [system.profiles[variant.instance_type].saturation_rate for variant in settings.variants]
        self._minute_began = 0.0
        self._datapoints = 0
        self._per_instance = 0.0
        self._requests = self._throttles = 0
        self._counts = np.zeros(len(state.arrays["counts"]), np.int64)
        self._edges = edges()
        self._recorded: list[dict[str, float]] = []

    def close(self, now: float, per_instance: Datapoints) -> None:
        """Records the minute that ends now. per_instance: the datapoints of the first variant's metric so far."""
        span = now - self._minute_began
        served = [variant.served.take(now) for variant in self._variants]
        alarms = [metric.alarm_states() for target in self._targets for metric in target.metrics]
        requests, throttles = self._state.members.requests, self._state.members.throttles
        p50, p99 = self._take_percentiles()
        self._recorded.append(
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
                "concurrency_peak": self._state.members.running_peak,
                "alarm_high": any(high for high, _ in alarms),
                "alarm_low": any(low for _, low in alarms),
            }
        )
        self._state.members.running_peak = self._state.members.running
        beyond = False
        for variant, seconds, saturation in zip(self._state.arrays["variants"], served, self._saturation, strict=True):
            beyond = beyond or (saturation is not None and int(variant["arrived"]) > saturation * seconds)
            variant["arrived"] = 0
        self.beyond_saturation += span * beyond
        self._requests, self._throttles = requests, throttles
        self._minute_began = now

    def close_run(self) -> Latencies:
        """Adds what was answered after the end of the last minute to that minute, and returns all latencies."""
        last = self._recorded[-1]
        last["invocations"] += self._take("invocations")
        last["throttles"] += self._state.members.throttles - self._throttles
        self._take_percentiles()
        return Latencies(self._edges, self._counts)

    def _take(self, name: str) -> int:
        """Returns a count and sets it to zero."""
        members = self._state.members
        count: int = getattr(members, name)
        setattr(members, name, 0)
        return count

    def _take_area(self, name: str, now: float) -> float:
        """Returns a number's integral over time, and begins a new one."""
        members = self._state.members
        area: float = getattr(members, f"{name}_area") + getattr(members, name) * (
            now - getattr(members, f"{name}_since")
        )
        setattr(members, f"{name}_area", 0.0)
        setattr(members, f"{name}_since", now)
        return area

    def _take_percentiles(self) -> tuple[float, float]:
        """Returns the minute's p50 and p99, and adds its latencies to those of the run."""
        p50, p99 = take(self._state.arrays["counts"], self._counts)
        return (float(self._edges[p50 + 1]), float(self._edges[p99 + 1])) if p50 >= 0 else (math.nan, math.nan)

    def _mean(self, per_instance: Datapoints) -> float:
        """Returns the mean of the new datapoints, or the last mean again if there are none."""
        new = [value for value in per_instance[self._datapoints :] if value is not None]
        self._datapoints = len(per_instance)
        if new:
            self._per_instance = sum(new) / len(new)
        return self._per_instance

    def series(self) -> SimulatedMinutes:
        errors = self._state.arrays["errors"].astype(np.float64)
        names = [field.name for field in fields(SimulatedMinutes) if field.name != "errors"]
        columns = {name: np.array([minute[name] for minute in self._recorded], float) for name in names}
        return SimulatedMinutes(errors=errors, **columns)
