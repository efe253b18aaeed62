"""``harness policy``: what a stack's roles may do, and what its run needed."""

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
from harness.cli import parameters
from harness.cli.access_history import HistoryRun, read_history, recorded_history, run_stack, with_policies
from harness.cli.parameters import FOLDER
from harness.core.environment import harness_url
from harness.core.errors import HarnessError
from harness.core.progress import Steps
from harness.stack.file import load_stack
from harness.stack.tables import Stack

# If more statements of a policy than this were never used, they share one row.
_MOST_ROWS = 6
# Characters of a line where the output is not a terminal.
_WIDTH = 120

_run = click.option(
    "--run",
    "run_folder",
    type=FOLDER,
    help="Judge by the calls of this recorded run, a folder or the id of a run in $HARNESS_RUNS or ./runs.",
)
_live = click.option(
    "--live", is_flag=True, help="Judge by the calls that the local AWS at AWS_ENDPOINT_URL has seen so far."
)


@click.group()
def policy() -> None:
    """Check a stack's policies, and write smaller ones."""


@policy.command()
@parameters.stack_file
@_run
@_live
def check(stack_file: Path, run_folder: Path | None, live: bool) -> None:
    """Say what a stack's policies are used for.

    Says which statements were used and which never, what somebody who stole a role's credentials could do, and what a
    linter finds. Without --run and --live the stack is deployed and invoked once, on a local AWS of its own.

    Exit status 1 if a call was denied, or if the linter finds an error in a policy that is not AWS's own.
    """
    stack = load_stack(stack_file)
    history = _history_run(stack, run_folder, live).history
    console = Console(highlight=False, emoji=False)  # arn:aws:secretsmanager:...:secret:... has no picture in it
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = _WIDTH
    roles = _roles(stack, history)
    _print_uses(console, history, roles)
    refused = [call for _, arn in roles for call in denied_calls(history, arn)]
    _print_denied(console, refused)
    _print_risks(console, [(name, risk) for name, arn in roles for risk in risks(history.roles[arn])])
    findings = lint([policy for arn in dict.fromkeys(arn for _, arn in roles) for policy in history.roles[arn]])
    _print_findings(console, findings)
    console.print(
        f"The smallest policies that are enough: harness policy generate {escape(str(stack_file))}", soft_wrap=True
    )
    if refused or any(finding.severity == "error" and not _is_awss(finding.policy) for finding in findings):
        raise SystemExit(1)


@policy.command()
@parameters.stack_file
@_run
@_live
@click.option("--out", type=FOLDER, help="Folder to write a file ROLE.json for each role to.")
@click.option("--account", help="Your account's number, to write in place of the local one; by default *.")
@click.option(
    "--proof/--no-proof", default=True, show_default=True, help="Deploy and invoke the stack with the new policies."
)
def generate(
    stack_file: Path, run_folder: Path | None, live: bool, out: Path | None, account: str | None, proof: bool
) -> None:
    """Write the smallest policies that are enough.

    They allow the calls that the stack makes. Deploying and invoking the stack with them proves it.
    """
    if account is not None and not (account.isascii() and account.isdigit() and len(account) == 12):
        raise HarnessError(f"--account is a number of twelve digits, not {account!r}.")
    stack = load_stack(stack_file)
    run = _history_run(stack, run_folder, live)
    history = run.history
    roles = _roles(stack, history)
    if proof:
        local = {name: smallest_policy(history.calls_of(arn), history.account) for name, arn in roles}
        _prove(stack, local, run)
    smallest = {name: smallest_policy(history.calls_of(arn), history.account, account or "*") for name, arn in roles}
    for name, document in smallest.items():
        size = len("".join(json.dumps(document).split()))
        if size > LONGEST_INLINE:
            click.echo(f"{name}: {size} characters are more than a role's inline policies may have.", err=True)
    if out is None:
        click.echo(json.dumps(smallest, indent=2))
        return
    out.mkdir(parents=True, exist_ok=True)
    for name, document in smallest.items():
        (out / f"{name}.json").write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
        click.echo(out / f"{name}.json")


