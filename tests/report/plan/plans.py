"""Plans made by hand, as `harness plan` writes them: a day with a peak at noon, and the settings tried on it."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from harness.planner.plan import (
    BreakingPoint,
    Confirmation,
    ConfirmedFigure,
    Cost,
    Distribution,
    EvaluatedSettings,
    Interval,
    MinuteSeries,
    Objective,
    Plan,
    PlanEvidence,
    Sensitivity,
    SimulatedFigures,
    TrafficSummary,
)
from harness.simulator.settings import (
    FunctionSettings,
    ScheduledCapacity,
    Settings,
    Step,
    StepSettings,
    TrackingSettings,
    VariantSettings,
)

PRICE = 0.115  # of an ml.m5.large an hour
OBJECTIVE = Objective(p99=0.5, errors=0.001)


def settings(
    target: float | None = 690,
    most: int = 3,
    least: int = 1,
    reserved: int | None = None,
    provisioned: int = 0,
    scale_in: float = 300,
    **variant: Any,
) -> Settings:
    tracking = (
        ()
        if target is None
        else (TrackingSettings(target_value=target, scale_out_cooldown=60, scale_in_cooldown=scale_in),)
    )
    members = {"instance_type": "ml.m5.large", "routing_strategy": "LEAST_OUTSTANDING_REQUESTS", **variant}
    return Settings(
        variants=(
            VariantSettings(
                initial_instance_count=least, min_capacity=least, max_capacity=most, tracking=tracking, **members
            ),
        ),
        function=FunctionSettings(
            memory_size=256,
            timeout=30,
            reserved_concurrent_executions=reserved,
            provisioned_concurrent_executions=provisioned,
        ),
    )


def around(value: float | None, share: float = 0.03) -> Interval:
    return (
        Interval(value=None)
        if value is None
        else Interval(value=value, low=value * (1 - share), high=value * (1 + share))
    )


def figures(
    instances: float = 1.9, p99: float | None = 0.41, errors: float = 0.0002, peak: int = 3, **members: Any
) -> SimulatedFigures:
    meets = p99 is not None and p99 * 1.03 <= OBJECTIVE.p99 and errors * 1.03 <= OBJECTIVE.errors
    return SimulatedFigures(
        **{
            "replications": 10,
            "p50": around(p99 and p99 / 3.4, 0.01),
            "p95": around(p99 and p99 / 1.6, 0.02),
            "p99": around(p99),
            "errors": around(errors),
            "throttles": around(errors * 1_000_000, 0.1),
            "cost": Cost(instances=instances * PRICE, function=0.0171, provisioned=0.0, requests=0.0093),
            "mean_instances": instances,
            "peak_instances": peak,
            "hours_at_maximum": 0.3,
            "cold_starts": 14.2,
            "meets": meets,
            **members,
        }
    )


def candidate(label: str, chosen: Settings | None = None, says: str | None = None, **members: Any) -> EvaluatedSettings:
    return EvaluatedSettings(label=label, settings=chosen or settings(), figures=figures(**members), says=says)


def minutes(label: str, most: int = 3, step: float = 60.0, seconds: float = 86_400) -> MinuteSeries:
    """A day's cycle: instances follow the arrivals some minutes late, and where they are at most the queue grows."""
    count = max(1, round(seconds / step))
    rates = [1200 - 1100 * math.cos(2 * math.pi * index * step / 86_400) for index in range(count)]
    late = [rates[max(0, index - round(420 / step))] for index in range(count)]
    needed = [max(1, math.ceil(rate / 700)) for rate in late]
    serving = [float(min(most, count)) for count in needed]
    load = [rate / (count * 1100) for rate, count in zip(rates, serving, strict=True)]
    queued = [min(100.0, share / max(0.02, 1.05 - share)) for share in load]
    return MinuteSeries(
        label=label,
        step=step,
        arrivals=rates,
        in_service=serving,
        desired=[float(min(most, count)) for count in needed],
        per_instance=[rate / count for rate, count in zip(rates, serving, strict=True)],
        queued=queued,
        p50=[None if index == 3 else 0.09 + waiting / 50 for index, waiting in enumerate(queued)],
        p99=[None if index == 3 else 0.14 + waiting / 12 for index, waiting in enumerate(queued)],
        concurrency=[rate / 60 * 0.12 for rate in rates],
        concurrency_peak=[rate / 60 * 0.12 + 4 for rate in rates],
        throttles=[max(0.0, rate - 2200) for rate in rates],
        errors=[max(0.0, rate - 2250) for rate in rates],
        alarm_high=[float(share > 0.9) for share in load],
        alarm_low=[float(share < 0.4) for share in load],
    )


def distribution(label: str, p99: float) -> Distribution:
    probabilities = [0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 0.9999]
    return Distribution(
        label=label,
        probabilities=probabilities,
        seconds=[p99 / 5 * (1 - math.log10(1 - probability)) ** 1.3 / 2 for probability in probabilities],
    )


MISREAD = (
    "Reads the target of 5 as concurrent requests. It is invocations a minute per instance: one request every 12 s.\n\n"
    "Swaps reserved and provisioned concurrency: the reserved 2 are a cap."
)


