"""Confirms a plan: runs the recommended settings and the runner-up live on twins, beside a prediction of each run."""

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

_PREDICTIONS = 20  # how many simulated runs give the prediction; each is short
_WARM_AT_MOST = 50  # environments to start before a run, all at once: two cores start this many without an error


@dataclass(frozen=True, slots=True)
class ConfirmationOptions:
    """How a confirmation is run.

    seconds: the wall-clock time of each live run. rate: the most requests a second that this machine can send and
    answer.
    """

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
    """Runs the settings one after the other. Raises HarnessError if the stack of twins does not come up."""
    part = choose(traffic, live.seconds, live.speed, live.rate)
    begun = time.monotonic()
    figures: list[ConfirmedFigure] = []
    reasons: list[str] = []
    requests, notes = 0, _notes(plan, part, live)
    chosen = [evaluated for evaluated in (plan.recommended, plan.runner_up) if evaluated is not None]
    for evaluated in chosen:
        measured, predicted = _live_and_predicted(plan, evaluated, stack, system, part, simulate, live, steps)
        requests += measured.requests
        figures += _beside(evaluated.label, predicted, measured)
        reasons += [f"{evaluated.label}: {reason}" for reason in measured.reasons]
        if measured.overhead is not None:
            notes.append(
                f"{evaluated.label}: the function takes {text.seconds(measured.overhead)} beside the model on this "
                "machine, measured on the idle stack of twins and put into the prediction."
            )
        if measured.started:
            notes.append(
                f"{evaluated.label}: {measured.started} of the function's environments started while requests were "
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


def _live_and_predicted(
    plan: Plan,
    evaluated: EvaluatedSettings,
    stack: Stack,
    system: System,
    part: Excerpt,
    simulate: Simulate,
    live: ConfirmationOptions,
    steps: Steps,
) -> tuple[LiveFigures, list[SimulationOutcome]]:
    settings = settings_at(evaluated.settings, system, part, live.speed)
    # All twins of a stack have one profile: that of the planned variant's type.
    own_type = next(variant.instance_type for variant in settings.variants if variant.name == plan.variant)
    profile = system.profiles[own_type]
    at_speed = plan.model_copy(update={"recommended": evaluated.model_copy(update={"settings": settings})})
    twin_system = replace(system, profiles={variant.instance_type: profile for variant in settings.variants})

    # The live run and the simulation get the same traffic, request by request.
    seed = plan.evidence.seed
    sent = arrivals(settings, twin_system, part.schedule, seed=seed)

    def simulated(system: System) -> list[SimulationOutcome]:
        seeds = [seed * 1000 + number for number in range(_PREDICTIONS)]
        return [simulate(settings, system, part.schedule, seed=draw_seed, arrivals=seed) for draw_seed in seeds]

    # The traffic has been going on for a while, and so have the environments that serve it.
    all_warm = system_at(twin_system, live.speed, ACCOUNT_LIMIT)
    executions = 0
    if settings.function is not None:
        peak = max(outcome.series.concurrency_peak.max() for outcome in simulated(all_warm))
        executions = min(int(peak), _WARM_AT_MOST)
    with (
        tempfile.TemporaryDirectory(prefix="harness-twins-") as scratch,
        steps.step(f"Running the {evaluated.label} setting on twins", live.seconds) as say,
    ):
        local = LocalSettings(provisioning_seconds=provisioning_at(profile, system.delays.provisioning, live.speed))
        twins = on_twins(planned_stack(at_speed, stack), profile, scratch=Path(scratch), local=local)
        measured = run_live(twins, profile, part.schedule, sent, live.speed, executions, say)
    provisioned = settings.function.provisioned_concurrent_executions if settings.function else 0
    live_system = system_at(twin_system, live.speed, max(0, executions - provisioned))
    if measured.overhead is not None:
        live_system = replace(live_system, function=replace(live_system.function, overhead=measured.overhead))
    return measured, simulated(live_system)


def _beside(label: str, predicted: Sequence[SimulationOutcome], measured: LiveFigures) -> list[ConfirmedFigure]:
    def row(name: str, unit: str, of_run: Callable[[SimulationOutcome], float], value: float | None) -> ConfirmedFigure:
        known = [prediction for prediction in map(of_run, predicted) if not np.isnan(prediction)]
        mean, low, high = None, None, None
        if known:
            mean, (low, high) = float(np.mean(known)), (float(edge) for edge in np.quantile(known, (0.05, 0.95)))
        return ConfirmedFigure(label=label, figure=name, unit=unit, predicted=mean, measured=value, low=low, high=high)

    return [
        row("p50", "s", lambda run: run.latencies.percentile(0.50), measured.p50),
        row("p95", "s", lambda run: run.latencies.percentile(0.95), measured.p95),
        row("p99", "s", lambda run: run.latencies.percentile(0.99), measured.p99),
        row("errors", "share", lambda run: run.error_rate, measured.errors),
        row("throttles", "", lambda run: float(run.throttles), measured.throttles),
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
    chosen = [evaluated for evaluated in (plan.recommended, plan.runner_up) if evaluated is not None]
    if any(variant.schedule for evaluated in chosen for variant in evaluated.settings.variants):
        notes.append("Scheduled capacity stayed as it was at the beginning.")
    return notes
