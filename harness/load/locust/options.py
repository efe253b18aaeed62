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

    @property
    def name(self) -> str:
        """The option's attribute of ``environment.parsed_options``."""
        return self.flag.removeprefix("--").replace("-", "_")


_options: dict[str, _Option] = {}


def add_option(flag: str, default: str, help: str) -> None:
    """Add ``--flag`` (environment: LOCUST_FLAG); scenarios read it as ``environment.parsed_options.flag``.

    If several scenarios ask for the same flag, as under ``locust -f FOLDER``, the first one's default and help count.
    """
    _options.setdefault(flag, _Option(flag, default, help))


def add_function_name(default: str = "") -> None:
    """Add --function-name."""
    add_option("--function-name", default, "Lambda function to invoke")


def add_endpoint_name(default: str = "") -> None:
    """Add --endpoint-name."""
    add_option("--endpoint-name", default, "SageMaker endpoint to invoke")


def _add_to_parser(parser: LocustArgumentParser) -> None:
    for option in _options.values():
        parser.add_argument(
            option.flag, default=option.default, help=option.help, env_var=f"LOCUST_{option.name.upper()}"
        )


@lru_cache(maxsize=16)
def read_file(path: str, flag: str) -> bytes:
    """The bytes of the file that an option names. Raises HarnessError if it cannot be read."""
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise HarnessError(f"{path} cannot be read ({error.strerror}): name another file with {flag}.") from error


def request_count(flag: str, text: str) -> int:
    """The number of requests that an option gives. Raises HarnessError unless it is a whole number of 1 or more."""
    if not (text.isdecimal() and int(text) > 0):
        raise HarnessError(f"{flag} {text} is not a number of requests: give 1 or more.")
    return int(text)


def option_values(parsed_options: Any) -> dict[str, str]:
    """The values of the scenarios' own options."""
    return {option.name: getattr(parsed_options, option.name) for option in _options.values()}


def option_defaults() -> dict[str, str]:
    """The defaults of the scenarios' own options."""
    return {option.name: option.default for option in _options.values()}


_events: Any = events
_events.init_command_line_parser.add_listener(_add_to_parser)
