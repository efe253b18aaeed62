"""Puts a plan together from the search's result and what it was computed from."""

from __future__ import annotations

import platform
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version

from harness.core import figures as text
from harness.planner.plan import EvaluatedSettings, Plan, PlanEvidence, TrafficSummary
from harness.planner.problem import PreparedProblem
from harness.planner.remarks import with_figures
from harness.planner.search.find import SearchResult

_PACKAGES = ("sagemaker-harness", "numba", "numpy", "scipy")


def plan_of(prepared: PreparedProblem, result: SearchResult, created_at: datetime) -> Plan:
    stack, problem = prepared.stack, prepared.problem
    variants = stack.endpoint.production_variants
    plan = Plan(
        created_at=created_at,
        stack=stack.name,
        stack_file=str(prepared.stack_file),
        region=stack.region,
        endpoint=stack.endpoint.name,
        variant=problem.variant,
        function=stack.function.name if stack.function else None,
        alias=stack.function.alias if stack.function else None,
        models={name: variant.model for name, variant in variants.items()},
        traffic=_traffic(prepared),
        objective=problem.objective,
        recommended=result.recommended,
        runner_up=result.runner_up,
        compared=tuple(_with_remark(settings, prepared.remarks) for settings in result.compared),
        front=result.front,
        explored=result.explored,
        first_limit=result.first_limit,
        breaks=result.breaks,
        sensitivity=result.sensitivity,
        minutes=result.minutes,
        distributions=result.distributions,
        evidence=_evidence(prepared),
        assumptions=(*prepared.assumptions, *_sampled(result)),
        warnings=(*prepared.warnings, *_extrapolated(result)),
    )
    return with_figures(plan)


def _traffic(prepared: PreparedProblem) -> TrafficSummary:
    traffic = prepared.problem.traffic
    schedule = traffic.schedule
    return TrafficSummary(
        source=traffic.source,
        begins=traffic.begins,
        seconds=schedule.seconds,
        requests=schedule.expected,
        peak_rate=schedule.peak,
        mean_rate=schedule.expected / schedule.seconds,
    )


def _with_remark(settings: EvaluatedSettings, remarks: dict[str, str]) -> EvaluatedSettings:
    return settings.model_copy(update={"says": remarks.get(settings.label)})


def _evidence(prepared: PreparedProblem) -> PlanEvidence:
    measured = prepared.profiles
    first = measured.get(prepared.problem.own_type) or next(iter(measured.values()))
    origin = first.provenance
    return PlanEvidence(
        profile=", ".join(profile.name for profile in measured.values()),
        model_sha256=origin.model_sha256,
        machine=origin.machine,
        measured_at=origin.measured_at,
        method=origin.method,
        saturation_rate=first.saturation_rate,
        ratios=prepared.ratios,
        seed=prepared.problem.seed,
        prices_as_of=prepared.problem.prices.as_of,
        versions={**_versions(), **{f"profile: {name}": number for name, number in origin.versions.items()}},
    )


def _versions() -> dict[str, str]:
    versions = {"python": platform.python_version()}
    for name in _PACKAGES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            continue
    return versions


def _sampled(result: SearchResult) -> list[str]:
    if result.sampled is None:
        return []
    return [
        f"The traffic has so many requests that figures are of {result.sampled} windows that stand for it: the "
        "busiest, the steepest, and a sample of the others by their rate."
    ]


def _extrapolated(result: SearchResult) -> list[str]:
    """A warning on the other settings; the plan's report has its own on the recommended ones."""
    beyond = [
        f"{settings.label} ({text.length_of_time(settings.figures.beyond_saturation)})"
        for settings in (result.runner_up, *result.compared)
        if settings is not None and settings.figures.beyond_saturation > 0
    ]
    if not beyond:
        return []
    return [
        "Instances are offered more than the profile's measured saturation rate, so that figures are extrapolated "
        f"there, in: {', '.join(beyond)}."
    ]
