"""Checks before a test starts: whether everything is there and, on a real account, what the run may cost.

Options: --target local|aws, and for aws --stack, --max-requests, --max-cost, --prices and --confirm. A run on AWS is
first a dry run, which sends nothing and prints the estimate and a code. The same command with --confirm CODE sends.
"""

from __future__ import annotations

import logging
import math
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import gevent
from locust import events
from locust.argument_parser import LocustArgumentParser
from locust.env import Environment
from locust.exception import StopUser
from locust.runners import LocalRunner, MasterRunner, WorkerRunner

from harness.core import figures as text
from harness.core.errors import HarnessError
from harness.core.prices import Prices, read_prices
from harness.load.answers import Kind
from harness.load.locust.manifest import read_stack
from harness.load.locust.options import request_count
from harness.load.spending import BilledFunction, Bound, Budget, Caps, bound, confirmation_code
from harness.load.target import SERVICES, aws_target

logger = logging.getLogger(__name__)

_budgets: WeakKeyDictionary[Environment, Budget] = WeakKeyDictionary()
cut_short: WeakKeyDictionary[Environment, str] = WeakKeyDictionary()
"""Why the harness itself ended an environment's run before its time."""

SPREAD = 5
"""Standard deviations of the number of random arrivals that the bound leaves room for."""
INVOCATIONS: frozenset[Kind] = frozenset({"lambda", "function-url"})
"""The kinds of requests that Lambda bills."""


def on_aws(environment: Environment) -> bool:
    return getattr(environment.parsed_options, "target", "local") == "aws"


def spend(environment: Environment, kind: Kind) -> None:
    """Charge the budget for a request that is about to be sent; end the run if a cap is reached.

    On the local AWS there is no budget.
    """
    budget = _budgets.get(environment)
    if budget is None:
        return
    reason = budget.take(kind in INVOCATIONS)
    if reason is None:
        return
    if environment not in cut_short:
        cut_short[environment] = reason
        logger.error("The run is ended: %s.", reason)
        runner: Any = environment.runner
        gevent.spawn(runner.quit)
    raise StopUser


def estimate(environment: Environment, caps: Caps, prices: Prices) -> tuple[Bound, Budget]:
    """What the chosen users would send and cost at most. Raises HarnessError if that cannot be told."""
    options: Any = environment.parsed_options
    if not getattr(options, "stack", None):
        raise HarnessError("A run on AWS needs --stack FILE: memory, timeout and instances tell what it may cost.")
    stack = read_stack(options.stack)
    invocations, endpoint_requests, seconds = 0, 0, float(options.run_time or 0)
    for user_class in environment.user_classes:
        any_class: Any = user_class
        kinds = any_class.kinds(environment) if hasattr(any_class, "kinds") else set()
        schedule = any_class.schedule(environment) if hasattr(any_class, "schedule") else None
        # Users who wait for answers send as fast as they are answered: the cap is the bound.
        requests = caps.requests if schedule is None else _most(schedule.expected)
        seconds = max(seconds, schedule.seconds if schedule else 0.0)
        if kinds & INVOCATIONS:
            invocations += requests
        elif kinds:
            endpoint_requests += requests
    if not seconds:
        raise HarnessError("A run on AWS needs its length: give --run-time.")
    table, scaling = stack.get("function") or {}, stack.get("scaling") or {}
    function = BilledFunction(table.get("memory_size", 128), table.get("timeout", 3)) if table else None
    variants = stack.get("endpoint", {}).get("production_variants", {})
    instances = [
        (
            variant.get("instance_type", "ml.m5.large"),
            _largest(variant.get("initial_instance_count", 1), scaling.get("variants", {}).get(name)),
        )
        for name, variant in variants.items()
    ]
    provisioned = _largest(table.get("provisioned_concurrent_executions", 0), scaling.get("function"))
    billed: Any = {
        "seconds": seconds, "function": function, "instances": instances, "provisioned": provisioned, "prices": prices,
    }  # fmt: skip
    most = bound(invocations=invocations, endpoint_requests=endpoint_requests, **billed)
    fixed = bound(invocations=0, endpoint_requests=0, **billed).dollars
    return most, Budget(caps, prices, function, fixed)


def _most(expected: float) -> int:
    """Arrivals of a schedule at most: random (Poisson) arrivals exceed this once in three million runs."""
    return math.ceil(expected + SPREAD * math.sqrt(expected))


