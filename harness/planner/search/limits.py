"""The limit that breaks first, in words: by arithmetic where no settings can serve, else by what runs show."""

from __future__ import annotations

from collections.abc import Sequence

from harness.core import figures as text
from harness.core.profile import Profile
from harness.functions.rules.concurrency import ACCOUNT_LIMIT, REQUESTS_PER_CONCURRENCY
from harness.hosting.rules.timeouts import INVOCATION_SECONDS
from harness.planner.plan import Objective
from harness.planner.search import sizing
from harness.planner.search.candidates import VariantProblem
from harness.planner.search.replication import Replication
from harness.scaling.rules.timing import MINUTE
from harness.simulator.settings import Settings

_SERIOUS = float(MINUTE)
"""A fleet that is at its maximum for this many seconds (one datapoint of an alarm) is called the limit."""


def fast_enough(problem: VariantProblem, objective: Objective) -> list[str]:
    """The instance types whose idle instance answers 99 of 100 requests within the objective."""
    return [kind for kind, profile in problem.system.profiles.items() if _idle(problem, profile) <= objective.p99]


def hopeless(problem: VariantProblem, objective: Objective, max_instances: int) -> str | None:
    """The first limit that no settings can avoid, in a sentence; None if there is none."""
    profiles = problem.system.profiles
    types = fast_enough(problem, objective)
    if not types:
        best = min(profiles, key=lambda kind: _idle(problem, profiles[kind]))
        return (
            f"Latency: even an idle {best} takes {text.seconds(_idle(problem, profiles[best]))} for one request in a "
            f"hundred, and {text.length_of_time(objective.p99)} is asked for. A faster instance type or model is "
            "needed."
        )
    least = min(profiles[kind].error_rate for kind in types)
    if least > objective.errors:
        return (
            f"The model's own errors: {text.percent(least)} of its answers were errors when it was measured, and "
            f"{text.percent(objective.errors)} are allowed."
        )
    rate = problem.demand.sustained
    counts = {kind: sizing.instances(rate, sizing.saturation(profiles[kind])) for kind in types}
    best = min(counts, key=lambda kind: counts[kind])
    if counts[best] > max_instances:
        return (
            f"Instances: {text.rate(rate)} takes {counts[best]} of {best} at their saturation, and at most "
            f"{max_instances} are allowed (--max-instances)."
        )
    return _functions_limit(problem, objective, types) if problem.base.function is not None else None


def _functions_limit(problem: VariantProblem, objective: Objective, types: Sequence[str]) -> str | None:
    function, system = problem.base.function, problem.system
    assert function is not None
    seconds = min(system.profiles[kind].service_times[0].mean for kind in types) + system.function.overhead
    rate = problem.demand.sustained
    if rate * seconds > ACCOUNT_LIMIT or rate > ACCOUNT_LIMIT * REQUESTS_PER_CONCURRENCY:
        return (
            f"Lambda: {text.rate(rate)} at {text.seconds(seconds)} each are {rate * seconds:,.0f} executions at once, "
            f"and an account has {ACCOUNT_LIMIT:,} and {ACCOUNT_LIMIT * REQUESTS_PER_CONCURRENCY:,} requests a second."
        )
    shares = [system.profiles[kind].service_times[0].quantile(1 - objective.errors) for kind in types]
    if min(shares) + system.function.overhead > function.timeout:
        return (
            f"The function's timeout of {text.length_of_time(function.timeout)} ends more than "
            f"{text.percent(objective.errors)} of the requests even where nothing queues."
        )
    return None


def _idle(problem: VariantProblem, profile: Profile) -> float:
    """The p99 of an idle instance, in seconds, with the function's part."""
    overhead = problem.system.function.overhead if problem.base.function is not None else 0.0
    return profile.service_times[0].quantile(0.99) + overhead


def broken(settings: Settings, variant: str, runs: Sequence[Replication], objective: Objective) -> str:
    """What made the runs miss the objective, in words."""
    requests = max(1.0, sum(run.requests for run in runs))
    failed = {cause: sum(run.failures.get(cause, 0.0) for run in runs) for run in runs for cause in run.failures}
    planned = {table.name: table for table in settings.variants}[variant]
    at_maximum = sum(run.at_maximum for run in runs) / len(runs) >= _SERIOUS
    room = (
        f"max_capacity of {planned.max_capacity} is reached while more is asked for"
        if at_maximum
        else "new instances come too late for the rise of the traffic"
        if planned.scales
        else f"the fleet of {planned.max_capacity} is fixed"
    )
    if sum(failed.values()) / requests <= objective.errors:
        return f"latency: requests queue in the model servers, as {room}"
    worst = max(failed, key=lambda cause: failed[cause])
    share = f"{text.percent(failed[worst] / requests)} of the requests"
    if worst == "throttled":
        reserved = settings.function.reserved_concurrent_executions if settings.function else None
        whose = f"the function's reserved concurrency of {reserved}" if reserved is not None else "Lambda's concurrency"
        queue = f", whose executions wait for the endpoint, as {room}" if at_maximum else ""
        return f"{whose}{queue}: {share} are throttled"
    patience = text.length_of_time(INVOCATION_SECONDS)
    reasons = {
        "queue_full": f"the queues of the model servers are full, as {room}: {share} are answered 503",
        "model_error": f"the model's own errors: {share}",
        "invocation_timeout": f"the endpoint's {patience}: {share} have no answer in time, as {room}",
        "function_timeout": f"the function's timeout: {share} are ended by it, as {room}",
        "client_timeout": f"the callers' patience: {share} have no answer in time, as {room}",
    }
    return reasons.get(worst, f"{worst}: {share}")
