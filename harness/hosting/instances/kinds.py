"""The kinds of instance by name: the harness's own and those that installed packages add.

A package registers a kind as an entry point of the group ``sagemaker_harness.instances``: its name is what a stack file
gives as ``[local] instances``, and its object is a subclass of InstanceKind. A kind's module is loaded when the kind is
first asked for.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.core import tasks
from harness.core.errors import reason
from harness.hosting.instances.base import InstanceFailed
from harness.hosting.instances.settings import LocalSettings, LocalSettingsError, parse_local_settings

if TYPE_CHECKING:
    from harness.core.clock import Clock
    from harness.hosting.instances.base import InstanceKind

GROUP = "sagemaker_harness.instances"
_HARNESS = "sagemaker-harness"


class UnusableKind(Exception):
    """A name by which no kind of instance can be used. The text says why, as a sentence's end after the name."""


def kind_names() -> list[str]:
    """What ``[local] instances`` may be on this installation."""
    return sorted(entry_points(group=GROUP).names)


def kind_class(name: str) -> type[InstanceKind]:
    """The class that is registered by a name. Raises UnusableKind for a name that is unknown, registered twice or
    registered for something that is not a kind."""
    entries = list(entry_points(group=GROUP, name=name))
    if not entries:
        raise UnusableKind(f"is not a kind of instance here; there are: {', '.join(kind_names())}")
    packages = sorted({entry.dist.name for entry in entries if entry.dist is not None})
    if len(packages) > 1:
        added = next(package for package in packages if package != _HARNESS)
        raise UnusableKind(
            f"is registered by the packages {' and '.join(packages)}, but only one may have the name: "
            f"uninstall {added}, or have it register another name"
        )
    return _loaded(entries[0])


def _loaded(entry: EntryPoint) -> type[InstanceKind]:
    """The class of an entry point. Raises UnusableKind if its package names a module or a class that is not there."""
    from harness.hosting.instances.base import InstanceKind

    package = entry.dist.name if entry.dist is not None else "an installed package"
    try:
        kind = entry.load()
    except Exception as error:  # whatever the module of somebody else's package raises
        raise UnusableKind(
            f"cannot be loaded from {entry.value}, which {package} registers ({type(error).__name__}: {reason(error)})"
        ) from None
    if not (isinstance(kind, type) and issubclass(kind, InstanceKind)):
        raise UnusableKind(
            f"is not a kind of instance: {entry.value}, which {package} registers, is not an InstanceKind"
        )
    return kind


def read_local_settings(table: Mapping[str, Any], folder: Path | None = None) -> LocalSettings:
    """Checks and reads a table of local settings, with what its kind of instance needs of them.

    folder: where relative paths of a stack file start; None for JSON. Raises LocalSettingsError.
    """
    settings = parse_local_settings(table, folder)
    problem = kind_problem(settings)
    if problem is not None:
        raise LocalSettingsError([(("instances",), f"{json.dumps(settings.instances)} {problem}")])
    return settings


def kind_problem(settings: LocalSettings) -> str | None:
    """Why the kind of the settings cannot be used with them, as a sentence's end after its name; None if it can."""
    try:
        return kind_class(settings.instances).missing(settings)
    except UnusableKind as error:
        return str(error)


class KindRegistry:
    """The kinds of one local AWS. Each kind's object is made when it is first asked for."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._kinds: dict[str, InstanceKind] = {}

    def get(self, name: str) -> InstanceKind:
        """Raises InstanceFailed for a name by which no kind can be used."""
        if name not in self._kinds:
            try:
                self._kinds[name] = kind_class(name)(self._clock)
            except UnusableKind as error:
                raise InstanceFailed(f"[local] instances: {name!r} {error}.") from None
        return self._kinds[name]

    async def close(self) -> None:
        """Called when every instance has stopped."""
        await tasks.settle("closing a kind of instance", *(kind.close() for kind in self._kinds.values()))
        self._kinds.clear()
