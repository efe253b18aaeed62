"""Options of scenarios on locust's command line and web page, and in LOCUST_* variables."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from locust import events
from locust.argument_parser import LocustArgumentParser

from harness.core.errors import HarnessError


@dataclass(frozen=True, slots=True)
class _Option:
    flag: str
    default: str
    help: str


_options: dict[str, _Option] = {}


def add_option(flag: str, default: str, help: str) -> None:
    """Add ``--flag`` (environment: LOCUST_FLAG); scenarios read it as ``environment.parsed_options.flag``.

    Several scenarios may ask for the same flag, as under ``locust -f FOLDER``: it is added once, as first asked for.
    """
    _options.setdefault(flag, _Option(flag, default, help))


def _add_to_parser(parser: LocustArgumentParser) -> None:
    for option in _options.values():
        variable = "LOCUST_" + option.flag.removeprefix("--").replace("-", "_").upper()
        parser.add_argument(option.flag, default=option.default, help=option.help, env_var=variable)


@lru_cache(maxsize=16)
def read_file(path: str, flag: str) -> bytes:
    """The bytes of the file that an option names; HarnessError where it cannot be read."""
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise HarnessError(f"{path} cannot be read ({error.strerror}): name another file with {flag}.") from error


def option_names() -> list[str]:
    """The options as ``environment.parsed_options`` names them."""
    return [flag.removeprefix("--").replace("-", "_") for flag in _options]


_events: Any = events
_events.init_command_line_parser.add_listener(_add_to_parser)
