"""A real browser draws the report without complaint, in light, dark, on a phone and on paper."""

import asyncio
import struct
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from tests.jobs.report.browser import Page, browsing, chromium
from tests.jobs.report.runs import synthetic_run

PICTURES = Path(__file__).parents[3] / "build" / "report"
"""Kept for who wants to see what was drawn; git ignores them."""

LIMIT_S = 120.0
BROWSER = chromium()
pytestmark = pytest.mark.skipif(BROWSER is None, reason="needs Chromium: apt-get install chromium")

# downloads are noted, not made
CAPTURE = """
window.saved = [];
HTMLAnchorElement.prototype.click = function () { window.saved.push(this.download); };
const made = URL.createObjectURL;
window.blobs = [];
URL.createObjectURL = (blob) => { window.blobs.push(blob); return made(blob); };
"""


def visit(report: Path, look: Callable[[Page], Awaitable[None]]) -> None:
    async def go() -> None:
        assert BROWSER is not None
        async with asyncio.timeout(LIMIT_S), browsing(BROWSER) as page:
            await page.open(report)
            await look(page)
            assert page.complaints == []
            assert page.requests == [report.resolve().as_uri()]

    asyncio.run(go())


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from longriver.jobs.cli import main

    run = synthetic_run(tmp_path_factory.mktemp("browser") / "made", 100)
    assert main(["report", f"output.path={run}"]) == 0
    return run / "report.html"


def test_charts_are_drawn_with_a_mark_for_every_number(report: Path) -> None:
    async def look(page: Page) -> None:
        counts = await page.evaluate(
            """Object.fromEntries([...document.querySelectorAll("figure")].map((figure) =>
            [figure.dataset.name, figure.querySelectorAll("svg [data-tip]").length]))"""
        )
        assert counts["by-length"] == counts["documents-in-two-dimensions"] == 100
        assert counts["by-group"] == counts["by-worker"] * 4 == 4
        assert counts["by-position"] > 3 and counts["distribution"] >= 5
        sizes = await page.evaluate(
            """[...document.querySelectorAll("svg.chart")].map((svg) => {
            const box = svg.getBoundingClientRect(); return box.width * box.height; })"""
        )
        assert min(sizes) > 1000
        drawn = await page.evaluate("performance.getEntriesByType('navigation')[0].duration")
        assert 0 < drawn < 20_000

    visit(report, look)


def test_it_is_readable_in_light_dark_on_a_phone_and_on_paper(report: Path) -> None:
    async def look(page: Page) -> None:
        colors = {}
        for name, width, scheme in (
            ("light", 1280, "light"),
            ("dark", 1280, "dark"),
            ("phone", 360, "light"),
        ):
            await page.show(width, scheme)
            colors[name] = await page.evaluate("getComputedStyle(document.body).backgroundColor")
            overflow = await page.evaluate("document.documentElement.scrollWidth - innerWidth")
            assert overflow <= 0, name
            picture = await page.picture(PICTURES / f"{name}.png")
            assert picture.startswith(b"\x89PNG")
        assert colors["light"] == colors["phone"] != colors["dark"]
        paper = await page.print(PICTURES / "print.pdf")
        assert paper.startswith(b"%PDF")

    visit(report, look)


def test_every_chart_can_be_taken_along_as_svg_and_png(report: Path) -> None:
    async def look(page: Page) -> None:
        await page.evaluate(CAPTURE)
        number = await page.evaluate("document.querySelectorAll('figure').length")
        await page.evaluate("document.querySelectorAll('[data-export]').forEach((b) => b.click())")
        while len(await page.evaluate("window.saved")) < 2 * number:
            await asyncio.sleep(0.02)
        names = await page.evaluate("window.saved")
        assert {"by-position.svg", "by-position.png"} <= set(names)
        assert len(set(names)) == 2 * number
        texts = await page.evaluate(
            "Promise.all(window.blobs.filter((b) => b.type != 'image/png').map((b) => b.text()))"
        )
        assert all(text.startswith("<svg") and "var(" not in text for text in texts)
        heads = await page.evaluate(
            """Promise.all(window.blobs.filter((b) => b.type == 'image/png').map(async (b) =>
            [...new Uint8Array(await b.arrayBuffer())].slice(0, 24)))"""
        )
        for head in heads:
            width, height = struct.unpack(">II", bytes(head[16:24]))
            assert width == 1920 and height >= 200

    visit(report, look)


def test_tips_are_shown_and_tables_sorted(report: Path) -> None:
    async def look(page: Page) -> None:
        shown = await page.evaluate(
            """(() => { const dot = document.querySelector("circle[data-tip]");
            const at = {bubbles: true, clientX: 9, clientY: 9};
            dot.dispatchEvent(new PointerEvent("pointermove", at));
            const tip = document.getElementById("tip");
            return [tip.hidden, tip.textContent === dot.dataset.tip]; })()"""
        )
        assert shown == [False, True]
        values = await page.evaluate(
            """(() => { const table = document.querySelector(".passages table");
            table.querySelectorAll("th")[1].click();
            return [...table.tBodies[0].rows].map((row) => Number(row.cells[1].dataset.v)); })()"""
        )
        assert values == sorted(values, reverse=True) and len(values) > 2

    visit(report, look)


def test_hostile_texts_do_nothing_but_stand_there(hostile_run: Path) -> None:
    async def look(page: Page) -> None:
        assert await page.evaluate("window.hacked === undefined")
        assert await page.evaluate("document.querySelectorAll('img, iframe').length") == 0
        assert await page.evaluate("document.body.textContent.includes('window.hacked = true')")

    visit(hostile_run / "report.html", look)
