"""Prepares the problem that the search solves from the files and options of `harness plan`; states its assumptions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.core import figures as text
from harness.core.errors import HarnessError
from harness.core.prices import Prices, read_prices
from harness.core.profile import Profile, read_profile
from harness.core.quantities import parse_duration, parse_rate, parse_ratio, parse_share
from harness.hosting.rules.instance_types import memory_gib
from harness.load.traffic import Traffic, read_traffic
from harness.planner.instance_types import NamedProfile, on_aws, profiles_by_type
from harness.planner.plan import Objective
from harness.planner.remarks import read_remarks
from harness.planner.search.find import OWN, RECOMMENDED, RUNNER_UP, THUMB, Problem
from harness.planner.stack_settings import check_model, stack_settings
from harness.scaling.rules.timing import METRIC_DELAY
from harness.simulator.settings import Settings
from harness.simulator.system import Client, Delays, FunctionProfile, System
from harness.stack.file import load_stack
from harness.stack.tables import Stack


@dataclass(frozen=True, slots=True)
class PlanOptions:
    """The options of `harness plan`, as the user wrote them."""

    profiles: tuple[str, ...]
    traffic: str
    p99: str
    errors: str
    day: str | None = None
    peak: str | None = None
    ratios: tuple[str, ...] = ()
    variant: str | None = None
    prices: Path | None = None
    compare: tuple[Path, ...] = ()
    candidates: int = 500
    replications: int = 5
    seed: int = 0
    max_instances: int = 50
    provisioning: str = "180s"
    client_timeout: str = "60s"
    retries: int = 0


@dataclass(frozen=True, slots=True)
class PreparedProblem:
    """A problem with what its plan says of it.

    profiles: those that were measured, by instance type. remarks: on the settings that are compared, by label.
    """

    stack: Stack
    stack_file: Path
    problem: Problem
    profiles: dict[str, Profile]
    ratios: dict[str, float]
    remarks: dict[str, str]
    assumptions: tuple[str, ...]
    warnings: tuple[str, ...]


def prepare(stack_file: Path, options: PlanOptions) -> PreparedProblem:
    """Reads and checks everything. Raises HarnessError for whatever a plan cannot be made from."""
    stack = load_stack(stack_file)
    variant = _variant(stack, options.variant)
    own = stack.endpoint.production_variants[variant].instance_type
    ratios = dict(parse_ratio(ratio) for ratio in options.ratios)
    profiles = _profiles(stack, stack_file, options.profiles)
    by_type = profiles_by_type(own, profiles, ratios)
    base = stack_settings(stack)
    compared, remarks = _compared(options.compare, {stack.name})
    if (words := read_remarks(stack_file)) is not None:
        remarks[OWN] = words
    for name, settings in ((stack.name, base), *compared):
        _check_types(name, settings, by_type)
    unchecked = [check_model(stack, variant, profile) for _, profile in profiles]
    delays = Delays(provisioning=parse_duration(options.provisioning))
    client = Client(timeout=parse_duration(options.client_timeout), retries=options.retries)
    measured = {name or own: profile for name, profile in profiles}
    function = _function(measured.get(own) or next(iter(measured.values())))
    problem = Problem(
        base=base,
        variant=variant,
        system=System(by_type, function, client, delays),
        traffic=_traffic(options),
        objective=Objective(p99=parse_duration(options.p99), errors=parse_share(options.errors)),
        prices=read_prices(options.prices) if options.prices else Prices(),
        seed=options.seed,
        max_instances=options.max_instances,
        candidates=options.candidates,
        replications=options.replications,
        compared=tuple(compared),
    )
    _check_prices(problem)
    return PreparedProblem(
        stack=stack,
        stack_file=stack_file,
        problem=problem,
        profiles=measured,
        ratios=ratios,
        remarks=remarks,
        assumptions=tuple(_assumptions(problem, measured, ratios, own)),
        warnings=(*(warning for warning in unchecked if warning), *_warnings(measured, ratios, by_type)),
    )


def _variant(stack: Stack, name: str | None) -> str:
    variants = stack.endpoint.production_variants
    if name is None:
        return max(variants, key=lambda key: variants[key].initial_variant_weight)
    if name not in variants:
        raise HarnessError(f"There is no variant {name}: the endpoint has {', '.join(variants)}.")
    return name


def _traffic(options: PlanOptions) -> Traffic:
    peak = parse_rate(options.peak) if options.peak is not None else None
    return read_traffic(options.traffic, options.day, peak)


def _profiles(stack: Stack, stack_file: Path, arguments: Sequence[str]) -> list[NamedProfile]:
    """Reads ``FILE`` or ``TYPE=FILE`` arguments; if there are none, the profile that the stack's twins answer from."""
    profiles: list[NamedProfile] = []
    for argument in arguments:
        name, equals, file = argument.partition("=")
        of_type = bool(equals) and name.startswith("ml.")
        profiles.append((name if of_type else None, read_profile(Path(file if of_type else argument))))
    if not profiles and stack.local.profile is not None:
        profiles.append((None, stack.local.profile))
    if not profiles:
        raise HarnessError(f"A plan starts from a profile: `harness measure {stack_file}` writes one, for --profile.")
    return profiles


