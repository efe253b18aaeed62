"""What the planner takes as given: the measured parts of a stack and the behaviour of its callers.

Everything here is measured or a stated assumption; what is free to choose is in settings.py.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from harness.core.profile import Profile
from harness.hosting.rules.timeouts import INVOCATION_SECONDS


@dataclass(frozen=True, slots=True)
class FunctionProfile:
    """The Lambda function by itself. overhead: seconds of an execution beside the wait for the endpoint (both ways);
    cold_start: seconds of a new environment's init; memory: MB at most; None where nothing was measured."""

    overhead: float = 0.002
    cold_start: float = 0.4
    memory: float | None = None


@dataclass(frozen=True, slots=True)
class Client:
    """The callers. timeout: seconds they wait; retries: attempts after the first, of throttled and 5xx answers;
    backoff: seconds before the first retry, doubled each time, with full jitter."""

    timeout: float = 60.0
    retries: int = 0
    backoff: float = 0.1


@dataclass(frozen=True, slots=True)
class Delays:
    """What AWS does not publish and this project assumes, in seconds of the simulated clock.

    provisioning: an instance from the decision to InService, its load time included; removal: from the decision to
    the end of the update that removes instances. metric_delay: None for timing.metric_delay's.
    """

    provisioning: float = 180.0  # "2.5 to 3 min per cycle" (a published run)
    removal: float = 60.0
    metric_delay: float | None = None


@dataclass(frozen=True, slots=True)
class System:
    """profiles: one instance's capacity by instance type; speed: how many times as fast scaling runs as requests do,
    as in ``harness up --speed``: 1 on AWS. warm_environments: of the function, idle at the beginning."""

    profiles: dict[str, Profile]
    function: FunctionProfile = field(default_factory=FunctionProfile)
    client: Client = field(default_factory=Client)
    delays: Delays = field(default_factory=Delays)
    invocation_timeout: float = INVOCATION_SECONDS
    speed: float = 1.0
    warm_environments: int = 0
