"""The table of figures: the benchmarks fill it, and at the end it is printed and kept."""

from __future__ import annotations

from typing import Any

import pytest

from tests.benchmarks.figures import KEPT, PAGE, README, Table, beside, page, readme

TABLE = pytest.StashKey[Table]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--keep-figures", action="store_true", help="Write the figures to docs/benchmarks.* and the README."
    )


def pytest_configure(config: pytest.Config) -> None:
    config.stash[TABLE] = Table()


@pytest.fixture(scope="session")
def figures(request: pytest.FixtureRequest) -> Table:
    return request.config.stash[TABLE]


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    table = config.stash[TABLE]
    if not table.figures:
        return
    last = Table.from_json(KEPT.read_text()) if KEPT.exists() else None
    terminalreporter.section("figures")
    terminalreporter.write_line(table.where())
    terminalreporter.write_line(beside(table, last))
    if config.getoption("--keep-figures"):
        kept = last.updated_by(table) if last else table
        KEPT.write_text(kept.to_json())
        PAGE.write_text(page(kept))
        README.write_text(readme(README.read_text(), kept))
