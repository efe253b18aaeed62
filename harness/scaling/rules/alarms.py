"""CloudWatch alarms: M of N datapoints against a threshold, and what missing datapoints mean.

The source is the CloudWatch guide (alarm evaluation, alarms-and-missing-data) unless another one is named.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from harness.scaling.rules.timing import MINUTE

AlarmState = Literal["OK", "ALARM", "INSUFFICIENT_DATA"]
ComparisonOperator = Literal[
    "GreaterThanThreshold", "GreaterThanOrEqualToThreshold", "LessThanThreshold", "LessThanOrEqualToThreshold"
]
TreatMissingData = Literal["missing", "ignore", "breaching", "notBreaching"]

# CloudWatch looks further back than the evaluation periods so that a late datapoint does not count as missing. How far
# is not published; the guide's own examples retrieve 5 datapoints for 3 periods.
EXTRA_DATAPOINTS = 2

_BREACHES: dict[ComparisonOperator, Callable[[float, float], bool]] = {
    "GreaterThanThreshold": operator.gt,
    "GreaterThanOrEqualToThreshold": operator.ge,
    "LessThanThreshold": operator.lt,
    "LessThanOrEqualToThreshold": operator.le,
}


@dataclass(frozen=True, slots=True)
class AlarmRule:
    """When an alarm goes off.

    datapoints_to_alarm: how many (M) of the last evaluation_periods (N) datapoints must breach. period: seconds of one
    datapoint. m_of_n: whether DatapointsToAlarm was given; the StateReason then says so.
    """

    threshold: float
    comparison: ComparisonOperator
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
        """The number of datapoints that an evaluation looks at."""
        return self.evaluation_periods + EXTRA_DATAPOINTS


def judge(rule: AlarmRule, datapoints: Sequence[float | None], state: AlarmState) -> AlarmState:
    """Returns the state after an evaluation.

    datapoints: the values of the most recent periods, the oldest first; None if one is missing. state: the present
    state, which stays in some cases.
    """
    breaches, threshold = rule.breaches, rule.threshold
    needed, periods = rule.datapoints_to_alarm, rule.evaluation_periods
    if datapoints and needed == periods:
        latest = datapoints[-1]
        if latest is not None and not breaches(latest, threshold):
            return "OK"  # not all of N breach; this decides most evaluations without a look at the other datapoints
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
        # All known datapoints breach, and the oldest is M periods old: ALARM with fewer than M datapoints.
        return "ALARM"
    # All known datapoints breach, but they are too recent. That the state then stays is inferred: in a published run a
    # new alarm was in INSUFFICIENT_DATA until it went to ALARM.
    return state


_NOTHING_KNOWN: dict[TreatMissingData, AlarmState] = {
    "missing": "INSUFFICIENT_DATA",
    "breaching": "ALARM",
    "notBreaching": "OK",
}


def _age_of_oldest(rule: AlarmRule, datapoints: Sequence[float | None]) -> int:
    """Returns how many periods ago the oldest known datapoint began."""
    window = datapoints[-rule.range :]
    return next(len(window) - index for index, value in enumerate(window) if value is not None)


@dataclass(slots=True)
class Alarm:
    """One alarm with its state. A new alarm has INSUFFICIENT_DATA.

    since: when it took its state, in seconds. value: the most recent datapoint of its last evaluation.
    """

    name: str
    rule: AlarmRule
    state: AlarmState = "INSUFFICIENT_DATA"
    since: float = 0.0
    value: float | None = None

    def evaluate(self, now: float, datapoints: Sequence[float | None]) -> bool:
        """Takes the state that the datapoints (the oldest first) give, and returns whether it has changed."""
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
