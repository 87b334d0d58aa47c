"""A headless Chromium that is told what to do through its DevTools protocol.

`python -m tests.jobs.report.browser REPORT PICTURE` makes the README's picture of a report: its
figures, its charts, and the beginning of one text, as on a wide screen.
"""

import asyncio
import base64
import itertools
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--headless=new",
    "--no-sandbox",  # tests may be root's, whom Chromium gives none
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    "--no-first-run",
    "--remote-debugging-port=0",
)
PATIENCE_S = 30.0
EXCERPT = """
const hide = (selector) => document.querySelectorAll(selector).forEach((it) => (it.hidden = true));
hide("#worst-and-best-documents, #worst-and-best-segments, #throughput, #dead-letters");
hide("#what-was-run, .document ~ .document, [data-name=by-length]");
for (const text of document.querySelectorAll(".text")) {
  text.style.cssText = "max-height: 17rem; overflow: hidden";
}
"""
"""What makes an excerpt of a page that is as long as its texts."""


def chromium() -> str | None:
    """Where it is, if it is here."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


@dataclass
class Page:
    """An open tab, and what went wrong in it."""

    socket: aiohttp.ClientWebSocketResponse
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    _numbers: Any = field(default_factory=itertools.count)

    async def call(self, method: str, **parameters: object) -> dict[str, Any]:
        number = next(self._numbers)
        await self.socket.send_json({"id": number, "method": method, "params": parameters})
        while True:
            message = await self.socket.receive_json(timeout=PATIENCE_S)
            if message.get("id") == number:
                assert "error" not in message, message
                result: dict[str, Any] = message["result"]
                return result
            self._hear(message)

    async def open(self, file: Path) -> None:
        """Loads a file, and waits until it is drawn."""
        for domain in ("Page", "Runtime", "Log", "Network"):
            await self.call(f"{domain}.enable")
        await self.call("Page.navigate", url=file.resolve().as_uri())
        while await self.evaluate("document.readyState") != "complete":
            await asyncio.sleep(0.02)

    async def evaluate(self, expression: str) -> Any:
        found = await self.call(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    async def show(self, width: int, scheme: str = "light", height: int = 900) -> None:
        await self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 600,
        )
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        await self.call("Emulation.setEmulatedMedia", features=features)

    async def picture(self, file: Path, *, is_whole: bool = True) -> bytes:
        found = await self.call("Page.captureScreenshot", captureBeyondViewport=is_whole)
        return _kept(file, found)

    async def print(self, file: Path) -> bytes:
        return _kept(file, await self.call("Page.printToPDF", printBackground=True))

    def _hear(self, message: dict[str, Any]) -> None:
        said = message.get("params", {})
        match message.get("method"):
            case "Runtime.exceptionThrown" | "Runtime.consoleAPICalled" | "Log.entryAdded":
                self.complaints.append(json.dumps(said)[:500])
            case "Network.requestWillBeSent":
                url = said["request"]["url"]
                self.requests += [url] * (not url.startswith(("data:", "blob:")))


def _kept(file: Path, found: dict[str, Any]) -> bytes:
    data = base64.b64decode(found["data"])
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(data)
    return data


@asynccontextmanager
async def browsing(path: str) -> AsyncIterator[Page]:
    """A tab of a browser of its own, whose profile is gone afterwards."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        command = [path, *FLAGS, f"--user-data-dir={profile}", "about:blank"]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            port = await _port(Path(profile) / "DevToolsActivePort")
            async with (
                aiohttp.ClientSession() as session,
                session.get(f"http://127.0.0.1:{port}/json") as answer,
            ):
                tabs = [tab for tab in await answer.json() if tab["type"] == "page"]
                address = tabs[0]["webSocketDebuggerUrl"]
                async with session.ws_connect(address, max_msg_size=0) as socket:
                    yield Page(socket)
        finally:
            process.terminate()
            process.wait(PATIENCE_S)


async def _port(file: Path) -> int:
    for _ in range(int(PATIENCE_S / 0.05)):
        if file.exists() and (lines := file.read_text().splitlines()):
            return int(lines[0])
        await asyncio.sleep(0.05)
    raise TimeoutError("Chromium did not come up")


async def _photograph(report: Path, picture: Path) -> None:
    path = chromium()
    assert path is not None, "needs Chromium: apt-get install chromium"
    async with browsing(path) as page:
        await page.open(report)
        await page.evaluate(EXCERPT)
        await page.show(1280)
        await page.picture(picture)


if __name__ == "__main__":
    asyncio.run(_photograph(Path(sys.argv[1]), Path(sys.argv[2])))
