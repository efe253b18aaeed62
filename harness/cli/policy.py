"""The commands about policies: what a stack's roles may do, what its run needed of it. harness.cli.main adds them."""

from __future__ import annotations

import json
import os
import tempfile
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import click
from rich.box import SIMPLE
from rich.console import Console, JustifyMethod
from rich.markup import escape
from rich.table import Table

from harness.access.lint import LintFinding, lint
from harness.access.rules.access_history import AccessHistory
from harness.access.rules.advice.risks import Risk, risks
from harness.access.rules.advice.smallest import LONGEST_INLINE, smallest_policy
from harness.access.rules.advice.usage import (
    StatementUse,
    actions_of,
    denied_calls,
    resources_of,
    statement_uses,
    summary,
)
from harness.access.rules.call_log import LoggedCall
from harness.cli.policy_run import PolicyRun, read_history, recorded_history, run_stack, with_policies
from harness.core.environment import harness_url
from harness.core.errors import HarnessError
from harness.core.progress import Steps
from harness.stack.file import load_stack
from harness.stack.tables import Stack

# Of a policy with more statements that were never used than this, they are one row.
_MOST_ROWS = 6
# Columns of a page where there is no terminal to fill.
_WIDTH = 120

_stack = click.argument("stack_file", type=click.Path(path_type=Path, dir_okay=False))
_run = click.option(
    "--run", "recorded", type=click.Path(path_type=Path, file_okay=False), help="Take the calls of a recorded run."
)
_live = click.option("--live", is_flag=True, help="Take what the local AWS at AWS_ENDPOINT_URL has seen so far.")


@click.group()
def policy() -> None:
    """Check the policies of a stack's roles, and write the smallest that do."""


@policy.command()
@_stack
@_run
@_live
def check(stack_file: Path, recorded: Path | None, live: bool) -> None:
    """Say which statements the stack's own run used and which never, what a stolen role could do, and what a linter
    finds. Without --run and --live the stack is deployed and invoked once, on a local AWS of its own.

    Exit status 1 where a call was denied, or where the linter finds an error in a policy that is not AWS's own.
    """
    stack = load_stack(stack_file)
    seen = _seen(stack, recorded, live).history
    console = Console(highlight=False, emoji=False)  # arn:aws:secretsmanager:...:secret:... has no picture in it
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = _WIDTH
    roles = _roles(stack, seen)
    _print_uses(console, seen, roles)
    refused = [call for _, arn in roles for call in denied_calls(seen, arn)]
    _print_denied(console, refused)
    _print_risks(console, [(name, risk) for name, arn in roles for risk in risks(seen.roles[arn])])
    findings = lint([one for arn in dict.fromkeys(arn for _, arn in roles) for one in seen.roles[arn]])
    _print_findings(console, findings)
    console.print(f"The smallest policies that do: harness policy generate {escape(str(stack_file))}", soft_wrap=True)
    if refused or any(one.severity == "error" and not _is_awss(one.policy) for one in findings):
        raise SystemExit(1)


@policy.command()
@_stack
@_run
@_live
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="Folder to write ROLE.json files to.")
@click.option("--account", help="Your account's number, in the place of the local one; * by default.")
@click.option("--proof/--no-proof", default=True, show_default=True, help="Deploy and invoke with what was written.")
def generate(
    stack_file: Path, recorded: Path | None, live: bool, out: Path | None, account: str | None, proof: bool
) -> None:
    """Write the smallest policies that let the stack's own calls through, and prove them by deploying with them."""
    if account is not None and not (account.isascii() and account.isdigit() and len(account) == 12):
        raise HarnessError(f"--account is a number of twelve digits, not {account!r}.")
    stack = load_stack(stack_file)
    run = _seen(stack, recorded, live)
    seen = run.history
    roles = _roles(stack, seen)
    if proof:
        local = {name: smallest_policy(seen.calls_of(arn), seen.account) for name, arn in roles}
        _prove(stack, local, run)
    wanted = {name: smallest_policy(seen.calls_of(arn), seen.account, account or "*") for name, arn in roles}
    for name, document in wanted.items():
        size = len("".join(json.dumps(document).split()))
        if size > LONGEST_INLINE:
            click.echo(f"{name}: {size} characters are more than a role's inline policies may have.", err=True)
    if out is None:
        click.echo(json.dumps(wanted, indent=2))
        return
    out.mkdir(parents=True, exist_ok=True)
    for name, document in wanted.items():
        (out / f"{name}.json").write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
        click.echo(out / f"{name}.json")


def _seen(stack: Stack, recorded: Path | None, live: bool) -> PolicyRun:
    if recorded is not None and live:
        raise HarnessError("--run and --live are two answers to one question: give one of them.")
    if recorded is not None:
        return PolicyRun(recorded_history(recorded), "", "")
    if live:
        return PolicyRun(read_history(harness_url()), "", "")
    run = run_stack(stack, Steps(), stack.name)
    if run.failed:
        click.echo(f"The function answered with an error ({run.failed}): {run.answer}", err=True)
    return run