def _largest(count: int, scalable: Mapping[str, Any] | None) -> int:
    """The count that auto scaling may reach, if there is any: instances are billed while they are there."""
    return max(count, int((scalable or {}).get("max_capacity", 0)))


def _caps(options: Any) -> Caps:
    """The two caps. Raises HarnessError if one is not a number above 0, because it would cap nothing."""
    requests, dollars = request_count("--max-requests", options.max_requests), options.max_cost
    try:
        cost = float(dollars)
    except ValueError:
        cost = math.nan
    if not (math.isfinite(cost) and cost > 0):
        raise HarnessError(f"--max-cost {dollars} is not an amount: give US dollars above 0, such as 0.50.")
    return Caps(requests, cost)


def _allow_aws(environment: Environment) -> None:
    """Print what a run on AWS would send and cost, and exit unless it was confirmed."""
    options: Any = environment.parsed_options
    if not isinstance(environment.runner, LocalRunner) or not options.headless:
        raise HarnessError("AWS is driven from one process, with --headless, so that the caps hold.")
    caps = _caps(options)
    prices = read_prices(Path(options.prices)) if options.prices else Prices()
    most, budget = estimate(environment, caps, prices)
    kinds: set[Kind] = set()
    for user_class in environment.user_classes:
        kinds |= getattr(user_class, "kinds", lambda _: set())(environment)
    target = aws_target(SERVICES[min(kinds)] if kinds else "lambda", os.environ)
    names = sorted(user_class.__name__ for user_class in environment.user_classes)
    lines = [
        f"{' + '.join(names)} on AWS, {target.region}, as {target.credentials.access_key}:",
        f"  at most {most.requests:,} requests (cap {caps.requests:,})",
        f"  at most {text.dollars(most.dollars)} (cap {text.dollars(caps.dollars)}), prices of "
        f"{prices.as_of}, {prices.region}:",
        *(f"    {text.dollars(dollars):<7}  {what}" for what, dollars in most.lines),
    ]
    print("\n".join(lines), flush=True)
    most.check(caps)
    code = confirmation_code(names, target.region, target.credentials.access_key, caps, most.requests, most.lines)
    if options.confirm != code:
        print(f"This was a dry run: nothing was sent. The same command with --confirm {code} is the run.", flush=True)
        sys.exit(0)
    _budgets[environment] = budget

    def settle(context: dict[str, Any] | None = None, **_: Any) -> None:
        observation = (context or {}).get("observation")
        if observation is not None and observation.function_seconds is not None:
            budget.settle(observation.function_seconds)

    hooks: Any = environment.events
    hooks.request.add_listener(settle)


def _add_options(parser: LocustArgumentParser) -> None:
    parser.add_argument(
        "--target", choices=["local", "aws"], default="local", env_var="HARNESS_TARGET", include_in_web_ui=False,
        help="Where the load goes: this machine's local AWS, or your account (a dry run first)",
    )  # fmt: skip
    for flag, default, meaning in (
        ("--max-requests", "1000", "Requests at which a run on AWS is stopped"),
        ("--max-cost", "1.00", "US dollars at which a run on AWS is stopped"),
        ("--prices", "", "TOML file with prices in place of the built-in ones"),
        ("--confirm", "", "The code that the dry run of a run on AWS printed"),
    ):
        parser.add_argument(flag, default=default, include_in_web_ui=False, help=meaning)


def _check_before_start(environment: Environment, **_: Any) -> None:
    """Exit with a sentence if something is missing, before anything starts.

    On the web page it may still be typed in, so there each user checks when it starts.
    """
    options = environment.parsed_options
    if options is None:
        return
    worker, master = isinstance(environment.runner, WorkerRunner), isinstance(environment.runner, MasterRunner)
    starts_by_itself = options.headless or options.autostart or worker
    # A master sends nothing: for workers on other machines it can only check the schedule.
    check = "check_schedule" if master and not options.processes else "check"
    try:
        if starts_by_itself:
            for user_class in environment.user_classes:
                getattr(user_class, check, lambda _: None)(environment)
        if on_aws(environment):
            _allow_aws(environment)
    except HarnessError as error:
        # The master says it once for all forked workers (--processes).
        if not (worker and options.processes):
            sys.stderr.write(f"{error}\n")
        sys.exit(1)


_events: Any = events
_events.init_command_line_parser.add_listener(_add_options)
_events.init.add_listener(_check_before_start)
