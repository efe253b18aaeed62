"""The profile of each instance type that a plan may choose: measured, or by a stated speed ratio. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from harness.core.errors import HarnessError
from harness.core.profile import Profile, ServiceTimes
from harness.hosting.rules.instance_types import vcpus

NamedProfile = tuple[str | None, Profile]
"""A profile with the instance type that it is said to be of; None: the stack's."""


def profiles_by_type(own: str, given: Sequence[NamedProfile], ratios: Mapping[str, float]) -> dict[str, Profile]:
    """The measured profiles, and those that the ratios derive from the one of the stack's type ``own``.

    A ratio of ``own`` itself takes what was measured elsewhere, on a laptop say, to AWS; other ratios are against that
    measurement, not its result. Raises HarnessError where a ratio has nothing to start from, or names no type.
    """
    measured: dict[str, Profile] = {}
    for name, profile in given:
        kind = name or own
        if kind in measured:
            raise HarnessError(f"There are two profiles of {kind}: say of which type each is, as --profile TYPE=FILE.")
        measured[kind] = profile
    if own not in measured and ratios:
        raise HarnessError(f"A speed ratio starts from a profile of {own}, the stack's instance type: give one.")
    derived = {kind: _derived(measured[own], own, kind, ratio) for kind, ratio in ratios.items()}
    if both := sorted(set(derived) & (set(measured) - {own})):
        raise HarnessError(f"{both[0]} has a profile and a speed ratio: give one of them.")
    return {**measured, **derived}


def at_speed(profile: Profile, ratio: float, workers: int) -> Profile:
    """An instance that answers ``ratio`` times as many requests a second, with so many workers: each is so much faster
    that this comes out. What is not about speed stays as it was measured."""
    times = workers / profile.workers / ratio  # of one worker's service times
    levels: dict[int, ServiceTimes] = {}
    for level in profile.service_times:
        # As many of the workers are busy as were: a level is a share of them.
        busy = 1 if level.concurrency == 1 else round(level.concurrency * workers / profile.workers)
        if busy <= 1 and levels:
            continue
        levels[busy] = ServiceTimes(concurrency=busy, quantiles=tuple(each * times for each in level.quantiles))
    return profile.model_copy(
        update={
            "workers": workers,
            "service_times": tuple(levels[busy] for busy in sorted(levels)),
            "saturation_rate": None if profile.saturation_rate is None else profile.saturation_rate * ratio,
        }
    )


def _derived(profile: Profile, own: str, kind: str, ratio: float) -> Profile:
    """With as many more workers as the type has vCPUs (TorchServe's default is one for each)."""
    try:
        workers = max(1, round(profile.workers * vcpus(kind) / vcpus(own)))
    except ValueError:
        raise HarnessError(f"{kind} is no instance type: a ratio is given as --ratio ml.m5.xlarge=2.0.") from None
    return at_speed(profile, ratio, workers)


def on_aws(profile: Profile) -> bool:
    """Whether it was measured on the ML instance that it stands for (harness.core.profile, Provenance)."""
    return re.search(r"\bml\.\S+ on AWS\b", profile.provenance.machine) is not None
