"""The plan's report in a real browser: it fits its window, follows the colour scheme, prints, and loads nothing."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from harness.report.plan import build_plan_report
from tests.browser import needs_a_browser, tab
from tests.report.plan.plans import a_plan, write_plan

pytestmark = [needs_a_browser, pytest.mark.unmeasured]

CUT_OFF = """[...document.querySelectorAll('svg')].filter(svg => svg.getBoundingClientRect().width > 0).flatMap(svg => {
  const frame = svg.getBoundingClientRect();
  return [...svg.querySelectorAll('text')].filter(text => {
    const box = text.getBoundingClientRect();
    return box.left < frame.left - 1 || box.right > frame.right + 1 || box.bottom > frame.bottom + 1;
  }).map(text => text.textContent);
})"""
OUT_OF_THE_PAGE = """[...document.querySelectorAll('main *')].filter(each => {
  const box = each.getBoundingClientRect();
  return box.width > 0 && box.right > document.documentElement.clientWidth + 1;
}).map(each => each.outerHTML.slice(0, 80))"""


async def test_the_page_fits_follows_the_scheme_prints_and_loads_nothing(tmp_path: Path) -> None:
    page = build_plan_report(write_plan(tmp_path / "plan", a_plan()))
    background = "getComputedStyle(document.body).backgroundColor"
    line = "getComputedStyle(document.querySelector('[style*=\"stroke: var(--series-1)\"]')).stroke"
    figures = "getComputedStyle(document.querySelector('.figures')).gridTemplateColumns.split(' ').length"
    async with asyncio.timeout(120), tab(tmp_path / "profile") as browser:
        values: dict[tuple[int, str], Any] = {}
        for width, scheme in ((1200, "light"), (1200, "dark"), (390, "light")):
            await browser.show(page, width, scheme)
            assert await browser.value("document.documentElement.scrollWidth <= window.innerWidth")
            assert await browser.value(CUT_OFF) == []
            assert await browser.value(OUT_OF_THE_PAGE) == []
            values[width, scheme] = [await browser.value(expression) for expression in (background, line, figures)]
        pdf = await browser.call("Page.printToPDF", printBackground=True)
    assert values[1200, "light"] == ["rgb(255, 255, 255)", "rgb(31, 95, 166)", 4]
    assert values[1200, "dark"] == ["rgb(20, 24, 28)", "rgb(110, 168, 232)", 4]
    assert values[390, "light"][2] == 2
    assert len(pdf["data"]) > 20_000
    assert set(browser.requested) == {page.as_uri()}
    assert browser.complaints == []
