"""The running service: looks at every scalable target again and again, and does what is due.

Level-triggered: a look depends on what is now, not on what was seen to happen, so a failed or missed one is healed by
the next.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Sequence

from botocore.exceptions import BotoCoreError, ClientError

from harness.backend.metrics import Metrics
from harness.core.clock import Clock
from harness.core.errors import AwsError
from harness.scaling.cloudwatch import Alarms, recorded, rule_of
from harness.scaling.rules.alarms import Alarm
from harness.scaling.rules.metric_sources import MetricSource, alarm_source
from harness.scaling.rules.policies import StepPolicy, TrackingPolicy
from harness.scaling.rules.target import Change, NotScaled, fulfilled
from harness.scaling.rules.timing import LOOK_SECONDS, MINUTE, visible_periods
from harness.scaling.state import PolicyRecord, Records, TargetRecord

log = logging.getLogger(__name__)

# A loop that fell this far behind leaves the looks in between out.
_LOST_SECONDS = 300


class Controller:
    """Evaluates policies and scheduled actions on the clock, and carries out what they come to."""

    def __init__(self, records: Records, clock: Clock, metrics: Metrics, alarms: Alarms) -> None:
        self._records = records
        self._clock = clock
        self._metrics = metrics
        self._alarms = alarms
        self._step_sources: dict[tuple[str, str], MetricSource] = {}
        self._task: asyncio.Task[None] | None = None
        self._busy = asyncio.Lock()

    def start(self) -> None:
        self._task = asyncio.create_task(self._run())

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

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
        """Everything that is due at ``now``: what has become of changes, scheduled actions, alarms, decisions."""
        async with self._busy:
            targets = self._records.everywhere()
            if now % MINUTE == 0:
                await self._find_step_alarms(targets)
            for record in targets:
                try:
                    await self._look_at(record, now)
                except Exception:
                    # One target's failure is not another's.
                    log.exception("a look at %s failed", record.key.resource_id)

    async def _look_at(self, record: TargetRecord, now: float) -> None:
        await self._observe(record, now)
        self._run_schedule(record, now)
        await self._enforce_bounds(record, now)
        # It may have been deregistered while its metrics were read.
        if await self._evaluate(record, now) and self._records.get(record.key) is record:
            await self._scale(record, now)

    async def settle_bounds(self, record: TargetRecord) -> None:
        """Brings a capacity that lies outside the bounds just set inside them, or leaves that to a later look."""
        async with self._busy:
            now = self._clock.now()
            await self._observe(record, now)
            await self._enforce_bounds(record, now)

    async def _observe(self, record: TargetRecord, now: float) -> None:
        """The resource's state now, and the end of an activity that it shows."""
        state = record.state = await record.resource.state()
        activities, activity = record.activities, record.activities.current
        if activity is None:
            return
        if state is None or state.failed or (state.updatable and state.desired != activity.capacity):
            activities.unfulfilled(now)
        elif fulfilled(state):
            activities.fulfilled(now)
        else:
            return
        record.target.cooldowns.completed(now)

    def _run_schedule(self, record: TargetRecord, now: float) -> None:
        """Scheduled actions of the same time run by name; they ignore cooldowns (Application Auto Scaling guide)."""
        for action in sorted(record.actions.values(), key=lambda one: (one.due or 0.0, one.name)):
            if action.due is None or action.due > now:
                continue
            action.advance(now)
            if record.target.suspended_schedule:
                continue
            bounds = action.request["ScalableTargetAction"]
            minimum, maximum = bounds.get("MinCapacity"), bounds.get("MaxCapacity")
            record.target.set_bounds(minimum, maximum)
            record.activities.bounds_set(now, minimum, maximum, action.name)

    async def _enforce_bounds(self, record: TargetRecord, now: float) -> None:
        state = record.state
        capacity = record.target.enforce(state) if state is not None else None
        if state is None or capacity is None:
            return
        which = "minimum" if capacity > state.desired else "maximum"
        await self._set(record, now, capacity, f"{which} capacity was set to {capacity}")

    async def _find_step_alarms(self, targets: Sequence[TargetRecord]) -> None:
        """The alarms that users made with a step scaling policy as their action, as CloudWatch has them now."""
        by_region: dict[str, dict[str, PolicyRecord]] = {}
        for record in targets:
            for policy in record.policies.values():
                if isinstance(policy.policy, StepPolicy):
                    by_region.setdefault(record.key.region, {})[policy.arn] = policy
        for region, policies in by_region.items():
            found = await self._alarms.with_actions(region, policies)
            for arn, owner in policies.items():
                step = owner.policy
                assert isinstance(step, StepPolicy)
                known = {one.alarm.name: one for one in step.alarms}
                step.alarms.clear()
                for alarm in found:
                    rule = rule_of(alarm)
                    if rule is None or arn not in alarm["AlarmActions"]:
                        continue
                    name = alarm["AlarmName"]
                    self._step_sources[region, name] = alarm_source(alarm)
                    if name in known and known[name].alarm.rule == rule:
                        step.alarms.append(known[name])
                    else:
                        step.watch(Alarm(name, rule))

    async def _evaluate(self, record: TargetRecord, now: float) -> bool:
        """Evaluates the alarms whose period ends now; whether there were any."""
        evaluated = False
        for owner in list(record.policies.values()):
            policy = owner.policy
            if isinstance(policy, TrackingPolicy):
                assert owner.metric is not None
                if policy.due(now):
                    evaluated = True
                    await self._evaluate_tracking(record, owner, policy, owner.metric, now)
                continue
            for one in list(policy.alarms):
                if one.due(now):
                    evaluated, rule = True, one.alarm.rule
                    source = self._step_sources[record.key.region, one.alarm.name]
                    end = visible_periods(now, rule.period)
                    datapoints = await self._read(record, source, end, rule.range, recorded_only=False)
                    before = one.alarm.state
                    one.evaluate(now, datapoints)
                    if one.alarm.state != before:
                        self._alarms.set_state(record.key.region, one.alarm, source, datapoints, end * rule.period)
        return evaluated

    async def _evaluate_tracking(
        self, record: TargetRecord, owner: PolicyRecord, policy: TrackingPolicy, source: MetricSource, now: float
    ) -> None:
        end = visible_periods(now, source.period)
        specification = owner.request["TargetTrackingScalingPolicyConfiguration"]
        predefined = "PredefinedMetricSpecification" in specification
        datapoints = await self._read(record, source, end, policy.range, recorded_only=predefined)
        before = policy.high.state, policy.low.state
        policy.evaluate(now, datapoints)
        for alarm, state in zip((policy.high, policy.low), before, strict=True):
            if alarm.state != state and not (alarm is policy.low and policy.settings.disable_scale_in):
                self._alarms.set_state(record.key.region, alarm, source, datapoints, end * source.period)

    async def _read(
        self, record: TargetRecord, source: MetricSource, end: int, length: int, *, recorded_only: bool
    ) -> list[float | None]:
        found = recorded(self._metrics, record.key.region, source, end, length)
        if found is not None:
            return found
        if recorded_only:
            return [None] * length
        return await self._alarms.datapoints(record.key.region, source, end, length)

    async def _scale(self, record: TargetRecord, now: float) -> None:
        state = record.state
        if state is None:
            return
        decision = record.target.decide_at(now, state, changing=record.activities.current is not None)
        if decision is None:
            return
        cause = f"monitor alarm {decision.request.alarm} in state ALARM triggered policy {decision.request.policy}"
        if isinstance(decision, NotScaled):
            record.activities.not_scaled(now, cause, _not_scaled_reason(decision, record.target.minimum, record))
        elif await self._set(record, now, decision.capacity, cause):
            record.target.begin(now, state.desired, Change(decision.capacity, decision.request))

    async def _set(self, record: TargetRecord, now: float, capacity: int, cause: str) -> bool:
        """One activity; whether the service took the change."""
        record.activities.begin(now, capacity, cause)
        try:
            await record.resource.set_capacity(capacity)
        except AwsError as error:
            record.activities.refused(now, error.message)
            return False
        except (ClientError, BotoCoreError) as error:
            record.activities.refused(now, str(error))
            return False
        record.activities.accepted()
        return True


def _not_scaled_reason(decision: NotScaled, minimum: int, record: TargetRecord) -> dict[str, object]:
    reason: dict[str, object] = {"Code": decision.code}
    if decision.code == "AlreadyAtMaxCapacity":
        reason["MaxCapacity"] = record.target.maximum
    elif decision.code == "AlreadyAtMinCapacity":
        reason["MinCapacity"] = minimum
    elif record.state is not None:
        reason["CurrentCapacity"] = record.state.desired
    return reason
