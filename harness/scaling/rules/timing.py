"""When scalable targets are looked at, and when the alarms see a metric's datapoint.

Times are seconds of the scaling clock.
"""

from __future__ import annotations

from collections.abc import Sequence

MINUTE = 60  # the period of standard metrics; alarms are evaluated once a minute (CloudWatch guide)
HIGH_RESOLUTION_PERIOD = 10  # the period of high-resolution metrics
LOOK_SECONDS = HIGH_RESOLUTION_PERIOD  # from one look at a scalable target to the next: the shortest period of an alarm

# A datapoint's minute ends, is published and comes to the alarm's next evaluation. AWS's own lab on endpoint scaling
# adds "1 to 2 minutes" for this and the service's reaction (aws/amazon-sagemaker-examples); a workshop measured 2 to 3.
METRIC_DELAY = 120.0  # seconds, one-minute metrics
# For ten-second metrics none is published: one more period is assumed.
HIGH_RESOLUTION_DELAY = 10.0


def metric_delay(period: int) -> float:
    """Seconds from the end of a period to the evaluation that sees it."""
    return METRIC_DELAY if period >= MINUTE else HIGH_RESOLUTION_DELAY


def visible_periods(now: float, period: int, delay: float | None = None) -> int:
    """How many periods since time 0 an evaluation at ``now`` sees: the last of them has that number less one."""
    return int((now - (metric_delay(period) if delay is None else delay)) // period)


def window(series: Sequence[float | None], end: int, length: int) -> Sequence[float | None]:
    """The ``length`` datapoints before period ``end`` of a series that starts at period 0, oldest first."""
    return series[max(0, end - length) : end] if end > 0 else ()
