"""The plan: what was found, with what it was found from."""

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


def plan_of(prepared: PreparedProblem, found: SearchResult, created_at: datetime) -> Plan:
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
        recommended=found.recommended,
        runner_up=found.runner_up,
        compared=tuple(_with_remark(each, prepared.remarks) for each in found.compared),
        front=found.front,
        explored=found.explored,
        first_limit=found.first_limit,
        breaks=found.breaks,
        sensitivity=found.sensitivity,
        minutes=found.minutes,
        distributions=found.distributions,
        evidence=_evidence(prepared),
        assumptions=(*prepared.assumptions, *_sampled(found)),
        warnings=(*prepared.warnings, *_extrapolated(found)),
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


def _with_remark(candidate: EvaluatedSettings, remarks: dict[str, str]) -> EvaluatedSettings:
    return candidate.model_copy(update={"says": remarks.get(candidate.label)})


def _evidence(prepared: PreparedProblem) -> PlanEvidence:
    measured = prepared.profiles
    first = measured.get(prepared.own_type) or next(iter(measured.values()))
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
        versions={**_versions(), **{f"profile: {name}": found for name, found in origin.versions.items()}},
    )


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _sampled(found: SearchResult) -> list[str]:
    if found.sampled is None:
        return []
    return [
        f"The traffic has so many requests that figures are of {found.sampled} windows that stand for it: the busiest, "
        "the steepest, and a sample of the others by their rate."
    ]


def _extrapolated(found: SearchResult) -> list[str]:
    """What the plan's own page says of the recommended setting is not repeated here."""
    beyond = [
        f"{each.label} ({text.length_of_time(each.figures.beyond_saturation)})"
        for each in (found.runner_up, *found.compared)
        if each is not None and each.figures.beyond_saturation > 0
    ]
    if not beyond:
        return []
    return [
        "Instances are offered more than the profile's measured saturation rate, so that figures are extrapolated "
        f"there, in: {', '.join(beyond)}."
    ]
