"""The profile of each instance type that a plan may choose: measured, or derived by a stated speed ratio."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from harness.core.errors import HarnessError
from harness.core.profile import Profile, ServiceTimes
from harness.hosting.rules.instance_types import vcpus

NamedProfile = tuple[str | None, Profile]
"""A profile with the instance type that the user names for it; None for the stack's own type."""


def profiles_by_type(own: str, profiles: Sequence[NamedProfile], ratios: Mapping[str, float]) -> dict[str, Profile]:
    """The measured profiles, and those that ratios derive from the profile of the stack's own type.

    A ratio of ``own`` itself takes a measurement made elsewhere, such as on a laptop, to AWS. Other ratios are against
    that measurement, not against what the first ratio makes of it. Raises HarnessError if a ratio has no profile to
    start from, or names no instance type.
    """
    measured: dict[str, Profile] = {}
    for name, profile in profiles:
        instance_type = name or own
        if instance_type in measured:
            raise HarnessError(
                f"There are two profiles of {instance_type}: say of which type each is, as --profile TYPE=FILE."
            )
        measured[instance_type] = profile
    if own not in measured and ratios:
        raise HarnessError(f"A speed ratio starts from a profile of {own}, the stack's instance type: give one.")
    derived = {name: _derived(measured[own], own, name, ratio) for name, ratio in ratios.items()}
    if both := sorted(set(derived) & (set(measured) - {own})):
        raise HarnessError(f"{both[0]} has a profile and a speed ratio: give one of them.")
    return {**measured, **derived}


def at_speed(profile: Profile, ratio: float, workers: int) -> Profile:
    """The profile of an instance with ``workers`` workers that answers ``ratio`` times as many requests a second.

    The service times are scaled to give that rate. What does not depend on speed stays as it was measured.
    """
    factor = workers / profile.workers / ratio  # of each worker's service times
    levels: dict[int, ServiceTimes] = {}
    for level in profile.service_times:
        # A level is a share of the workers: the same share is busy.
        busy = 1 if level.concurrency == 1 else round(level.concurrency * workers / profile.workers)
        if busy <= 1 and levels:
            continue
        levels[busy] = ServiceTimes(
            concurrency=busy, quantiles=tuple(quantile * factor for quantile in level.quantiles)
        )
    return profile.model_copy(
        update={
            "workers": workers,
            "service_times": tuple(levels[busy] for busy in sorted(levels)),
            "saturation_rate": None if profile.saturation_rate is None else profile.saturation_rate * ratio,
        }
    )


def _derived(profile: Profile, own: str, instance_type: str, ratio: float) -> Profile:
    """The profile of another type, whose workers are in proportion to its vCPUs (TorchServe's default is one for
    each)."""
    try:
        workers = max(1, round(profile.workers * vcpus(instance_type) / vcpus(own)))
    except ValueError:
        raise HarnessError(
            f"{instance_type} is not an instance type: a ratio is given as --ratio ml.m5.xlarge=2.0."
        ) from None
    return at_speed(profile, ratio, workers)


def on_aws(profile: Profile) -> bool:
    """Whether a profile was measured on the ML instance that it stands for (see core.profile.Provenance)."""
    return re.search(r"\bml\.\S+ on AWS\b", profile.provenance.machine) is not None
