"""The running service: looks at every scalable target again and again, and does what is due.

It is level-triggered: a look depends on the present state, not on events that were seen. The next look therefore makes
up for one that failed or was missed.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from botocore.exceptions import BotoCoreError, ClientError

from harness.backend.metrics import Metrics
from harness.core import tasks
from harness.core.clock import Clock
from harness.core.errors import AwsError
from harness.scaling.cloudwatch import CloudWatchAlarms, recorded_datapoints, rule_of
from harness.scaling.records import PolicyRecord, TargetRecord, TargetRecords
from harness.scaling.rules.alarms import Alarm
from harness.scaling.rules.metric_sources import MetricSource, alarm_source
from harness.scaling.rules.policies import StepPolicy, TrackingPolicy
from harness.scaling.rules.target import CapacityChange, NotScaled, fulfilled
from harness.scaling.rules.timing import LOOK_SECONDS, MINUTE, visible_periods

log = logging.getLogger(__name__)

# A loop that has fallen this far behind skips the looks that it missed.
_LOST_SECONDS = 300


class Controller:
    """Evaluates policies and scheduled actions by the clock, and carries out what they decide."""

    def __init__(self, targets: TargetRecords, clock: Clock, metrics: Metrics, alarms: CloudWatchAlarms) -> None:
        self._targets = targets
        self._clock = clock
        self._metrics = metrics
        self._alarms = alarms
        self._step_sources: dict[tuple[str, str], MetricSource] = {}
        self._task: asyncio.Task[None] | None = None
        self._busy = asyncio.Lock()

    def start(self) -> None:
        self._task = tasks.keep(self._run, "looking at the scalable targets")

    async def close(self) -> None:
        await tasks.stop(self._task)

    async def _run(self) -> None:
        due = self._clock.now() // LOOK_SECONDS * LOOK_SECONDS
        while True:
            due += LOOK_SECONDS
            now = self._clock.now()
            if now - due > _LOST_SECONDS:
                due = now // LOOK_SECONDS * LOOK_SECONDS
            await self._clock.sleep(due - now)
            try:
                await self.look(due)
            except Exception:
                log.exception("a look at the scalable targets failed")

    async def look(self, now: float) -> None:
        """Does everything that is due: notes the end of changes, runs scheduled actions, evaluates alarms, decides."""
        async with self._busy:
            targets = self._targets.all()
            if now % MINUTE == 0:
                await self._find_step_alarms(targets)
            for target in targets:
                try:
                    await self._look_at(target, now)
                except Exception:
                    # The failure of one target must not stop the others.
                    log.exception("a look at %s failed", target.key.resource_id)

    async def _look_at(self, target: TargetRecord, now: float) -> None:
        await self._observe(target, now)
        self._run_schedule(target, now)
        await self._enforce_bounds(target, now)
        # The target may have been deregistered while its metrics were read.
        if await self._evaluate(target, now) and self._targets.get(target.key) is target:
            await self._scale(target, now)

    async def settle_bounds(self, target: TargetRecord) -> None:
        """Brings the capacity within bounds that were just set; a later look does so if that is not possible now."""
        async with self._busy:
            now = self._clock.now()
            await self._observe(target, now)
            await self._enforce_bounds(target, now)

    async def _observe(self, target: TargetRecord, now: float) -> None:
        """Reads the present state of the resource, and ends the activity under way if that state shows its end."""
        state = target.state = await target.resource.state()
        activities, activity = target.activities, target.activities.current
        if activity is None:
            return
        if state is None or state.failed or (state.updatable and state.desired != activity.capacity):
            activities.unfulfilled(now)
        elif fulfilled(state):
            activities.fulfilled(now)
        else:
            return
        target.rules.cooldowns.completed(now)

    def _run_schedule(self, target: TargetRecord, now: float) -> None:
        """Runs the scheduled actions that are due: those of the same time by name. They ignore cooldowns (Application
        Auto Scaling guide)."""
        for action in sorted(target.actions.values(), key=lambda action: (action.due or 0.0, action.name)):
            if action.due is None or action.due > now:
                continue
            action.advance(now)
            if target.rules.suspended_schedule:
                continue
            bounds = action.request["ScalableTargetAction"]
            minimum, maximum = bounds.get("MinCapacity"), bounds.get("MaxCapacity")
            target.rules.set_bounds(minimum, maximum)
            target.activities.bounds_set(now, minimum, maximum, action.name)

    async def _enforce_bounds(self, target: TargetRecord, now: float) -> None:
        state = target.state
        capacity = target.rules.enforce(state) if state is not None else None
        if state is None or capacity is None:
            return
        which = "minimum" if capacity > state.desired else "maximum"
        await self._set_capacity(target, now, capacity, f"{which} capacity was set to {capacity}")

    async def _find_step_alarms(self, targets: Sequence[TargetRecord]) -> None:
        """Reads the present alarms in CloudWatch that users made with a step scaling policy as their action."""
        by_region: dict[str, dict[str, StepPolicy]] = {}
        for target in targets:
            for policy in target.policies.values():
                if isinstance(policy.rules, StepPolicy):
                    by_region.setdefault(target.key.region, {})[policy.arn] = policy.rules
        for region, policies in by_region.items():
            alarms = await self._alarms.with_actions(region, policies)
            for arn, step_policy in policies.items():
                known = {step_alarm.alarm.name: step_alarm for step_alarm in step_policy.alarms}
                step_policy.alarms.clear()
                for alarm in alarms:
                    rule = rule_of(alarm)
                    if rule is None or arn not in alarm["AlarmActions"]:
                        continue
                    name = alarm["AlarmName"]
                    self._step_sources[region, name] = alarm_source(alarm)
                    if name in known and known[name].alarm.rule == rule:
                        step_policy.alarms.append(known[name])
                    else:
                        step_policy.watch(Alarm(name, rule))

    async def _evaluate(self, target: TargetRecord, now: float) -> bool:
        """Evaluates the alarms whose period ends now, and returns whether there were any."""
        evaluated = False
        region = target.key.region
        for policy in list(target.policies.values()):
            rules = policy.rules
            if isinstance(rules, TrackingPolicy):
                assert policy.metric is not None
                if rules.due(now):
                    evaluated = True
                    await self._evaluate_tracking(target, policy, rules, policy.metric, now)
                continue
            for step_alarm in list(rules.alarms):
                if step_alarm.due(now):
                    evaluated, alarm = True, step_alarm.alarm
                    source = self._step_sources[region, alarm.name]
                    end = visible_periods(now, alarm.rule.period)
                    datapoints = await self._read(target, source, end, alarm.rule.range, recorded_only=False)
                    before = alarm.state
                    step_alarm.evaluate(now, datapoints)
                    if alarm.state != before:
                        self._alarms.set_state(region, alarm, source, datapoints, end * alarm.rule.period)
        return evaluated

    async def _evaluate_tracking(
        self, target: TargetRecord, policy: PolicyRecord, rules: TrackingPolicy, source: MetricSource, now: float
    ) -> None:
        end = visible_periods(now, source.period)
        specification = policy.request["TargetTrackingScalingPolicyConfiguration"]
        predefined = "PredefinedMetricSpecification" in specification
        datapoints = await self._read(target, source, end, rules.range, recorded_only=predefined)
        before = rules.high.state, rules.low.state
        rules.evaluate(now, datapoints)
        for alarm, state in zip((rules.high, rules.low), before, strict=True):
            if alarm.state != state and not (alarm is rules.low and rules.settings.disable_scale_in):
                self._alarms.set_state(target.key.region, alarm, source, datapoints, end * source.period)

    async def _read(
        self, target: TargetRecord, source: MetricSource, end: int, length: int, *, recorded_only: bool
    ) -> list[float | None]:
        """Reads the ``length`` datapoints before period ``end``. recorded_only: never ask CloudWatch for them."""
        recorded = recorded_datapoints(self._metrics, target.key.region, source, end, length)
        if recorded is not None:
            return recorded
        if recorded_only:
            return [None] * length
        return await self._alarms.datapoints(target.key.region, source, end, length)

    async def _scale(self, target: TargetRecord, now: float) -> None:
        state = target.state
        if state is None:
            return
        decision = target.rules.decide_at(now, state, changing=target.activities.current is not None)
        if decision is None:
            return
        cause = f"monitor alarm {decision.request.alarm} in state ALARM triggered policy {decision.request.policy}"
        if isinstance(decision, NotScaled):
            target.activities.not_scaled(now, cause, _not_scaled_reason(decision, target))
        elif await self._set_capacity(target, now, decision.capacity, cause):
            target.rules.begin(now, state.desired, CapacityChange(decision.capacity, decision.request))

    async def _set_capacity(self, target: TargetRecord, now: float, capacity: int, cause: str) -> bool:
        """Begins an activity that sets the capacity, and returns whether the service accepted the change."""
        target.activities.begin(now, capacity, cause)
        try:
            await target.resource.set_capacity(capacity)
        except AwsError as error:
            target.activities.refused(now, error.message)
            return False
        except (ClientError, BotoCoreError) as error:
            target.activities.refused(now, str(error))
            return False
        except Exception as error:
            log.exception("the capacity of %s could not be set", target.key.resource_id)
            target.activities.refused(now, f"The harness failed: {tasks.said_of(error)}")
            return False
        target.activities.accepted()
        return True


def _not_scaled_reason(decision: NotScaled, target: TargetRecord) -> dict[str, object]:
    reason: dict[str, object] = {"Code": decision.code}
    if decision.code == "AlreadyAtMaxCapacity":
        reason["MaxCapacity"] = target.rules.maximum
    elif decision.code == "AlreadyAtMinCapacity":
        reason["MinCapacity"] = target.rules.minimum
    elif target.state is not None:
        reason["CurrentCapacity"] = target.state.desired
    return reason
