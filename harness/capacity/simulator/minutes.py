"""What is written down as each minute of the traffic ends."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from harness.capacity.outcome import Floats, Series
from harness.capacity.settings import Settings
from harness.capacity.simulator import kernel
from harness.capacity.simulator.resources import Variant
from harness.capacity.simulator.scaling import Datapoints, Scaled
from harness.capacity.simulator.state import World
from harness.capacity.system import System


class Minutes:
    """The minutes of a run. world: its state, which is another one after it was enlarged.

    beyond_saturation: seconds, by whole minutes, in which a variant's instances were offered more than was measured.
    """

    def __init__(
        self, world: World, settings: Settings, system: System, variants: Sequence[Variant], scaled: Sequence[Scaled]
    ) -> None:
        self.world = world
        self.beyond_saturation = 0.0
        self._variants = variants
        self._scaled = scaled
        self._most = [system.profiles[variant.instance_type].saturation_rate for variant in settings.variants]
        self._index = 0
        self._begun = 0.0
        self._datapoints = 0
        self._per_instance = 0.0
        self._in_service = np.zeros(len(world.minutes))
        self._desired = np.zeros(len(world.minutes))
        self._metric = np.zeros(len(world.minutes))
        self._high = np.zeros(len(world.minutes))
        self._low = np.zeros(len(world.minutes))

    def close(self, now: float, per_instance: Datapoints) -> None:
        """The minute ends now. per_instance: the first variant's metric up to now."""
        index, span = self._index, now - self._begun
        kernel.close_minute(self.world, index, self._begun, now)
        served = [variant.served.take(now) for variant in self._variants]
        self._in_service[index] = sum(served) / span
        self._desired[index] = sum(variant.desired for variant in self._variants)
        self._metric[index] = self._mean(per_instance)
        states = [watched.states() for scaled in self._scaled for watched in scaled.watched]
        self._high[index] = any(high for high, _ in states)
        self._low[index] = any(low for _, low in states)
        beyond = False
        for record, instance_seconds, most in zip(self.world.variants, served, self._most, strict=True):
            beyond = beyond or (most is not None and int(record["arrived"]) > most * instance_seconds)
            record["arrived"] = 0
        self.beyond_saturation += span * beyond
        self._index, self._begun = index + 1, now

    def close_run(self) -> None:
        """What came after the last minute is counted with it."""
        kernel.close_run(self.world, self._index - 1)

    def _mean(self, per_instance: Datapoints) -> float:
        """Of the datapoints that are new; the last one again where there is none."""
        new = [value for value in per_instance[self._datapoints :] if value is not None]
        self._datapoints = len(per_instance)
        if new:
            self._per_instance = sum(new) / len(new)
        return self._per_instance

    def series(self) -> Series:
        def counted(name: str) -> Floats:
            return np.array(self.world.minutes[name], dtype=np.float64)

        return Series(
            arrivals=counted("arrivals"),
            invocations=counted("invocations"),
            throttles=counted("throttles"),
            errors=self.world.errors.astype(np.float64),
            p50=counted("p50"),
            p99=counted("p99"),
            in_service=self._in_service,
            desired=self._desired,
            per_instance=self._metric,
            queued=counted("queued"),
            concurrency=counted("concurrency"),
            concurrency_peak=counted("concurrency_peak"),
            alarm_high=self._high,
            alarm_low=self._low,
        )
