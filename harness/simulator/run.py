"""One run: requests between the times of an agenda, and what is then decided and written down."""

from __future__ import annotations

import functools
import math

from harness.load.schedule import Schedule as Traffic
from harness.scaling.rules.policies import Policy
from harness.scaling.rules.target import ScalableTarget
from harness.scaling.rules.timing import LOOK_SECONDS
from harness.simulator import build, kernel
from harness.simulator.agenda import Agenda, Turn
from harness.simulator.client import MINUTE
from harness.simulator.minutes import Minutes
from harness.simulator.outcome import Latencies, Outcome
from harness.simulator.resources import Alias, Area, Endpoint, Variant
from harness.simulator.scaling import (
    Datapoints,
    Scaled,
    Watched,
    daily,
    provisioned_tracking,
    stepping,
    tracking,
)
from harness.simulator.settings import CONCURRENCY, INVOCATIONS, Settings, VariantSettings
from harness.simulator.state import FAILURES
from harness.simulator.system import System


class Run:
    """A setting under a traffic, from its deployment on. Its agenda goes by the scaling clock."""

    def __init__(
        self, settings: Settings, system: System, traffic: Traffic, seed: int, arrivals: int | None = None
    ) -> None:
        self._settings, self._system, self._seed = settings, system, seed
        self._seconds = traffic.seconds
        self._speed = system.speed
        self._world = build.world(settings, system, traffic, seed, arrivals)
        self._agenda = Agenda()
        shared = Endpoint(self._agenda, system.delays, self._speed)
        self._variants = [
            Variant(
                shared,
                variant.initial_instance_count,
                functools.partial(self._serve, index),
                functools.partial(self._take_down, index),
            )
            for index, variant in enumerate(settings.variants)
        ]
        self._alias = self._provisioned()
        self._per_instance: list[Datapoints] = [[] for _ in settings.variants]
        self._concurrent: list[Datapoints] = [[] for _ in settings.variants]
        self._utilization: Datapoints = []
        self._scaled = self._targets()
        self._minutes = Minutes(self._world, settings, system, self._variants, self._scaled)
        self._at_maximum = Area(0)

    def outcome(self) -> Outcome:
        """Runs it."""
        self._agenda.add(0.0, Turn.LOOK, self._look)
        self._agenda.add(MINUTE, Turn.METRIC, self._metrics)
        self._agenda.add(MINUTE * self._speed, Turn.MINUTE, self._minute)
        if any(each.metric == CONCURRENCY for variant in self._settings.variants for each in variant.tracking):
            self._agenda.add(LOOK_SECONDS, Turn.METRIC, self._high_resolution)
        while (due := self._agenda.due) / self._speed < self._seconds:
            self._advance(due / self._speed)
            self._agenda.take()(due)
        self._advance(self._seconds)
        self._minutes.close(self._seconds, self._per_instance[0])
        # What is still in flight comes to its end, with everything as it is.
        self._advance(math.inf)
        return self._told(self._minutes.close_run())

    @property
    def attempts_at_most(self) -> int:
        """In flight at one time, up to now: what the run's memory goes by."""
        return int(self._world.now.slots_used)

    # ---- requests

    def _advance(self, until: float) -> None:
        while not kernel.advance(self._world.state, until):
            self._world.make_room()

    def _serve(self, index: int, count: int, second: float) -> None:
        build.serve(self._world, index, count, second)

    def _take_down(self, index: int, first: int, end: int, second: float) -> None:
        variant = self._world.arrays["variants"][index]
        most = (end - first) * (int(variant["workers"]) + int(variant["queue_length"]))
        if self._world.now.slots_used + most > self._world.now.slots_size:
            self._world.make_room(most)
        place = int(variant["first"])
        kernel.take_down_stations(self._world.state, place + first, place + end, second)

    # ---- what is scaled

    def _provisioned(self) -> Alias | None:
        given = self._settings.function
        if given is None or (given.provisioned_scaling is None and not given.provisioned_concurrent_executions):
            return None
        initial = given.provisioned_concurrent_executions
        return Alias(self._agenda, self._speed, initial, lambda count: build.allocate(self._world, count))

    def _targets(self) -> list[Scaled]:
        """In the order in which they are looked at: variants by name, then the function."""
        order = sorted(range(len(self._variants)), key=lambda index: self._settings.variants[index].name)
        found = [
            self._variant_target(index, self._settings.variants[index])
            for index in order
            if self._settings.variants[index].scales
        ]
        given = self._settings.function
        if given is not None and given.provisioned_scaling is not None and self._alias is not None:
            policy = provisioned_tracking(given.provisioned_scaling)
            bounds = given.provisioned_scaling.min_capacity, given.provisioned_scaling.max_capacity
            watched = Watched(policy, self._utilization, policy.settings.period, policy.range)
            target = ScalableTarget(*bounds, policies=[policy])
            found.append(Scaled(target, self._alias, [watched], delay=self._system.delays.metric_delay))
        return found

    def _variant_target(self, index: int, variant: VariantSettings) -> Scaled:
        policies: list[Policy] = []
        watched = []
        for number, tracked in enumerate(variant.tracking):
            policy = tracking(tracked, f"tracking-{number}")
            policies.append(policy)
            series = self._per_instance if tracked.metric == INVOCATIONS else self._concurrent
            watched.append(Watched(policy, series[index], policy.settings.period, policy.range))
        for number, steps in enumerate(variant.steps):
            stepped, alarm = stepping(steps, f"steps-{number}")
            policies.append(stepped)
            watched.append(Watched(alarm, self._per_instance[index], alarm.alarm.rule.period, alarm.alarm.rule.range))
        target = ScalableTarget(variant.min_capacity, variant.max_capacity, policies=policies)
        delay = self._system.delays.metric_delay
        return Scaled(target, self._variants[index], watched, daily(variant.schedule), delay)

    # ---- what is on the agenda

    def _look(self, now: float) -> None:
        for scaled in self._scaled:
            scaled.look(now)
        # Of the variants: the alias's are environments.
        asked = any(scaled.asks_for_more for scaled in self._scaled if isinstance(scaled.resource, Variant))
        self._at_maximum.set(now / self._speed, int(asked))
        every = min((scaled.every for scaled in self._scaled), default=math.inf)
        if every < math.inf:
            self._agenda.add((now // every + 1) * every, Turn.LOOK, self._look)

    def _metrics(self, now: float) -> None:
        """One-minute datapoints. A minute without requests is a real zero of InvocationsPerInstance, and none of
        utilization."""
        for variant, datapoints in zip(self._world.arrays["variants"], self._per_instance, strict=True):
            datapoints.append(float(variant["per_instance"]))
            variant["per_instance"] = 0.0
        s = self._world.now
        count = s.utilization_count
        self._utilization.append(s.utilization_sum / count if count else None)
        s.utilization_sum, s.utilization_count = 0.0, 0
        self._agenda.add(now + MINUTE, Turn.METRIC, self._metrics)

    def _high_resolution(self, now: float) -> None:
        for index, datapoints in enumerate(self._concurrent):
            datapoints.append(build.concurrency(self._world, index, now / self._speed))
        self._agenda.add(now + LOOK_SECONDS, Turn.METRIC, self._high_resolution)

    def _minute(self, now: float) -> None:
        self._minutes.close(now / self._speed, self._per_instance[0])
        self._agenda.add(now + MINUTE * self._speed, Turn.MINUTE, self._minute)

    # ---- what comes of it

    def _told(self, latencies: Latencies) -> Outcome:
        s = self._world.now
        kept: dict[str, float] = {}
        for variant, settings in zip(self._variants, self._settings.variants, strict=True):
            seconds = variant.kept.take(self._seconds)
            kept[settings.instance_type] = kept.get(settings.instance_type, 0.0) + seconds
        changes = sorted(
            (second, index, capacity)
            for index, variant in enumerate(self._variants)
            for second, capacity in variant.changes
        )
        return Outcome(
            seed=self._seed,
            seconds=self._seconds,
            requests=s.requests,
            succeeded=s.succeeded,
            failures=dict(zip(FAILURES, s.failures, strict=True)),
            throttles=s.throttles,
            retries=s.retried,
            latencies=latencies,
            instance_seconds=kept,
            function_requests=s.function_requests,
            function_seconds=s.function_seconds,
            provisioned_seconds=s.provisioned_seconds,
            held_seconds=self._alias.held.take(self._seconds) if self._alias is not None else 0.0,
            cold_starts=s.cold_starts,
            at_maximum=self._at_maximum.take(self._seconds),
            beyond_saturation=self._minutes.beyond_saturation,
            series=self._minutes.series(),
            changes=tuple(changes),
        )