def a_plan(**changes: Any) -> Plan:
    labelled = candidate("recommended"), candidate("runner-up", settings(target=620), instances=2.1, p99=0.38)
    compared = (
        candidate("stack", settings(target=1500), instances=1.7, p99=0.9),
        candidate("write-up A", settings(target=5, scale_in=30, reserved=3), instances=2.98, p99=0.31, errors=0.17),
        candidate(
            "write-up B",
            settings(target=5, reserved=2, provisioned=2, instance_type="ml.m5.xlarge"),
            MISREAD,
            instances=5.9,
            p99=0.29,
            errors=0.41,
            hours_at_maximum=23.6,
        ),
        candidate("write-up E", settings(target=25, reserved=5), instances=2.96, p99=0.30, errors=0.04),
        candidate("rule of thumb", settings(target=690, most=3), instances=1.95, p99=0.42),
        candidate("one instance", settings(target=None, most=1), instances=1.0, p99=None, errors=1.0, peak=1),
    )
    front = tuple(
        candidate(
            f"front {index}", settings(target=900 - 40 * index), instances=1.6 + index * 0.12, p99=0.8 * 0.82**index
        )
        for index in range(8)
    )
    plan = Plan(
        created_at=datetime(2026, 2, 3, 10, 30, tzinfo=UTC),
        stack="dog-breed",
        stack_file="fixtures/dog_breed/stack.toml",
        region="us-east-1",
        endpoint="dog-breed-endpoint",
        variant="AllTraffic",
        function="dog-breed",
        alias="live",
        models={"AllTraffic": "dog-breed"},
        traffic=TrafficSummary(
            source="nasa-http-1995-07.csv.gz, 1995-07-13, scaled to a peak of 38/s",
            begins=datetime.fromisoformat("1995-07-13T00:00:00-04:00"),
            seconds=86_400,
            requests=1_728_000,
            peak_rate=38.3,
            mean_rate=20.0,
        ),
        objective=OBJECTIVE,
        recommended=labelled[0],
        runner_up=labelled[1],
        compared=compared,
        front=front,
        explored=512,
        breaks=BreakingPoint(
            multiple=1.62, tried=4.0, limit="max_capacity: three instances are not enough at the peak"
        ),
        sensitivity=tuple(
            Sensitivity(setting=name, value=value, figures=figures(instances=instances, p99=p99))
            for name, value, instances, p99 in (
                ("target_value", "345", 2.7, 0.33),
                ("target_value", "520", 2.2, 0.36),
                ("target_value", "860", 1.7, 0.62),
                ("scale_in_cooldown", "60 s", 1.85, 0.44),
                ("scale_in_cooldown", "900 s", 2.05, 0.40),
                ("routing_strategy", "RANDOM", 1.9, 0.57),
                ("reserved_concurrent_executions", "5", 1.9, 0.43),
            )
        ),
        minutes=tuple(minutes(shown.label) for shown in (*labelled, *compared[:4])),
        distributions=tuple(
            distribution(label, p99)
            for label, p99 in (
                ("recommended", 0.41),
                ("runner-up", 0.38),
                ("write-up B", 0.29),
                ("rule of thumb", 0.42),
            )
        ),
        confirmation=Confirmation(
            speed=10,
            seconds=640,
            requests=182_400,
            valid=True,
            figures=tuple(
                ConfirmedFigure(label=label, figure=figure, unit=unit, predicted=predicted, measured=measured)
                for label in ("recommended", "runner-up")
                for figure, unit, predicted, measured in (
                    ("p50", "s", 0.121, 0.124),
                    ("p99", "s", 0.402, 0.371),
                    ("errors", "share", 0.0, 0.0001),
                    ("mean instances", "instances", 1.9, 1.93),
                    ("cold starts", "", 14.0, None),
                )
            ),
            notes=("The twins share this machine's two cores.",),
        ),
        evidence=PlanEvidence(
            profile="dog-breed-torchserve-2-cores",
            model_sha256="92e5479b05fe134049eb8010d2113d3d5f723dbb9c8a2107d2ce778dae435450",
            machine="local, Example CPU, 2 cores; stands in for ml.m5.large",
            measured_at=datetime(2026, 1, 30, 9, 0, tzinfo=UTC),
            method="Closed loops of 1 to 2 callers, then 4.",
            saturation_rate=23.0,
            ratios={"ml.m5.xlarge": 2.0},
            seed=7,
            prices_as_of="2026-01-01",
            versions={"harness": "0.1.0", "numpy": "2.3"},
        ),
        assumptions=("An instance takes 180 s from the decision to InService.", "Callers do not retry."),
        warnings=("The profile was measured on a laptop, whose core is not an ml.m5.large's.",),
    )
    return plan.model_copy(update=changes)


def rich_settings() -> Settings:
    """With every kind of policy."""
    return settings(
        steps=(
            StepSettings(
                threshold=900, above=True, periods=2, steps=(Step(adjustment=1), Step(bound=300, adjustment=2))
            ),
            StepSettings(threshold=200, above=False, steps=(Step(adjustment=-1),), cooldown=600),
        ),
        schedule=(ScheduledCapacity(second_of_day=8 * 3600, min_capacity=2, max_capacity=3),),
    )


def write_plan(folder: Path, plan: Plan) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "plan.json").write_text(plan.model_dump_json(indent=1) + "\n")
    return folder
