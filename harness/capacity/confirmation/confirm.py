"""The chosen setting and the runner-up, run live on twins, with what was predicted for the same run beside it."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from harness.capacity.apply.tables import planned_stack
from harness.capacity.confirmation.excerpt import Excerpt, choose
from harness.capacity.confirmation.live import Measured, run_live
from harness.capacity.confirmation.sped_up import provisioning_at, settings_at, system_at
from harness.capacity.outcome import Outcome
from harness.capacity.plan import Candidate, Confirmation, Confirmed, Plan
from harness.capacity.quantities import say_rate, say_seconds
from harness.capacity.search.replication import Simulate
from harness.capacity.settings import Settings
from harness.capacity.system import System
from harness.capacity.traffic import Traffic
from harness.progress import Steps
from harness.stack import LocalTable, Stack
from harness.stack_twins import on_twins

_PREDICTIONS = 20  # simulated runs whose mean is the prediction; each is short


@dataclass(frozen=True, slots=True)
class Live:
    """How a confirmation is run. seconds: of the wall, of each setting; rate: that this machine can send and answer,
    requests a second at most."""

    speed: float = 10.0
    seconds: float = 120.0
    rate: float = 40.0


def confirm(
    plan: Plan, stack: Stack, system: System, traffic: Traffic, simulate: Simulate, live: Live, steps: Steps
) -> Confirmation:
    """Runs the settings one after the other. Raises HarnessError where the stack of twins does not come up."""
    part = choose(traffic, live.seconds, live.speed, live.rate)
    begun = time.monotonic()
    figures: list[Confirmed] = []
    reasons: list[str] = []
    requests, notes = 0, _notes(plan, part, live)
    chosen = [each for each in (plan.recommended, plan.runner_up) if each is not None]
    for candidate in chosen:
        measured, predicted = _both(plan, candidate, stack, system, part, simulate, live, steps)
        requests += measured.requests
        figures += _beside(candidate.label, predicted, measured)
        reasons += [f"{candidate.label}: {reason}" for reason in measured.reasons]
        if measured.overhead is not None:
            notes.append(
                f"{candidate.label}: the function takes {say_seconds(measured.overhead)} beside the model on this "
                "machine, measured on the idle stack of twins and put into the prediction."
            )
    return Confirmation(
        speed=live.speed,
        seconds=round(time.monotonic() - begun, 1),
        requests=requests,
        valid=not reasons,
        figures=tuple(figures),
        notes=(*notes, *reasons),
    )


def _both(
    plan: Plan,
    candidate: Candidate,
    stack: Stack,
    system: System,
    part: Excerpt,
    simulate: Simulate,
    live: Live,
    steps: Steps,
) -> tuple[Measured, list[Outcome]]:
    settings = settings_at(candidate.settings, system, part, live.speed)
    # A stack has one profile of twins: that of the planned variant's type.
    kind = next(each.instance_type for each in settings.variants if each.name == plan.variant)
    profile = system.profiles[kind]
    there = plan.model_copy(update={"recommended": candidate.model_copy(update={"settings": settings})})
    with (
        tempfile.TemporaryDirectory(prefix="harness-twins-") as scratch,
        steps.step(f"Running the {candidate.label} setting on twins", live.seconds) as say,
    ):
        file = Path(scratch) / "profile.json"
        file.write_text(profile.to_json(), encoding="utf-8")
        local = LocalTable(provisioning_seconds=provisioning_at(profile, system.delays.provisioning, live.speed))
        twins = on_twins(planned_stack(there, stack), file, scratch=Path(scratch), local=local)
        measured = run_live(twins, profile, part.profile, live.speed, plan.evidence.seed, say)
    predicted = _predict(settings, system, kind, part, simulate, live, measured, plan.evidence.seed)
    return measured, predicted


def _predict(
    settings: Settings,
    system: System,
    kind: str,
    part: Excerpt,
    simulate: Simulate,
    live: Live,
    measured: Measured,
    seed: int,
) -> list[Outcome]:
    there = system_at(system, live.speed)
    one = {variant.instance_type: system.profiles[kind] for variant in settings.variants}
    function = there.function
    if measured.overhead is not None:
        function = replace(function, overhead=measured.overhead)
    there = replace(there, profiles=one, function=function)
    return [simulate(settings, there, part.profile, seed=seed * 1000 + n) for n in range(_PREDICTIONS)]


def _beside(label: str, predicted: Sequence[Outcome], measured: Measured) -> list[Confirmed]:
    def mean(values: list[float]) -> float | None:
        known = [each for each in values if not np.isnan(each)]
        return float(np.mean(known)) if known else None

    def percentile(q: float) -> float | None:
        return mean([each.latencies.percentile(q) for each in predicted])

    seconds = predicted[0].seconds
    instances = mean([sum(each.instance_seconds.values()) / seconds for each in predicted])
    rows = [
        ("p50", "s", percentile(0.50), measured.p50),
        ("p95", "s", percentile(0.95), measured.p95),
        ("p99", "s", percentile(0.99), measured.p99),
        ("errors", "share", mean([each.error_rate for each in predicted]), measured.errors),
        ("throttles", "", mean([float(each.throttles) for each in predicted]), float(measured.throttles)),
        ("mean instances", "", instances, measured.mean_instances),
    ]
    return [
        Confirmed(label=label, figure=name, unit=unit, predicted=one, measured=other) for name, unit, one, other in rows
    ]


def _notes(plan: Plan, part: Excerpt, live: Live) -> list[str]:
    notes = [
        f"Run: {say_seconds(part.profile.seconds * live.speed)} of the traffic from {say_seconds(part.start)} on, "
        f"where it rises most, in {say_seconds(part.profile.seconds)}; scaling {live.speed:g} times as fast as "
        "requests, with targets in invocations a minute to match."
    ]
    if part.share < 1:
        notes.append(
            f"This machine sends {say_rate(live.rate)} at most: {part.share:.0%} of the requests were sent, to as "
            "large a share of the instances."
        )
    if any(
        variant.schedule for each in (plan.recommended, plan.runner_up) if each for variant in each.settings.variants
    ):
        notes.append("Scheduled capacity stayed as it was at the beginning.")
    return notes
