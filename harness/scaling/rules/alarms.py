"""CloudWatch alarms: M of N datapoints against a threshold, and what missing datapoints mean.

Pure: no I/O, no clock of its own. Source where none is named: CloudWatch guide, alarm evaluation and
alarms-and-missing-data.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from harness.scaling.rules.timing import MINUTE

AlarmState = Literal["OK", "ALARM", "INSUFFICIENT_DATA"]
Comparison = Literal[
    "GreaterThanThreshold", "GreaterThanOrEqualToThreshold", "LessThanThreshold", "LessThanOrEqualToThreshold"
]
TreatMissingData = Literal["missing", "ignore", "breaching", "notBreaching"]

# CloudWatch looks further back than the evaluation periods so that a late datapoint does not count as missing. How far
# is not published; the guide's own examples retrieve 5 datapoints for 3 periods.
EXTRA_DATAPOINTS = 2

_BREACHES: dict[Comparison, Callable[[float, float], bool]] = {
    "GreaterThanThreshold": operator.gt,
    "GreaterThanOrEqualToThreshold": operator.ge,
    "LessThanThreshold": operator.lt,
    "LessThanOrEqualToThreshold": operator.le,
}


@dataclass(frozen=True, slots=True)
class AlarmRule:
    """What an alarm watches for. period: of one datapoint, seconds; datapoints_to_alarm: M of evaluation_periods N.

    m_of_n: whether M was given (DatapointsToAlarm), which an alarm's StateReason shows.
    """

    threshold: float
    comparison: Comparison
    evaluation_periods: int
    datapoints_to_alarm: int
    period: int = MINUTE
    treat_missing_data: TreatMissingData = "missing"
    m_of_n: bool = False
    breaches: Callable[[float, float], bool] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "breaches", _BREACHES[self.comparison])

    @property
    def range(self) -> int:
        """How many datapoints an evaluation looks at."""
        return self.evaluation_periods + EXTRA_DATAPOINTS


def judge(rule: AlarmRule, datapoints: Sequence[float | None], state: AlarmState) -> AlarmState:
    """The state after an evaluation.

    datapoints: the most recent periods' values, oldest first, None where one is missing. state: the present one, which
    some answers keep.
    """
    breaches, threshold = rule.breaches, rule.threshold
    needed, periods = rule.datapoints_to_alarm, rule.evaluation_periods
    if datapoints and needed == periods:
        latest = datapoints[-1]
        if latest is not None and not breaches(latest, threshold):
            return "OK"  # all of N cannot breach any more; decides most evaluations without a look at the rest
    known = [value for value in datapoints[-rule.range :] if value is not None]
    if len(known) >= periods:
        count = sum(breaches(value, threshold) for value in known[-periods:])
        return "ALARM" if count >= needed else "OK"
    if not known:
        return _NOTHING_KNOWN.get(rule.treat_missing_data, state)
    count = sum(breaches(value, threshold) for value in known)
    if rule.treat_missing_data == "breaching":
        count += periods - len(known)
    if count >= needed:
        return "ALARM"
    if count < len(known) or rule.treat_missing_data in ("breaching", "notBreaching"):
        return "OK"
    if rule.treat_missing_data == "missing" and _age_of_oldest(rule, datapoints) >= needed:
        # All that is known breaches, and began M periods ago: ALARM with fewer than M datapoints.
        return "ALARM"
    # All that is known breaches, but is too recent. That the state stays is inferred: a published run saw a new alarm
    # in INSUFFICIENT_DATA until it went to ALARM.
    return state


_NOTHING_KNOWN: dict[TreatMissingData, AlarmState] = {
    "missing": "INSUFFICIENT_DATA",
    "breaching": "ALARM",
    "notBreaching": "OK",
}


def _age_of_oldest(rule: AlarmRule, datapoints: Sequence[float | None]) -> int:
    window = datapoints[-rule.range :]
    return next(len(window) - index for index, value in enumerate(window) if value is not None)


@dataclass(slots=True)
class Alarm:
    """One alarm's state. A new one has INSUFFICIENT_DATA. since: when it took its state, seconds.

    value: the most recent datapoint that it was evaluated with.
    """

    name: str
    rule: AlarmRule
    state: AlarmState = "INSUFFICIENT_DATA"
    since: float = 0.0
    value: float | None = None

    def evaluate(self, now: float, datapoints: Sequence[float | None]) -> bool:
        """Takes the state that the datapoints (oldest first) give; whether it is another one."""
        if datapoints and datapoints[-1] is not None:
            self.value = datapoints[-1]
        else:
            self.value = next((value for value in reversed(datapoints) if value is not None), None)
        state = judge(self.rule, datapoints, self.state)
        if state == self.state:
            return False
        self.state = state
        self.since = now
        return True