def _roles(stack: Stack, seen: AccessHistory) -> list[tuple[str, str]]:
    """Name and ARN of each of the stack's roles."""
    found = [(name, arn) for name in stack.roles if (arn := seen.role_arn(name)) is not None]
    if not found:
        raise HarnessError(f"No role of {stack.name} made a call that was recorded: {', '.join(stack.roles)}.")
    return found


def _prove(stack: Stack, documents: dict[str, dict[str, Any]], run: PolicyRun) -> None:
    """Raises HarnessError where the stack cannot do with the policies what it did before."""
    with tempfile.TemporaryDirectory(prefix="harness-proof-") as folder:
        small = with_policies(stack, documents, Path(folder))
        proof = run_stack(small, Steps(), f"{stack.name} with the smallest policies")
    arns = [arn for name in documents if (arn := proof.history.role_arn(name)) is not None]
    refused = [call for arn in arns for call in denied_calls(proof.history, arn)]
    if refused:
        first = refused[0]
        raise HarnessError(
            f"With the smallest policies {first.action} on {first.resource or '*'} is denied ({first.reason}): this "
            "run made calls that the recorded one did not."
        )
    if proof.failed and not run.failed:
        raise HarnessError(f"With the smallest policies the function answers with an error: {proof.answer}")
    calls = [call for arn in arns for call in proof.history.calls_of(arn)]
    click.echo(f"Proved: deployed and invoked with them, {len(calls)} different calls allowed, none denied.", err=True)


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=SIMPLE, pad_edge=False)
    for column in columns:
        justify: JustifyMethod = "right" if column in ("#", "calls") else "left"
        table.add_column(column, justify=justify, overflow="fold")
    return table


def _print(console: Console, table: Table) -> None:
    if table.row_count:
        console.print(table)


def _print_uses(console: Console, seen: AccessHistory, roles: Iterable[tuple[str, str]]) -> None:
    for name, arn in roles:
        found = statement_uses(seen, arn)
        used = sum(1 for one in found if one.calls)
        console.print(
            f"[bold]{escape(name)}[/bold]: {used} of the {len(found)} statements of its policies decided a call, "
            f"{len(found) - used} never did. # is a statement's place in its policy, from 0.\n"
        )
        for policy_name in dict.fromkeys(one.policy for one in found):
            table = _table(_short(policy_name), "#", "calls", "allows", "on")
            _add_uses(table, [one for one in found if one.policy == policy_name])
            _print(console, table)


def _add_uses(table: Table, found: Sequence[StatementUse]) -> None:
    never = [one for one in found if not one.calls]
    shown = found if len(never) <= _MOST_ROWS else [one for one in found if one.calls]
    for one in shown:
        effect = "" if one.statement.effect == "Allow" else "deny: "
        allows, on = effect + actions_of(one.statement), resources_of(one.statement)
        called = dict.fromkeys(call.action for call in one.calls)
        if called and called.keys() != set(one.statement.written_actions):
            allows += f"\nused for {summary([*called])}"
        table.add_row(str(one.statement.index), str(one.count) if one.calls else "never", escape(allows), escape(on))
    if len(shown) < len(found):
        table.add_row(_ranges([one.statement.index for one in never]), "never", f"{len(never)} statements", "")


def _print_denied(console: Console, calls: Sequence[LoggedCall]) -> None:
    table = _table("Calls that were denied, or would be on AWS", "role", "action", "on", "because", "calls")
    for call in calls:
        made = f" (by {call.service} as the role)" if call.service else ""
        table.add_row(_last(call.principal), call.action + made, call.resource or "?", call.reason, str(call.count))
    _print(console, table)


def _print_risks(console: Console, found: Sequence[tuple[str, Risk]]) -> None:
    for name in dict.fromkeys(name for name, _ in found):
        title = f"What somebody with the credentials of {name} could do"
        table = _table(title, "could", "by", "on", "as this says", "#")
        for risk in (risk for role, risk in found if role == name):
            on = summary(risk.resources) + (", under conditions" if risk.conditional else "")
            index = str(risk.statement.index)
            actions = summary(risk.actions)
            table.add_row(risk.capability.sentence, actions, escape(on), _short(risk.policy), index)
        _print(console, table)


def _print_findings(console: Console, findings: Sequence[LintFinding]) -> None:
    table = _table("What the linter finds", "policy", "#", "severity", "finding")
    kinds = Counter((one.policy, one.check) for one in findings)
    for one in findings:
        alike = kinds.pop((one.policy, one.check), None)
        if alike is None:
            continue
        more = f" (and {alike - 1} more like it)" if alike > 1 else ""
        where = "" if one.statement is None else str(one.statement)
        table.add_row(_short(one.policy), where, one.severity, escape(one.sentence) + more)
    _print(console, table)


def _ranges(numbers: Sequence[int]) -> str:
    """0, 1, 2, 5 -> 0-2, 5"""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ", ".join(str(low) if low == high else f"{low}-{high}" for low, high in runs)


def _is_awss(name: str) -> bool:
    return name.startswith("arn:aws:iam::aws:")


def _short(name: str) -> str:
    """A managed policy by its name, as the console lists it."""
    return _last(name) if name.startswith("arn:") else name


def _last(arn: str) -> str:
    return arn.rpartition("/")[2]
