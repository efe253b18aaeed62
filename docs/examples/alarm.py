"""Play datapoints of one minute to a target tracking policy's two alarms, and see when each goes off.

python docs/examples/alarm.py
"""

from harness.scaling.rules.alarms import Alarm
from harness.scaling.rules.tracking import TargetTrackingSettings

settings = TargetTrackingSettings(target_value=60)  # invocations a minute per instance
alarms = [Alarm("AlarmHigh", settings.high_rule()), Alarm("AlarmLow", settings.low_rule())]
datapoints: list[float] = []
for minute, value in enumerate([10.0] * 5 + [90.0] * 5 + [10.0] * 20):
    datapoints.append(value)
    for alarm in alarms:
        if alarm.evaluate(minute * 60, datapoints[-alarm.rule.range :]):
            print(f"minute {minute}: {alarm.name} is {alarm.state} at {value:g} (threshold {alarm.rule.threshold:g})")
