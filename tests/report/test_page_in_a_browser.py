"""report.html as a person meets it: in Chromium, from disk, without a network."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("playwright.sync_api", reason="needs playwright (the dev packages)")

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, expect

from tests.report.browser import chromium, opened
from topout.domain import Component, Prompt
from topout.report.findings import Findings, find
from topout.report.page import report_page
from topout.testing.runs import PretendedRun

pytestmark = pytest.mark.browser

HOSTILE = (
    "<script>document.title='run'</script></script><!-- <img src=x onerror=\"document.title='run'\"> "
    "\x1b[31mred \u202egnp.exe\u202c \x00 &lt;b&gt; {ruling} ${1} '\"` </style></textarea> "
)
RUN = PretendedRun(qualities=tuple(0.4 + 0.03 * i for i in range(8)), cached=0.3, outages=3)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def findings() -> Findings:
    return find(RUN.events())


@pytest.fixture(scope="module")
def page_file(findings: Findings, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(report_page(findings, "runs/latest"), encoding="utf-8")
    return path


def hostile() -> Findings:
    """A run in which every text that comes from outside attacks, and one of them is a line of a megabyte."""
    texts = {"label": HOSTILE, "reason": HOSTILE, "rationale": HOSTILE}
    names = dict.fromkeys(("task", "model", "critic", "recipe"), HOSTILE)
    f = find(PretendedRun(texts=texts, settings=dict(names), dev=40, holdout=40, shift=5).events())
    manifest = {**f.started.manifest, "task": HOSTILE, "description": HOSTILE, "scorer": HOSTILE}
    prompt = Prompt(
        (Component("system", "system", HOSTILE + "x" * 1_000_000), *f.winner.prompt.components[1:]), f.winner.prompt.demos
    )
    verdict = replace(f.verdict, sentence=HOSTILE, next_step=HOSTILE, evidence=(HOSTILE,))
    return replace(f, started=replace(f.started, manifest=manifest), winner=replace(f.winner, prompt=prompt), verdict=verdict)


def test_the_page_says_nothing_to_the_console_and_asks_nobody(browser: Browser, page_file: Path) -> None:
    with opened(browser, page_file) as seen:
        for place in seen.page.locator("[data-plot] button").all():
            place.click()
        assert seen.complaints == []
        assert [url for url in seen.requests if not url.startswith(("file:", "data:"))] == []


def test_every_chart_is_drawn(browser: Browser, page_file: Path) -> None:
    with opened(browser, page_file) as seen:
        names = [place.get_attribute("data-plot") for place in seen.page.locator("[data-plot]").all()]
        assert names == ["curve", "levers", "cost", "lineage", "rows"]
        for name in names:
            marks = seen.page.locator(
                f"[data-plot={name}] svg path[aria-roledescription], [data-plot={name}] svg g.mark-symbol path"
            ).count()
            assert marks > 2 or seen.page.locator(f"[data-plot={name}] canvas").count() == 1, name


def test_pointing_at_a_champion_shows_its_score_with_interval_and_n(browser: Browser, page_file: Path, findings: Findings) -> None:
    with opened(browser, page_file) as seen:
        seen.page.locator("[data-plot=curve] svg g.mark-symbol.role-mark path").first.hover()
        tip = seen.page.locator("#vg-tooltip-element.visible")
        tip.wait_for()
        first = findings.curve[0].holdout
        assert first is not None
        assert f"{100 * first.mean:.1f} % [{100 * first.low:.1f}, {100 * first.high:.1f}], n = {first.n}" in tip.inner_text()


def test_the_axis_switches_to_dollars_and_to_linear(browser: Browser, page_file: Path) -> None:
    with opened(browser, page_file) as seen:
        seen.page.get_by_role("button", name="dollars").click()
        seen.page.get_by_role("button", name="linear").click()
        seen.page.wait_for_selector("#plot-curve[data-drawn=dollars-linear]")
        assert "dollars" in (seen.page.locator("#plot-curve svg").text_content() or "")


@pytest.mark.parametrize("what", ["text", "messages", "JSON"])
def test_the_prompt_is_copied_as_it_is(browser: Browser, page_file: Path, findings: Findings, what: str) -> None:
    with opened(browser, page_file) as seen:
        seen.page.get_by_role("button", name=f"Copy {what}").click()
        seen.page.get_by_role("button", name="Copied").wait_for()
        copied = seen.page.evaluate("navigator.clipboard.readText()")
    system = findings.winner.prompt.components[0].text
    match what:
        case "text":
            assert copied.startswith(f"--- system ---\n{system}\n")
        case "messages":
            assert json.loads(copied)[0] == {"role": "system", "content": system}
        case _:
            assert json.loads(copied)["components"][0]["text"] == system


def test_dark_follows_the_system_and_the_button(browser: Browser, page_file: Path) -> None:
    paper = "getComputedStyle(document.body).backgroundColor"
    chart = "getComputedStyle(document.querySelector('#plot-curve svg')).backgroundColor"
    with opened(browser, page_file, scheme="dark") as seen:
        assert seen.page.evaluate(paper) == "rgb(23, 27, 33)"
        assert seen.page.evaluate(chart) == "rgb(23, 27, 33)"
        seen.page.get_by_role("button", name="Switch between light and dark").click()
        expect(seen.page.locator("#plot-curve svg")).to_have_css("background-color", "rgb(255, 255, 255)")
        assert seen.page.evaluate(paper) == "rgb(255, 255, 255)"
        assert seen.complaints == []


@pytest.mark.parametrize("attacked", [False, True])
def test_a_phone_shows_it_all_without_scrolling_sideways(browser: Browser, page_file: Path, tmp_path: Path, attacked: bool) -> None:
    path = page_file
    if attacked:
        path = tmp_path / "report.html"
        path.write_text(report_page(hostile()), encoding="utf-8")
    with opened(browser, path, width=375) as seen:
        seen.page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
        assert seen.page.evaluate("document.documentElement.scrollWidth") == 375


def test_every_score_by_split_is_seen_on_a_desk(browser: Browser, page_file: Path) -> None:
    with opened(browser, page_file) as seen:
        place = seen.page.locator("[aria-labelledby=splits-title] .scroll, #splits .scroll").first
        assert place.evaluate("one => one.scrollWidth - one.clientWidth") == 0


def test_the_last_score_of_the_curve_is_whole_on_a_phone(browser: Browser, tmp_path: Path) -> None:
    f = find(RUN.events())
    path = tmp_path / "report.html"
    first, *rest = f.curve
    long = (replace(first, calls=1), *rest)  # many doublings: the room of the next one is narrow
    path.write_text(report_page(replace(f, curve=long, verdict=replace(f.verdict, probability=0.32))), encoding="utf-8")
    with opened(browser, path, width=390) as seen:
        drawn = seen.page.locator("#plot-curve svg")
        score = drawn.locator("text", has_text=f"{100 * f.holdout.winner.mean:.1f} %").last
        right, edge = (one.bounding_box() for one in (score, drawn))
        assert right is not None and edge is not None
        assert right["x"] + right["width"] <= edge["x"] + edge["width"]


def test_hostile_text_is_text(browser: Browser, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    path.write_text(report_page(hostile()), encoding="utf-8")
    assert path.stat().st_size < 3_000_000
    with opened(browser, path) as seen:
        assert seen.page.title().startswith("<script>")
        assert seen.page.locator("main script:not([type='application/json']), img, iframe, object, [onerror]").count() == 0
        assert seen.page.locator("#provenance-title").count() == 1
        seen.page.locator("[data-plot=levers] svg g.mark-symbol.role-mark path").last.hover()
        seen.page.locator("#vg-tooltip-element.visible").wait_for()
        assert seen.page.locator("#vg-tooltip-element :is(script, img)").count() == 0
        text = seen.page.locator("body").inner_text()
        assert "\x1b" not in text
        assert "\u202e" not in text
        assert "\x00" not in text
        assert seen.complaints == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(browser: Browser, page_file: Path, scheme: str) -> None:
    with opened(browser, page_file, scheme="dark" if scheme == "dark" else "light") as seen:
        seen.page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
        found = Axe().run(seen.page).response["violations"]
        bad = [(v["id"], v["nodes"][0]["html"][:120]) for v in found if v["impact"] in ("serious", "critical")]
        assert bad == []


def test_the_keyboard_reaches_what_can_be_pressed_in_reading_order(browser: Browser, page_file: Path) -> None:
    with opened(browser, page_file) as seen:
        order = []
        for _ in range(4):
            seen.page.keyboard.press("Tab")
            order.append(seen.page.evaluate("document.activeElement.textContent.trim()"))
        assert order == ["Skip to the content", "Dark", "Has prompting topped out, for a gain of 2 points?", "Plateau curve"]
        seen.page.get_by_role("button", name="linear").focus()
        seen.page.keyboard.press("Enter")
        seen.page.wait_for_selector("#plot-curve[data-drawn=calls-linear]")


def test_it_prints_light_with_its_charts(browser: Browser, page_file: Path) -> None:
    with opened(browser, page_file, scheme="dark") as seen:
        assert seen.page.pdf(format="A4").startswith(b"%PDF")
        seen.page.emulate_media(media="print")
        assert seen.page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
        assert not seen.page.locator("nav").is_visible()
        assert "invert(1)" in seen.page.evaluate("getComputedStyle(document.getElementById('plot-curve')).filter")


def test_without_scripts_the_figures_are_there(browser: Browser, page_file: Path) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(page_file.as_uri())
    assert page.locator("#verdict .ruling").is_visible()
    page.locator("#curve summary").click()
    assert page.locator("#curve table").is_visible()
    context.close()


@pytest.mark.slow
def test_a_thousand_candidates_by_a_thousand_rows_take_seconds(browser: Browser, tmp_path: Path) -> None:
    qualities = tuple(0.3 + 0.0004 * i for i in range(1000))
    f = find(PretendedRun(qualities=qualities, idle=0, dev=1000, holdout=10, shift=0, price_usd=None).events())
    began = time.process_time()
    page = report_page(f)
    took = time.process_time() - began
    path = tmp_path / "report.html"
    path.write_text(page, encoding="utf-8")
    assert len(f.candidates) == 1000
    assert path.stat().st_size < 4_000_000
    assert "A sample of 600 of 1,000 rows is drawn; all are in the table of rollouts." in page
    assert took < 10
    with opened(browser, path) as seen:
        began = time.monotonic()
        seen.page.get_by_role("button", name="linear").click()
        seen.page.wait_for_selector("#plot-curve[data-drawn=calls-linear]")
        assert time.monotonic() - began < 2
