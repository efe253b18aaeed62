"""Simulate a day of an endpoint that scales itself, from the measured profile of one instance.

python docs/examples/simulate_a_day.py fixtures/profiles/dog-breed-torchserve-2-cores.json
"""

import sys
from pathlib import Path

from harness.core.profile import read_profile
from harness.load.traffic import read_traffic
from harness.simulator import simulate
from harness.simulator.settings import Settings, TrackingSettings, VariantSettings
from harness.simulator.system import System

profile = read_profile(Path(sys.argv[1]))
variant = VariantSettings(
    instance_type="ml.m5.large",
    max_capacity=8,
    tracking=(TrackingSettings(target_value=200, scale_out_cooldown=60),),
)
system = System(profiles={"ml.m5.large": profile})
traffic = read_traffic("daily:1/s..20/s").schedule
outcome = simulate(Settings(variants=(variant,)), system, traffic, seed=1)
p50, p99 = outcome.latencies.percentile(0.5), outcome.latencies.percentile(0.99)
print(f"{outcome.requests:,} requests, {outcome.error_rate:.2%} errors, p50 {p50:.3f} s, p99 {p99:.3f} s")
print(
    f"{outcome.instance_seconds['ml.m5.large'] / 3600:.1f} instance hours, {len(outcome.changes)} changes of capacity"
)
