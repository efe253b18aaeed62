"""The figures that the benchmarks come to: one table, kept as JSON, compared with the last."""

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
    """One figure. wanted: what the project set itself, in words such as "at most 5"; met: whether it was.

    peer: what the peer gave in the same run, or what the figure is compared with; short: for the README's table too.
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
    """The figures of one run of the benchmarks, where and when."""

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
        """Records a figure; at_most, at_least: what the project set itself, which is shown and not asserted."""
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
        return cls(**{**document, "figures": [Figure(**one) for one in document["figures"]]})

    def updated_by(self, newer: Table) -> Table:
        """The newer run's figures in the place of this one's of the same name, so that a part can be run alone."""
        found = {one.name: one for one in (*self.figures, *newer.figures)}
        order = sorted(found.values(), key=lambda one: one.part)
        return Table(newer.made_at, newer.machine, newer.versions, order)

    def where(self) -> str:
        named = ", ".join(f"{name} {version}" for name, version in sorted(self.versions.items()))
        found = self.machine
        memory = f"{found['memory_bytes'] / 2**30:.0f} GiB"
        return f"{self.made_at}: {found['cpu']}, {found['cores']} cores, {memory}, {found['os']}; {named}"


def rows(figures: Iterable[Figure]) -> str:
    """A Markdown table."""
    lines = ["| | figure | goal | beside it, in the same run |", "|---|---|---|---|"]
    for one in figures:
        goal = one.wanted if one.met is not False else f"{one.wanted}: **missed**"
        lines.append(f"| {one.name} | {one.shown()} | {goal} | {one.peer} |")
    return "\n".join(lines) + "\n"


def page(table: Table) -> str:
    return (
        "# Benchmarks\n\n"
        "What `make bench` gave last. It writes this page, `docs/benchmarks.json` and the README's table, and prints\n"
        "each figure beside the last one. Machines are shared and noisy: medians and ratios say more than times.\n\n"
        f"{table.where()}.\n\n{rows(table.figures)}"
    )


def readme(text: str, table: Table) -> str:
    """The README with the short table between its two marks."""
    before, rest = text.split(BEGIN)
    _, after = rest.split(END)
    return before + BEGIN + rows(one for one in table.figures if one.short) + END + after


def beside(table: Table, last: Table | None) -> str:
    """Each figure of this run beside the last one's, for the terminal."""
    then = {one.name: one for one in last.figures} if last else {}
    width = max(len(one.name) for one in table.figures)
    lines = []
    for one in table.figures:
        old = then.get(one.name)
        change = f"  last {old.shown()} ({one.value / old.value - 1:+.0%})" if old and old.value else ""
        verdict = {True: "", False: "  MISSED", None: ""}[one.met]
        goal = f"  goal {one.wanted}{verdict}" if one.wanted else ""
        peer = f"  [{one.peer}]" if one.peer else ""
        lines.append(f"{one.name:<{width}}  {one.shown()}{goal}{change}{peer}")
    return "\n".join(lines)
