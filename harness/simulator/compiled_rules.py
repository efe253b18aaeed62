"""The rules that the live services follow, compiled without changes."""

from __future__ import annotations

import types
from typing import Any, cast

from harness.core import profile
from harness.functions.rules import concurrency
from harness.hosting.rules import routing
from harness.load import schedule
from harness.simulator.compiled import F, compiled


def _calling(function: F, **compiled_functions: object) -> F:
    """Returns the same function with the functions that it calls replaced by compiled ones: numba takes no others."""
    assert isinstance(function, types.FunctionType)
    names = {**function.__globals__, **compiled_functions}
    linked: Any = types.FunctionType(function.__code__, names, function.__name__, function.__defaults__)
    return cast("F", linked)


admission = compiled(concurrency.admission)
refilled = compiled(concurrency.refilled)
# Any: the compiled functions take arrays too.
choose_at_random: Any = compiled(routing.choose_at_random)
choose_by_weight: Any = compiled(_calling(routing.choose_by_weight, choose_at_random=choose_at_random))
choose_least: Any = compiled(_calling(routing.choose_least, choose_at_random=choose_at_random))
reach = compiled(schedule.reach)
interpolate: Any = compiled(profile.interpolate)
