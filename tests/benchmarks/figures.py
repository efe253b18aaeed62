"""The figures of the benchmarks: one table, which is kept as JSON and compared with the last one."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from harness.core.machine import machine, versions

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "benchmarks.md"
KEPT = ROOT / "docs" / "benchmarks.json"
README = ROOT / "README.md"
BEGIN, END = "<!-- benchmarks -->\n", "<!-- /benchmarks -->\n"


@dataclass(frozen=True)
class Figure:
    """One figure.

    wanted: the project's goal, in words such as "at most 5". met: whether the figure meets it. peer: what the figure is
    compared with, such as the peer's figure in the same run. short: whether it is also in the README's table.
    """

    part: str
    what: str
    value: float
    unit: str
    wanted: str = ""
    met: bool | None = None
    peer: str = ""
    short: bool = False

    @property
    def name(self) -> str:
        return f"{self.part}: {self.what}"

    def shown(self) -> str:
        digits = f"{self.value:,.0f}" if abs(self.value) >= 1000 else f"{self.value:.3g}"
        return f"{digits} {self.unit}".strip()


@dataclass
class Table:
    """The figures of one run of the benchmarks, with its date, machine and versions."""

    made_at: str = field(default_factory=lambda: datetime.now(UTC).strftime("%Y-%m-%d"))
    machine: dict[str, Any] = field(default_factory=machine)
    versions: dict[str, str] = field(default_factory=lambda: dict(versions()))
    figures: list[Figure] = field(default_factory=list)

    def add(
        self,
        part: str,
        what: str,
        value: float,
        unit: str = "",
        *,
        at_most: float | None = None,
        at_least: float | None = None,
        peer: str = "",
        short: bool = False,
    ) -> None:
        """Records a figure. at_most, at_least: the project's goal, which is shown and not asserted."""
        wanted, met = "", None
        if at_most is not None:
            wanted, met = f"at most {at_most:,g}", value <= at_most
        if at_least is not None:
            wanted, met = f"at least {at_least:,g}", value >= at_least
        self.figures.append(Figure(part, what, float(value), unit, wanted, met, peer, short))

    def to_json(self) -> str:
        return json.dumps(asdict(self), indent=1, sort_keys=True) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Table:
        document = json.loads(text)
        return cls(**{**document, "figures": [Figure(**figure) for figure in document["figures"]]})

    def updated_by(self, newer: Table) -> Table:
        """This table with the newer figures replacing those of the same names, so that a part can be run alone."""
        by_name = {figure.name: figure for figure in (*self.figures, *newer.figures)}
        in_order = sorted(by_name.values(), key=lambda figure: figure.part)
        return Table(newer.made_at, newer.machine, newer.versions, in_order)

    def where(self) -> str:
        """The date, the machine and the versions, in one line."""
        versions = ", ".join(f"{name} {version}" for name, version in sorted(self.versions.items()))
        memory = f"{self.machine['memory_bytes'] / 2**30:.0f} GiB"
        cpu, cores, system = (self.machine[name] for name in ("cpu", "cores", "os"))
        return f"{self.made_at}: {cpu}, {cores} cores, {memory}, {system}; {versions}"


def rows(figures: Iterable[Figure]) -> str:
    """The figures as a Markdown table."""
    lines = ["| | figure | goal | for comparison, in the same run |", "|---|---|---|---|"]
    for figure in figures:
        goal = figure.wanted if figure.met is not False else f"{figure.wanted}: **missed**"
        lines.append(f"| {figure.name} | {figure.shown()} | {goal} | {figure.peer} |")
    return "\n".join(lines) + "\n"


def page(table: Table) -> str:
    return (
        "# Benchmarks\n\n"
        "These are the figures of the last `make bench`. It writes this page, `docs/benchmarks.json` and the README's\n"
        "table, and prints each figure beside the last one. Machines are shared and noisy, so medians and ratios say\n"
        "more than times.\n\n"
        f"{table.where()}.\n\n{rows(table.figures)}"
    )


def readme(text: str, table: Table) -> str:
    """The text of the README, with the short table between its two marks."""
    before, rest = text.split(BEGIN)
    _, after = rest.split(END)
    return before + BEGIN + rows(figure for figure in table.figures if figure.short) + END + after


def beside(table: Table, last: Table | None) -> str:
    """Each figure of this run beside the last run's, for the terminal."""
    last_figures = {figure.name: figure for figure in last.figures} if last else {}
    width = max(len(figure.name) for figure in table.figures)
    lines = []
    for figure in table.figures:
        old = last_figures.get(figure.name)
        change = f"  last {old.shown()} ({figure.value / old.value - 1:+.0%})" if old and old.value else ""
        verdict = {True: "", False: "  MISSED", None: ""}[figure.met]
        goal = f"  goal {figure.wanted}{verdict}" if figure.wanted else ""
        peer = f"  [{figure.peer}]" if figure.peer else ""
        lines.append(f"{figure.name:<{width}}  {figure.shown()}{goal}{change}{peer}")
    return "\n".join(lines)
