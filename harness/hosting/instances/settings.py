"""What a stack says under [local] about its instances, for which AWS has no words.

The settings are read from a table of the stack file, and from JSON: ``PUT /_harness/endpoints/NAME`` carries what
dump_local_settings() wrote. Each setting is defined once, as a field of LocalSettings with its reader.
"""

from __future__ import annotations

import difflib
import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.core.errors import HarnessError

if TYPE_CHECKING:
    from harness.core.profile import Profile

SERVERS = ("torchserve", "asgi")
_CONTAINER_URL = re.compile(r"^http://[^/?#\s@]+/?$")

TablePath = tuple[str | int, ...]
"""A setting's name, and the index of the wrong element where the setting is a list."""
Reader = Callable[[Any, Path | None], Any]
"""Takes a value and the stack file's folder (None for JSON), and returns the setting. Raises _Refused."""


class LocalSettingsError(HarnessError):
    """A table of local settings that cannot be used.

    problems: the path of each wrong value, and what is wrong with it, as a sentence's end.
    """

    def __init__(self, problems: list[tuple[TablePath, str]]) -> None:
        super().__init__(" ".join(f"{'.'.join(map(str, path))}: {text}." for path, text in problems))
        self.problems = problems


class _Refused(Exception):
    """A value that a setting cannot have. index: of the wrong element, if the value is a list."""

    def __init__(self, text: str, index: int | None = None) -> None:
        super().__init__(text)
        self.path: TablePath = () if index is None else (index,)


def _shown(value: Any) -> str:
    return json.dumps(value, default=str)


def _kind_name(value: Any, folder: Path | None) -> str:
    if not isinstance(value, str):
        raise _Refused(f"must be the name of a kind of instance, not {_shown(value)}")
    return value


def _server(value: Any, folder: Path | None) -> str:
    if value not in SERVERS:
        raise _Refused(f"must be {' or '.join(map(repr, SERVERS))}, not {_shown(value)}")
    return str(value)


def _responses(value: Any, folder: Path | None) -> Path | None:
    if value is None:
        return None
    if not isinstance(value, str):
        raise _Refused("must be a path, as a string")
    try:
        path = Path(folder or "", value).resolve()
        if path.is_dir():
            return path
    except (OSError, ValueError):  # such as a name that is too long for a file, or has a NUL
        path = Path(value)
    raise _Refused(f"there is no folder at {path}")


def _containers(value: Any, folder: Path | None) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise _Refused(f'must be a list of addresses such as ["http://model-1:8080"], not {_shown(value)}')
    for index, url in enumerate(value):
        if not isinstance(url, str) or not _CONTAINER_URL.match(url):
            raise _Refused(f"must be like http://model-1:8080, not {_shown(url)}", index)
    return tuple(url.rstrip("/") for url in value)


def _profile(value: Any, folder: Path | None) -> Profile | None:
    """A capacity profile: the path of its file in a stack file, the profile itself in JSON."""
    # Imported here, because pydantic takes a tenth of the local AWS's start and only twins need it.
    from harness.core.profile import parse_profile, read_profile

    if value is None:
        return None
    try:
        if folder is None:
            return parse_profile(value)
        if not isinstance(value, str):
            raise _Refused("must be a path, as a string")
        return read_profile((folder / value).resolve())
    except HarnessError as error:
        raise _Refused(str(error).rstrip(".")) from None


def _seconds(value: Any, folder: Path | None) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
        raise _Refused(f"must be a number of seconds, not {_shown(value)}")
    return float(value)


def _flag(value: Any, folder: Path | None) -> bool:
    if not isinstance(value, bool):
        raise _Refused(f"must be true or false, not {_shown(value)}")
    return value


def _count(value: Any, folder: Path | None) -> int | None:
    if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
        raise _Refused(f"must be a whole number of at least 1, not {_shown(value)}")
    return value


def _json(read: Reader, dump: Callable[[Any], Any] = lambda value: value) -> dict[str, Any]:
    """How a setting is read, and how a value other than None is written as JSON."""
    return {"read": read, "dump": dump}


@dataclass(frozen=True, slots=True)
class LocalSettings:
    """How the harness stands in for an endpoint's instances.

    instances: the kind that stands in for an ML instance, by its registered name.
    server: the model server of a process: ``torchserve`` or ``asgi``.
    responses: folder of recorded HTTP responses for the downloads of a process's model; None leaves its network alone.
    containers: URLs of the running containers that the kind ``container`` may use.
    profile: the capacity profile that twins answer from.
    provisioning_seconds: what an instance waits on the clock before it starts; on AWS this takes minutes.
    serve_unready: whether an added instance takes requests as soon as it is started, like a container whose ``/ping``
    answers 200 before the model is loaded (aws/sagemaker-inference-toolkit#138).
    concurrent_requests: how many requests for each instance SageMaker lets through at once before it throttles; None is
    no limit. AWS's own limit is "dynamic", by the instances and their types (opensearch ml-commons#2429), and not
    published.
    """

    instances: str = field(default="process", metadata=_json(_kind_name))
    server: str = field(default="torchserve", metadata=_json(_server))
    responses: Path | None = field(default=None, metadata=_json(_responses, str))
    containers: tuple[str, ...] = field(default=(), metadata=_json(_containers, list))
    profile: Profile | None = field(
        default=None, metadata=_json(_profile, lambda profile: profile.model_dump(mode="json"))
    )
    provisioning_seconds: float = field(default=0.0, metadata=_json(_seconds))
    serve_unready: bool = field(default=False, metadata=_json(_flag))
    concurrent_requests: int | None = field(default=None, metadata=_json(_count))


_FIELDS = {setting.name: setting for setting in fields(LocalSettings)}


def parse_local_settings(table: Mapping[str, Any], folder: Path | None = None) -> LocalSettings:
    """Reads a table, without a look at its kind of instance (see harness.hosting.instances.kinds.read_local_settings).

    folder: where relative paths of a stack file start; None for JSON. Raises LocalSettingsError that names every
    problem.
    """
    problems: list[tuple[TablePath, str]] = []
    values: dict[str, Any] = {}
    for name, value in table.items():
        if name not in _FIELDS:
            problems.append(((name,), _unknown(name)))
            continue
        try:
            values[name] = _FIELDS[name].metadata["read"](value, folder)
        except _Refused as refused:
            problems.append(((name, *refused.path), str(refused)))
    if problems:
        raise LocalSettingsError(problems)
    return LocalSettings(**values)


def dump_local_settings(settings: LocalSettings) -> dict[str, Any]:
    """The settings as JSON that read_local_settings() reads."""
    values = {name: getattr(settings, name) for name in _FIELDS}
    return {name: None if value is None else _FIELDS[name].metadata["dump"](value) for name, value in values.items()}


def _unknown(name: str) -> str:
    similar = difflib.get_close_matches(name, _FIELDS, 1)
    hint = f"did you mean {similar[0]}? " if similar else ""
    return f"unknown key; {hint}allowed here: {', '.join(sorted(_FIELDS))}"