def _compared(files: Sequence[Path], taken: set[str]) -> tuple[list[tuple[str, Settings]], dict[str, str]]:
    labels = {OWN, RECOMMENDED, RUNNER_UP, THUMB, *taken}
    compared, remarks = [], {}
    for file in files:
        stack = load_stack(file)
        if stack.name in labels:
            raise HarnessError(f"{file}: {stack.name} is compared already, or names something else in a plan.")
        labels.add(stack.name)
        compared.append((stack.name, stack_settings(stack)))
        if (words := read_remarks(file)) is not None:
            remarks[stack.name] = words
    return compared, remarks


def _check_types(stack: str, settings: Settings, profiles: dict[str, Profile]) -> None:
    for variant in settings.variants:
        if variant.instance_type not in profiles:
            own = variant.instance_type
            raise HarnessError(
                f"The stack {stack} runs on {own}, and no profile of it is given: give --profile {own}=FILE, or its "
                f"speed against the measured one as --ratio {own}=2.0."
            )


def _check_prices(problem: Problem) -> None:
    """Raises HarnessError if an instance type has no price."""
    for instance_type in problem.system.profiles:
        problem.prices.instance(instance_type)


def _function(profile: Profile) -> FunctionProfile:
    part, assumed = profile.function, FunctionProfile()
    if part is None:
        return assumed
    cold = part.cold_start if part.cold_start is not None else assumed.cold_start
    return FunctionProfile(part.overhead, cold, part.memory)


def _assumptions(problem: Problem, measured: dict[str, Profile], ratios: dict[str, float], own: str) -> list[str]:
    system = problem.system
    assumptions = [
        "Requests arrive independently of each other (a Poisson process) at the traffic's rate; callers wait "
        f"{text.length_of_time(system.client.timeout)} and retry {system.client.retries} times.",
        f"A new instance serves {text.length_of_time(system.delays.provisioning)} after the decision, loading included "
        "(AWS publishes no figure; a published run took 2.5 to 3 min; --provisioning).",
        f"Alarms see a minute's metric {text.length_of_time(METRIC_DELAY)} after it has ended "
        "(AWS's own lab says 1 to 2 min).",
        "Target tracking asks for ceil(capacity x metric / target) (it fits published traces; AWS publishes no rule).",
        "An instance is billed by the second from InService until it is deleted (unverified).",
        f"Prices are those of {problem.prices.as_of} in {problem.prices.region}, on demand.",
    ]
    for instance_type, ratio in ratios.items():
        what = "is taken for" if instance_type != own else "stands on AWS for"
        assumptions.append(
            f"{instance_type} {what} {ratio:g} times as many requests a second as the measured {own}, with as many "
            "more workers as it has vCPUs: stated by --ratio, not measured."
        )
    if problem.base.function is not None:
        part = (measured.get(own) or next(iter(measured.values()))).function
        function = system.function
        source = "as measured" if part is not None else "assumed, for the profile has none"
        cold = "" if part is None or part.cold_start is not None else " (the cold start is assumed)"
        assumptions.append(
            f"The function takes {text.seconds(function.overhead)} beside the endpoint and "
            f"{text.seconds(function.cold_start)} to start cold, {source}{cold}; its memory is not varied."
        )
    return assumptions


def _warnings(measured: dict[str, Profile], ratios: dict[str, float], by_type: dict[str, Profile]) -> list[str]:
    warnings = []
    for instance_type, profile in measured.items():
        if not on_aws(profile):
            bridge = (
                f"its figures are taken to {instance_type} by the stated ratio of {ratios[instance_type]:g}"
                if instance_type in ratios
                else f"a plan's figures hold for {instance_type} as far as the two are alike. `harness measure --aws` "
                f"measures one there, --ratio {instance_type}=R states how fast it is"
            )
            warnings.append(
                f"The profile {profile.name} was measured on {profile.provenance.machine}: a laptop's core is not that "
                f"of an {instance_type}, and {bridge}."
            )
        if profile.saturation_rate is None:
            warnings.append(
                f"The profile {profile.name} has no measured saturation rate: figures near what its workers could "
                "answer by their service times are extrapolated."
            )
    for instance_type, profile in by_type.items():
        if profile.memory > memory_gib(instance_type) * 2**30:
            warnings.append(
                f"The model server took {text.gibibytes(profile.memory)} where it was measured, and an {instance_type} "
                f"has {memory_gib(instance_type):g} GiB."
            )
    return warnings
