"""One simulated run: requests between the times of an agenda, and what is decided and recorded at those times."""

from __future__ import annotations

import functools
import math

from harness.load.schedule import Schedule
from harness.scaling.rules.policies import ScalingPolicy
from harness.scaling.rules.target import ScalableTarget
from harness.scaling.rules.timing import LOOK_SECONDS
from harness.simulator.agenda import Agenda, Priority
from harness.simulator.capacity import allocate_environments, mean_concurrency, serve_instances
from harness.simulator.client import MINUTE
from harness.simulator.initial_state import initial_state
from harness.simulator.minutes import MinuteRecorder
from harness.simulator.outcome import Latencies, SimulationOutcome
from harness.simulator.resources import SimulatedAlias, SimulatedEndpoint, SimulatedVariant, TimeIntegral
from harness.simulator.scalable_targets import (
    Datapoints,
    SimulatedTarget,
    WatchedMetric,
    daily_actions,
    provisioned_tracking_policy,
    step_policy,
    tracking_policy,
)
from harness.simulator.settings import CONCURRENCY, INVOCATIONS, Settings, VariantSettings
from harness.simulator.state import FAILURES
from harness.simulator.system import System


class StackSimulation:
    """A stack with certain settings under certain traffic, from its deployment on. Its agenda follows the scaling
    clock."""

    def __init__(
        self, settings: Settings, system: System, traffic: Schedule, seed: int, arrivals: int | None = None
    ) -> None:
        self._settings, self._system, self._seed = settings, system, seed
        self._seconds = traffic.seconds
        self._speed = system.speed
        self._state = initial_state(settings, system, traffic, seed, arrivals)
        self._agenda = Agenda()
        endpoint = SimulatedEndpoint(self._agenda, system.delays, self._speed)
        self._variants = [
            SimulatedVariant(
                endpoint,
                variant.initial_instance_count,
                functools.partial(self._serve, index),
                functools.partial(self._take_down, index),
            )
            for index, variant in enumerate(settings.variants)
        ]
        self._alias = self._provisioned_alias()
        self._per_instance: list[Datapoints] = [[] for _ in settings.variants]
        self._concurrent: list[Datapoints] = [[] for _ in settings.variants]
        self._utilization: Datapoints = []
        self._targets = self._scalable_targets()
        self._minutes = MinuteRecorder(self._state, settings, system, self._variants, self._targets)
        self._at_maximum = TimeIntegral(0)

    def run(self) -> SimulationOutcome:
        """Simulates the whole traffic and returns what came of it."""
        self._agenda.add(0.0, Priority.LOOK, self._look)
        self._agenda.add(MINUTE, Priority.METRIC, self._record_metrics)
        self._agenda.add(MINUTE * self._speed, Priority.MINUTE, self._close_minute)
        if any(policy.metric == CONCURRENCY for variant in self._settings.variants for policy in variant.tracking):
            self._agenda.add(LOOK_SECONDS, Priority.METRIC, self._record_concurrency)
        while (due := self._agenda.due) / self._speed < self._seconds:
            self._advance(due / self._speed)
            self._agenda.take()(due)
        self._advance(self._seconds)
        self._minutes.close(self._seconds, self._per_instance[0])
        # Requests that are still in flight come to their end; nothing scales any more.
        self._advance(math.inf)
        return self._outcome(self._minutes.close_run())

    @property
    def slots_used(self) -> int:
        """The largest number of attempts in flight at one time so far. The run's memory grows with it."""
        return int(self._state.members.slots_used)

    # ---- requests

    def _advance(self, until: float) -> None:
        self._state.advance(until)

    def _serve(self, index: int, count: int, second: float) -> None:
        serve_instances(self._state, index, count, second)

    def _take_down(self, index: int, first: int, end: int, second: float) -> None:
        variant = self._state.arrays["variants"][index]
        attempts = (end - first) * (int(variant["workers"]) + int(variant["queue_length"]))
        if self._state.members.slots_used + attempts > self._state.members.slots_size:
            self._state.make_room(attempts)
        place = int(variant["first"])
        self._state.take_down_stations(place + first, place + end, second)

    # ---- scalable targets

    def _provisioned_alias(self) -> SimulatedAlias | None:
        function = self._settings.function
        if function is None or (
            function.provisioned_scaling is None and not function.provisioned_concurrent_executions
        ):
            return None
        initial = function.provisioned_concurrent_executions
        return SimulatedAlias(
            self._agenda, self._speed, initial, lambda count: allocate_environments(self._state, count)
        )

    def _scalable_targets(self) -> list[SimulatedTarget]:
        """Returns them in the order in which they are looked at: variants by name, then the function."""
        order = sorted(range(len(self._variants)), key=lambda index: self._settings.variants[index].name)
        targets = [
            self._variant_target(index, self._settings.variants[index])
            for index in order
            if self._settings.variants[index].scales
        ]
        function = self._settings.function
        if function is not None and function.provisioned_scaling is not None and self._alias is not None:
            policy = provisioned_tracking_policy(function.provisioned_scaling)
            bounds = function.provisioned_scaling.min_capacity, function.provisioned_scaling.max_capacity
            metric = WatchedMetric(policy, self._utilization, policy.settings.period, policy.range)
            target = ScalableTarget(*bounds, policies=[policy])
            targets.append(SimulatedTarget(target, self._alias, [metric], delay=self._system.delays.metric_delay))
        return targets

    def _variant_target(self, index: int, variant: VariantSettings) -> SimulatedTarget:
        policies: list[ScalingPolicy] = []
        metrics = []
        for number, tracking_settings in enumerate(variant.tracking):
            tracking = tracking_policy(tracking_settings, f"tracking-{number}")
            policies.append(tracking)
            series = self._per_instance if tracking_settings.metric == INVOCATIONS else self._concurrent
            metrics.append(WatchedMetric(tracking, series[index], tracking.settings.period, tracking.range))
        for number, step_settings in enumerate(variant.steps):
            stepping, alarm = step_policy(step_settings, f"steps-{number}")
            policies.append(stepping)
            rule = alarm.alarm.rule
            metrics.append(WatchedMetric(alarm, self._per_instance[index], rule.period, rule.range))
        target = ScalableTarget(variant.min_capacity, variant.max_capacity, policies=policies)
        delay = self._system.delays.metric_delay
        return SimulatedTarget(target, self._variants[index], metrics, daily_actions(variant.schedule), delay)

    # ---- what is on the agenda

    def _look(self, now: float) -> None:
        for target in self._targets:
            target.look(now)
        # Variants only: the alias's capacity is environments, not instances.
        wants_more = any(
            target.asks_for_more for target in self._targets if isinstance(target.resource, SimulatedVariant)
        )
        self._at_maximum.set(now / self._speed, int(wants_more))
        interval = min((target.look_interval for target in self._targets), default=math.inf)
        if interval < math.inf:
            self._agenda.add((now // interval + 1) * interval, Priority.LOOK, self._look)

    def _record_metrics(self, now: float) -> None:
        """Records the one-minute datapoints.

        In a minute without requests InvocationsPerInstance is really zero, and the utilization has no datapoint.
        """
        for variant, datapoints in zip(self._state.arrays["variants"], self._per_instance, strict=True):
            datapoints.append(float(variant["per_instance"]))
            variant["per_instance"] = 0.0
        members = self._state.members
        count = members.utilization_count
        self._utilization.append(members.utilization_sum / count if count else None)
        members.utilization_sum, members.utilization_count = 0.0, 0
        self._agenda.add(now + MINUTE, Priority.METRIC, self._record_metrics)

    def _record_concurrency(self, now: float) -> None:
        """Records the ten-second datapoints."""
        for index, datapoints in enumerate(self._concurrent):
            datapoints.append(mean_concurrency(self._state, index, now / self._speed))
        self._agenda.add(now + LOOK_SECONDS, Priority.METRIC, self._record_concurrency)

    def _close_minute(self, now: float) -> None:
        self._minutes.close(now / self._speed, self._per_instance[0])
        self._agenda.add(now + MINUTE * self._speed, Priority.MINUTE, self._close_minute)

    # ---- the outcome

    def _outcome(self, latencies: Latencies) -> SimulationOutcome:
        members = self._state.members
        instance_seconds: dict[str, float] = {}
        for variant, settings in zip(self._variants, self._settings.variants, strict=True):
            seconds = variant.kept.take(self._seconds)
            instance_seconds[settings.instance_type] = instance_seconds.get(settings.instance_type, 0.0) + seconds
        changes = sorted(
            (second, index, capacity)
            for index, variant in enumerate(self._variants)
            for second, capacity in variant.changes
        )
        return SimulationOutcome(
            seed=self._seed,
            seconds=self._seconds,
            requests=members.requests,
            succeeded=members.succeeded,
            failures=dict(zip(FAILURES, members.failures, strict=True)),
            throttles=members.throttles,
            retries=members.retried,
            latencies=latencies,
            instance_seconds=instance_seconds,
            function_requests=members.function_requests,
            function_seconds=members.function_seconds,
            provisioned_seconds=members.provisioned_seconds,
            held_seconds=self._alias.held.take(self._seconds) if self._alias is not None else 0.0,
            cold_starts=members.cold_starts,
            at_maximum=self._at_maximum.take(self._seconds),
            beyond_saturation=self._minutes.beyond_saturation,
            series=self._minutes.series(),
            changes=tuple(changes),
        )