def _history_run(stack: Stack, run_folder: Path | None, live: bool) -> HistoryRun:
    if run_folder is not None and live:
        raise HarnessError("--run and --live are two answers to one question: give one of them.")
    if run_folder is not None:
        if not run_folder.is_dir():
            from harness.load.runs import find_run

            run_folder = find_run(str(run_folder), Path(os.environ.get("HARNESS_RUNS", "runs")))
        return HistoryRun(recorded_history(run_folder))
    if live:
        return HistoryRun(read_history(harness_url()))
    run = run_stack(stack, Steps(), stack.name)
    if run.error:
        click.echo(f"The function answered with an error ({run.error}): {run.answer}", err=True)
    return run


def _roles(stack: Stack, history: AccessHistory) -> list[tuple[str, str]]:
    """Name and ARN of each role of the stack. Raises HarnessError if no role made a call."""
    roles = [(name, arn) for name in stack.roles if (arn := history.role_arn(name)) is not None]
    if not roles:
        raise HarnessError(f"No role of {stack.name} made a call that was recorded: {', '.join(stack.roles)}.")
    return roles


def _prove(stack: Stack, documents: dict[str, dict[str, Any]], run: HistoryRun) -> None:
    """Runs the stack with policies. Raises HarnessError if it cannot do with them what it did before."""
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
    if proof.error and not run.error:
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


def _print_uses(console: Console, history: AccessHistory, roles: Iterable[tuple[str, str]]) -> None:
    for name, arn in roles:
        statements = statement_uses(history, arn)
        used = sum(1 for use in statements if use.calls)
        console.print(
            f"[bold]{escape(name)}[/bold]: {used} of the {len(statements)} statements of its policies decided a call, "
            f"{len(statements) - used} never did. # is a statement's place in its policy, from 0.\n"
        )
        for policy_name in dict.fromkeys(use.policy for use in statements):
            table = _table(_short(policy_name), "#", "calls", "allows", "on")
            _add_uses(table, [use for use in statements if use.policy == policy_name])
            _print(console, table)


def _add_uses(table: Table, statements: Sequence[StatementUse]) -> None:
    never = [use for use in statements if not use.calls]
    shown = statements if len(never) <= _MOST_ROWS else [use for use in statements if use.calls]
    for use in shown:
        effect = "" if use.statement.effect == "Allow" else "deny: "
        allows, on = effect + actions_of(use.statement), resources_of(use.statement)
        called = dict.fromkeys(call.action for call in use.calls)
        if called and called.keys() != set(use.statement.written_actions):
            allows += f"\nused for {summary([*called])}"
        table.add_row(str(use.statement.index), str(use.count) if use.calls else "never", escape(allows), escape(on))
    if len(shown) < len(statements):
        table.add_row(_ranges([use.statement.index for use in never]), "never", f"{len(never)} statements", "")


def _print_denied(console: Console, calls: Sequence[LoggedCall]) -> None:
    table = _table("Calls that were denied, or would be on AWS", "role", "action", "on", "because", "calls")
    for call in calls:
        service = f" (by {call.service} as the role)" if call.service else ""
        table.add_row(_last(call.principal), call.action + service, call.resource or "?", call.reason, str(call.count))
    _print(console, table)


def _print_risks(console: Console, roles_risks: Sequence[tuple[str, Risk]]) -> None:
    for name in dict.fromkeys(name for name, _ in roles_risks):
        title = f"What somebody with the credentials of {name} could do"
        table = _table(title, "could", "by", "on", "as this says", "#")
        for risk in (risk for role, risk in roles_risks if role == name):
            on = summary(risk.resources) + (", under conditions" if risk.conditional else "")
            index = str(risk.statement.index)
            actions = summary(risk.actions)
            table.add_row(risk.capability.sentence, actions, escape(on), _short(risk.policy), index)
        _print(console, table)


def _print_findings(console: Console, findings: Sequence[LintFinding]) -> None:
    table = _table("What the linter finds", "policy", "#", "severity", "finding")
    alike = Counter((finding.policy, finding.check) for finding in findings)
    for finding in findings:
        count = alike.pop((finding.policy, finding.check), None)
        if count is None:
            continue  # the first one stands for all of its kind
        more = f" (and {count - 1} more like it)" if count > 1 else ""
        where = "" if finding.statement is None else str(finding.statement)
        table.add_row(_short(finding.policy), where, finding.severity, escape(finding.sentence) + more)
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
    """Whether a policy is AWS's own."""
    return name.startswith("arn:aws:iam::aws:")


def _short(name: str) -> str:
    """A managed policy's name without its ARN, as the console shows it."""
    return _last(name) if name.startswith("arn:") else name


def _last(arn: str) -> str:
    return arn.rpartition("/")[2]
