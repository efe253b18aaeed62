"""AWS's prices at a date. A TOML file with the same names replaces any of them.

They are in US dollars, for us-east-1, on demand. Source: AWS's public price pages at the date below.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from harness.core.errors import HarnessError, reason

_INSTANCES = {
    "ml.m5.large": 0.115,
    "ml.m5.xlarge": 0.23,
    "ml.m5.2xlarge": 0.461,
    "ml.m5.4xlarge": 0.922,
    "ml.c5.xlarge": 0.204,
    "ml.c5.2xlarge": 0.408,
    "ml.c7i.xlarge": 0.214,
    "ml.g4dn.xlarge": 0.7364,
    "ml.g5.xlarge": 1.4084,
    "ml.t3.medium": 0.05,
}


@dataclass(frozen=True)
class Prices:
    """Prices in US dollars: of an hour of an instance type, of a GB-second, of a request.

    SageMaker bills an instance per second from InService until it is deleted (unverified).
    """

    as_of: str = "2026-11-21"
    region: str = "us-east-1"
    instance_hour: dict[str, float] = field(default_factory=lambda: dict(_INSTANCES))
    lambda_request: float = 0.20 / 1e6
    lambda_gb_second: float = 0.0000166667
    provisioned_gb_second_held: float = 0.0000041667
    provisioned_gb_second_used: float = 0.0000097222

    def instance(self, instance_type: str) -> float:
        """The price of an hour of an instance type. Raises HarnessError if the table has none."""
        try:
            return self.instance_hour[instance_type]
        except KeyError:
            raise HarnessError(
                f"There is no price of {instance_type} in the table of {self.as_of}: "
                "give one in a TOML file with a table [instance_hour]."
            ) from None

    def invocation(self, memory_mb: int, seconds: float) -> float:
        """The price of a Lambda invocation on x86. seconds: billed time."""
        return self.lambda_request + memory_mb / 1024 * seconds * self.lambda_gb_second


def read_prices(file: Path) -> Prices:
    """The built-in prices, with those of a file in their place. Raises HarnessError if it has other keys or types."""
    try:
        prices: dict[str, Any] = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise HarnessError(f"The prices {file} cannot be read: {reason(error)}.") from None
    builtin = Prices()
    known = {price.name for price in fields(Prices)}
    if unknown := sorted(set(prices) - known):
        raise HarnessError(f"{file}: {unknown[0]} is not a price; there are: {', '.join(sorted(known))}.")
    for name, value in prices.items():
        if not isinstance(value, type(getattr(builtin, name))) and not (isinstance(value, int) and name != "as_of"):
            raise HarnessError(f"{file}: {name} must be a {type(getattr(builtin, name)).__name__}.")
    if "instance_hour" in prices:
        prices["instance_hour"] = {**builtin.instance_hour, **prices["instance_hour"]}
    return replace(builtin, **prices)
