"""What the planner cannot choose: the measured parts of a stack and the behaviour of its callers.

Everything here is measured or a stated assumption. What can be chosen is in settings.py.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from harness.core.profile import Profile
from harness.hosting.rules.timeouts import INVOCATION_SECONDS


@dataclass(frozen=True, slots=True)
class FunctionProfile:
    """The measured Lambda function.

    overhead: seconds that an execution takes besides waiting for the endpoint, before and after the call together.
    cold_start: seconds that the init of a new environment takes.
    memory: the largest use, MB; None if it was not measured.
    """

    overhead: float = 0.002
    cold_start: float = 0.4
    memory: float | None = None


@dataclass(frozen=True, slots=True)
class Client:
    """The callers.

    timeout: seconds that they wait for an answer. retries: how many attempts follow the first one after a throttled or
    5xx answer. backoff: seconds before the first retry; doubled each time, with full jitter.
    """

    timeout: float = 60.0
    retries: int = 0
    backoff: float = 0.1


@dataclass(frozen=True, slots=True)
class Delays:
    """What AWS does not publish and this project assumes, in seconds of the simulated clock.

    provisioning: from the decision until a new instance is InService, with the time in which it loads its model.
    removal: from the decision until the end of the update that removes instances.
    metric_delay: from the end of a period until alarms see its datapoint; None for the value of timing.metric_delay.
    """

    provisioning: float = 180.0  # "2.5 to 3 min per cycle" (a published run)
    removal: float = 60.0
    metric_delay: float | None = None


@dataclass(frozen=True, slots=True)
class System:
    """The measured stack.

    profiles: the capacity of one instance, by instance type.
    speed: how many times faster the scaling clock runs than the requests' clock, as in ``harness up --speed``; 1 on
    AWS.
    warm_environments: how many environments of the function are warm and idle at the beginning.
    """

    profiles: dict[str, Profile]
    function: FunctionProfile = field(default_factory=FunctionProfile)
    client: Client = field(default_factory=Client)
    delays: Delays = field(default_factory=Delays)
    invocation_timeout: float = INVOCATION_SECONDS
    speed: float = 1.0
    warm_environments: int = 0
