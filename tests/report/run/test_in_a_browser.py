"""The report in a real browser: it fits its window, follows the colour scheme, and loads nothing."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from harness.report.run import build_report
from tests.browser import needs_a_browser, tab
from tests.report.run.test_report import a_run

pytestmark = needs_a_browser


async def test_the_page_fits_follows_the_scheme_and_loads_nothing(tmp_path: Path) -> None:
    page = build_report(a_run(tmp_path / "run"))
    background = "getComputedStyle(document.body).backgroundColor"
    line = "getComputedStyle(document.querySelector('[style*=\"stroke: var(--series-1)\"]')).stroke"
    shapes = "['wide', 'narrow'].map(c => getComputedStyle(document.querySelector('.' + c)).display)"
    drawn = "document.querySelector('svg text').getBoundingClientRect().height > 0"
    async with asyncio.timeout(120), tab(tmp_path / "profile") as browser:
        values: dict[tuple[int, str], Any] = {}
        for width, scheme in ((1200, "light"), (1200, "dark"), (390, "light")):
            await browser.show(page, width, scheme)
            assert await browser.value("document.documentElement.scrollWidth <= window.innerWidth")
            values[width, scheme] = [
                await browser.value(expression) for expression in (background, line, shapes, drawn)
            ]
        pdf = await browser.call("Page.printToPDF", printBackground=True)
    assert values[1200, "light"][0] == "rgb(255, 255, 255)"
    assert values[1200, "dark"][0] == "rgb(20, 24, 28)"
    assert (values[1200, "light"][1], values[1200, "dark"][1]) == ("rgb(31, 95, 166)", "rgb(110, 168, 232)")
    assert values[1200, "light"][2] == ["block", "none"]
    assert values[390, "light"][2] == ["none", "block"]
    assert values[1200, "light"][3]
    assert len(pdf["data"]) > 10_000
    assert set(browser.requested) == {page.as_uri()}
    assert browser.complaints == []
