"""When scalable targets are looked at, and when the alarms see a metric's datapoint.

Times are seconds of the scaling clock.
"""

from __future__ import annotations

from collections.abc import Sequence

MINUTE = 60  # the period of standard metrics; alarms are evaluated once a minute (CloudWatch guide)
HIGH_RESOLUTION_PERIOD = 10  # the period of high-resolution metrics
LOOK_SECONDS = HIGH_RESOLUTION_PERIOD  # from one look at a scalable target to the next: the shortest period of an alarm

# A datapoint is published after its minute has ended, and then waits for the alarm's next evaluation. AWS's own lab on
# endpoint scaling adds "1 to 2 minutes" for this and the service's reaction (aws/amazon-sagemaker-examples); a workshop
# measured 2 to 3.
METRIC_DELAY = 120.0  # for one-minute metrics
# No delay of ten-second metrics is published. We assume one more period.
HIGH_RESOLUTION_DELAY = 10.0


def metric_delay(period: int) -> float:
    """Returns the seconds from the end of a period to the evaluation that sees its datapoint."""
    return METRIC_DELAY if period >= MINUTE else HIGH_RESOLUTION_DELAY


def visible_periods(now: float, period: int, delay: float | None = None) -> int:
    """Returns how many periods since time 0 an evaluation at ``now`` sees. Their indices begin at 0."""
    return int((now - (metric_delay(period) if delay is None else delay)) // period)


def window(series: Sequence[float | None], end: int, length: int) -> Sequence[float | None]:
    """Returns the ``length`` datapoints before period ``end`` of a series that starts at period 0, the oldest first."""
    return series[max(0, end - length) : end] if end > 0 else ()
