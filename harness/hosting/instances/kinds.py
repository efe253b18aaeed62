"""The kinds of instance by name: whatever an installed package registers, the harness's own three among them.

A package adds one under the entry point group ``sagemaker_harness.instances``: the name is what a stack file says under
``[local] instances``, the object is called with the harness's clock and gives an InstanceKind. A kind is loaded when it
is first asked for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from importlib.metadata import entry_points

from harness.core.clock import Clock
from harness.hosting.instances.base import InstanceFailed, InstanceKind

GROUP = "sagemaker_harness.instances"


def kind_names() -> list[str]:
    """What ``[local] instances`` may be on this installation."""
    return sorted(entry_points(group=GROUP).names)


class Kinds:
    """The kinds that one harness uses, each made when it is first asked for."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._made: dict[str, InstanceKind] = {}

    def get(self, name: str) -> InstanceKind:
        """Raises InstanceFailed for a name that nobody registered."""
        if name not in self._made:
            self._made[name] = _factory(name)(self._clock)
        return self._made[name]

    async def close(self) -> None:
        """Called when every instance has stopped."""
        await asyncio.gather(*(kind.close() for kind in self._made.values()))
        self._made.clear()


def _factory(name: str) -> Callable[[Clock], InstanceKind]:
    found = entry_points(group=GROUP, name=name)
    if not found:
        known = ", ".join(kind_names())
        raise InstanceFailed(f"There is no kind of instance {name!r} here; [local] instances may be: {known}.")
    factory: Callable[[Clock], InstanceKind] = next(iter(found)).load()
    return factory
