"""The report in a real browser: it fits its window, follows the colour scheme, and loads nothing."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from harness.capacity.report import build_report
from tests.capacity.report.test_report import a_run

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-dev-shm-usage",
    "--remote-debugging-port=0",
    "--remote-allow-origins=*",
]

pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="no chromium, chromium-browser or google-chrome on this machine"
)


class Tab:
    """One tab over the DevTools protocol."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._last = 0
        self.requested: list[str] = []
        self.complaints: list[str] = []

    async def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        self._last += 1
        await self._socket.send_json({"id": self._last, "method": method, "params": parameters})
        while (message := await self._next()).get("id") != self._last:
            pass
        assert "error" not in message, message
        result: dict[str, Any] = message["result"]
        return result

    async def show(self, page: Path, width: int, scheme: str) -> None:
        await self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False
        )
        await self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        await self.call("Page.navigate", url=page.as_uri())
        while (await self._next()).get("method") != "Page.loadEventFired":
            pass

    async def value(self, expression: str) -> Any:
        answer = await self.call("Runtime.evaluate", expression=f"JSON.stringify({expression})")
        return json.loads(answer["result"]["value"])

    async def _next(self) -> dict[str, Any]:
        message: dict[str, Any] = await self._socket.receive_json()
        if message.get("method") == "Network.requestWillBeSent":
            self.requested.append(message["params"]["request"]["url"])
        elif message.get("method") in {"Log.entryAdded", "Runtime.exceptionThrown"}:
            self.complaints.append(json.dumps(message["params"]))
        return message


@asynccontextmanager
async def tab(profile: Path) -> AsyncIterator[Tab]:
    assert CHROMIUM is not None
    browser = await asyncio.create_subprocess_exec(
        CHROMIUM, *FLAGS, f"--user-data-dir={profile}", "about:blank",
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        assert browser.stderr is not None
        async with asyncio.timeout(60):
            while not (found := re.search(rb"ws://127\.0\.0\.1:(\d+)/", await browser.stderr.readline())):
                pass
        async with aiohttp.ClientSession() as session:
            async with session.get(f"http://127.0.0.1:{int(found[1])}/json") as answer:
                url = next(each["webSocketDebuggerUrl"] for each in await answer.json() if each["type"] == "page")
            async with session.ws_connect(url, max_msg_size=0) as socket:
                opened = Tab(socket)
                for domain in ("Page", "Network", "Log", "Runtime"):
                    await opened.call(f"{domain}.enable")
                yield opened
    finally:
        browser.send_signal(signal.SIGTERM)
        await browser.wait()


async def test_the_page_fits_follows_the_scheme_and_loads_nothing(tmp_path: Path) -> None:
    page = build_report(a_run(tmp_path / "run"))
    background = "getComputedStyle(document.body).backgroundColor"
    line = "getComputedStyle(document.querySelector('[style*=\"stroke: var(--series-1)\"]')).stroke"
    shapes = "['wide', 'narrow'].map(c => getComputedStyle(document.querySelector('.' + c)).display)"
    drawn = "document.querySelector('svg text').getBoundingClientRect().height > 0"
    async with asyncio.timeout(120), tab(tmp_path / "profile") as browser:
        seen: dict[tuple[int, str], Any] = {}
        for width, scheme in ((1200, "light"), (1200, "dark"), (390, "light")):
            await browser.show(page, width, scheme)
            assert await browser.value("document.documentElement.scrollWidth <= window.innerWidth")
            seen[width, scheme] = [await browser.value(each) for each in (background, line, shapes, drawn)]
        pdf = await browser.call("Page.printToPDF", printBackground=True)
    assert seen[1200, "light"][0] == "rgb(255, 255, 255)"
    assert seen[1200, "dark"][0] == "rgb(20, 24, 28)"
    assert (seen[1200, "light"][1], seen[1200, "dark"][1]) == ("rgb(31, 95, 166)", "rgb(110, 168, 232)")
    assert seen[1200, "light"][2] == ["block", "none"]
    assert seen[390, "light"][2] == ["none", "block"]
    assert seen[1200, "light"][3]
    assert len(pdf["data"]) > 10_000
    assert set(browser.requested) == {page.as_uri()}
    assert browser.complaints == []
