"""The page of `topout compare --html` in Chromium, from disk."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("playwright.sync_api", reason="needs playwright (the dev packages)")

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser

from tests.report.browser import chromium, opened
from tests.report.test_comparison_page import hostile, made
from topout.report.page.comparing import comparison_page

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.mark.parametrize(("width", "attacked"), [(1280, False), (375, True)])
def test_it_draws_both_charts_says_nothing_and_asks_nobody(browser: Browser, tmp_path: Path, width: int, attacked: bool) -> None:
    path = tmp_path / "compared.html"
    path.write_text(comparison_page(hostile(made()) if attacked else made()), encoding="utf-8")
    with opened(browser, path, width=width) as seen:
        assert seen.page.locator("[data-plot] svg").count() == 2
        assert seen.page.evaluate("document.documentElement.scrollWidth") <= width
        assert seen.page.title() != "run"
        assert seen.complaints == []
        assert [url for url in seen.requests if not url.startswith(("file:", "data:"))] == []
        found = [v for v in Axe().run(seen.page).response["violations"] if v["impact"] in ("serious", "critical")]
        assert found == []
