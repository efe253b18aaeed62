"""The chosen setting and the runner-up, run live on twins, with what was predicted for the same run beside it."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from harness.core import figures as text
from harness.core.progress import Steps
from harness.functions.rules.concurrency import ACCOUNT_LIMIT
from harness.hosting.instances.settings import LocalSettings
from harness.load.traffic import Traffic
from harness.planner.apply.tables import planned_stack
from harness.planner.confirmation.excerpt import Excerpt, choose
from harness.planner.confirmation.live import LiveFigures, run_live
from harness.planner.confirmation.sped_up import provisioning_at, settings_at, system_at
from harness.planner.plan import Confirmation, ConfirmedFigure, EvaluatedSettings, Plan
from harness.planner.search.replication import Simulate
from harness.simulator import arrivals
from harness.simulator.outcome import SimulationOutcome
from harness.simulator.system import System
from harness.stack.tables import Stack
from harness.stack.twins import on_twins

_PREDICTIONS = 20  # simulated runs whose mean is the prediction; each is short
_WARM_AT_MOST = 50  # environments that are started before a run, all at once: what two cores start without an error


@dataclass(frozen=True, slots=True)
class ConfirmationOptions:
    """How a confirmation is run. seconds: of the wall, of each setting; rate: that this machine can send and answer,
    requests a second at most."""

    speed: float = 10.0
    seconds: float = 120.0
    rate: float = 40.0


def confirm(
    plan: Plan,
    stack: Stack,
    system: System,
    traffic: Traffic,
    simulate: Simulate,
    live: ConfirmationOptions,
    steps: Steps,
) -> Confirmation:
    """Runs the settings one after the other. Raises HarnessError where the stack of twins does not come up."""
    part = choose(traffic, live.seconds, live.speed, live.rate)
    begun = time.monotonic()
    figures: list[ConfirmedFigure] = []
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
                f"{candidate.label}: the function takes {text.seconds(measured.overhead)} beside the model on this "
                "machine, measured on the idle stack of twins and put into the prediction."
            )
        if measured.started:
            notes.append(
                f"{candidate.label}: {measured.started} of the function's environments started while requests were "
                "answered, on the cores that everything here shares, which held those up; on AWS they start elsewhere."
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
    candidate: EvaluatedSettings,
    stack: Stack,
    system: System,
    part: Excerpt,
    simulate: Simulate,
    live: ConfirmationOptions,
    steps: Steps,
) -> tuple[LiveFigures, list[SimulationOutcome]]:
    settings = settings_at(candidate.settings, system, part, live.speed)
    # A stack has one profile of twins: that of the planned variant's type.
    kind = next(each.instance_type for each in settings.variants if each.name == plan.variant)
    profile = system.profiles[kind]
    there = plan.model_copy(update={"recommended": candidate.model_copy(update={"settings": settings})})
    of_twins = replace(system, profiles={variant.instance_type: profile for variant in settings.variants})

    # Sent and simulated alike: it is the same traffic to the request.
    seed = plan.evidence.seed
    sent = arrivals(settings, of_twins, part.schedule, seed=seed)

    def simulated(system: System) -> list[SimulationOutcome]:
        seeds = [seed * 1000 + number for number in range(_PREDICTIONS)]
        return [simulate(settings, system, part.schedule, seed=each, arrivals=seed) for each in seeds]

    # The traffic has been there for a while: so have the environments that serve it.
    all_warm = system_at(of_twins, live.speed, ACCOUNT_LIMIT)
    executions = 0
    if settings.function is not None:
        peak = max(outcome.series.concurrency_peak.max() for outcome in simulated(all_warm))
        executions = min(int(peak), _WARM_AT_MOST)
    with (
        tempfile.TemporaryDirectory(prefix="harness-twins-") as scratch,
        steps.step(f"Running the {candidate.label} setting on twins", live.seconds) as say,
    ):
        local = LocalSettings(provisioning_seconds=provisioning_at(profile, system.delays.provisioning, live.speed))
        twins = on_twins(planned_stack(there, stack), profile, scratch=Path(scratch), local=local)
        measured = run_live(twins, profile, part.schedule, sent, live.speed, executions, say)
    provisioned = settings.function.provisioned_concurrent_executions if settings.function else 0
    same = system_at(of_twins, live.speed, max(0, executions - provisioned))
    if measured.overhead is not None:
        same = replace(same, function=replace(same.function, overhead=measured.overhead))
    return measured, simulated(same)


def _beside(label: str, predicted: Sequence[SimulationOutcome], measured: LiveFigures) -> list[ConfirmedFigure]:
    def row(name: str, unit: str, each: Callable[[SimulationOutcome], float], found: float | None) -> ConfirmedFigure:
        known = [value for value in map(each, predicted) if not np.isnan(value)]
        mean, low, high = None, None, None
        if known:
            mean, (low, high) = float(np.mean(known)), (float(edge) for edge in np.quantile(known, (0.05, 0.95)))
        return ConfirmedFigure(label=label, figure=name, unit=unit, predicted=mean, measured=found, low=low, high=high)

    return [
        row("p50", "s", lambda run: run.latencies.percentile(0.50), measured.p50),
        row("p95", "s", lambda run: run.latencies.percentile(0.95), measured.p95),
        row("p99", "s", lambda run: run.latencies.percentile(0.99), measured.p99),
        row("errors", "share", lambda run: run.error_rate, measured.errors),
        row("throttles", "", lambda run: float(run.throttles), float(measured.throttles)),
        row(
            "mean instances", "", lambda run: sum(run.instance_seconds.values()) / run.seconds, measured.mean_instances
        ),
    ]


def _notes(plan: Plan, part: Excerpt, live: ConfirmationOptions) -> list[str]:
    run, stretch = part.schedule.seconds, part.schedule.seconds * live.speed
    notes = [
        f"Run: {text.length_of_time(stretch)} of the traffic from {text.length_of_time(part.start)} on, "
        f"where it rises most, in {text.length_of_time(run)}; scaling {live.speed:g} times as fast as "
        "requests, with targets in invocations a minute to match."
    ]
    if part.share < 1:
        notes.append(
            f"This machine sends {text.rate(live.rate)} at most: {text.percent(part.share)} of the requests were sent, "
            "to as large a share of the instances."
        )
    if any(
        variant.schedule for each in (plan.recommended, plan.runner_up) if each for variant in each.settings.variants
    ):
        notes.append("Scheduled capacity stayed as it was at the beginning.")
    return notes
