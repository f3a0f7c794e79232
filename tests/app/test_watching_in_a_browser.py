"""`topout watch` as a person meets it: Chromium beside a real run on the embedded reader, which is stopped from the page and goes on later."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

pytest.importorskip("playwright.sync_api", reason="needs playwright (the dev packages)")

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.report.browser import chromium
from topout.domain import RunEnded
from topout.store.journal import read_journal
from topout.store.layout import RunFolder
from topout.testing.runs import PretendedRun, write_run

pytestmark = pytest.mark.browser

Start = Callable[..., "subprocess.Popen[str]"]
HOSTILE = "<script>document.title='run'</script><img src=x onerror=\"alert(1)\"> \x1b[31m \u202e & ' </style>"
SHOWN = "Number(document.documentElement.dataset.shown ?? 0)"
POINTS = "JSON.parse(document.getElementById('spec-curve').textContent)['calls-log'].datasets.rows.length"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


def the_run(process: subprocess.Popen[str]) -> Path:
    deadline = time.monotonic() + 60
    while not (found := list(Path("runs").glob("2*/journal.jsonl"))):
        assert process.poll() is None and time.monotonic() < deadline, "no run began"
        time.sleep(0.02)
    return found[0].parent


def address(watcher: subprocess.Popen[str]) -> str:
    assert watcher.stdout is not None
    return watcher.stdout.readline().strip()


def cpu_s(process: subprocess.Popen[str]) -> float:
    """Seconds of a core that a process has used."""
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def test_a_run_is_watched_as_it_grows_stopped_from_its_page_and_resumed(
    browser: Browser, start: Start, small_task: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOPOUT_EMBEDDED_LATENCY_MS", "40")  # it goes on for minutes, and leaves the processor to the browser
    optimize = start("optimize", small_task, "--max-calls", 20_000, "-q")
    folder = the_run(optimize)
    watcher = start("watch", folder.name, "--no-open")
    url = address(watcher)
    page, complaints, asked = browser.new_page(), list[str](), list[str]()
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(url)
    assert page.url == url.partition("#")[0]  # the token is nowhere to be seen
    expect(page.locator("#live-state")).to_have_text("Running")
    page.wait_for_selector("#plot-curve svg", timeout=60_000)
    first = page.evaluate(POINTS)
    page.get_by_role("button", name="linear").click()
    page.locator("#cost-title").scroll_into_view_if_needed()
    page.locator("figure[data-plot=cost] summary").click()
    page.locator("#content").focus()
    top = page.locator("#cost-title").bounding_box()
    before, began, used = page.evaluate(SHOWN), time.monotonic(), cpu_s(watcher)
    while not page.evaluate(f"{SHOWN} > {before} && {POINTS} > {first}"):
        assert time.monotonic() < began + 120, "the curve does not grow"
        page.wait_for_timeout(200)
    share = (cpu_s(watcher) - used) / (time.monotonic() - began)
    print(f"curve: {first} rows, then {page.evaluate(POINTS)}; the watcher took {100 * share:.0f} % of a core")
    page.wait_for_selector("#plot-curve[data-drawn=calls-linear] svg")
    assert page.locator("figure[data-plot=cost] details").get_attribute("open") is not None
    assert page.evaluate("document.activeElement.id") == "content"
    now = page.locator("#cost-title").bounding_box()
    assert top is not None and now is not None and abs(now["y"] - top["y"]) < 200
    page.get_by_role("button", name="Stop the run").click()
    expect(page.locator("#live-state")).to_have_text("Ended", timeout=30_000)
    expect(page.locator("#live-said")).to_contain_text("The run ended (stopped)")
    expect(page.locator("#stop")).to_be_hidden()
    page.wait_for_selector(".ruling")
    assert optimize.wait(30) == 130
    assert complaints == []
    host = urlsplit(url).netloc
    assert {urlsplit(one).netloc for one in asked if not one.startswith("data:")} == {host}
    last = read_journal(folder / "journal.jsonl")[-1]
    assert isinstance(last, RunEnded) and last.ending == "stopped"
    answered(page, watcher)
    monkeypatch.delenv("TOPOUT_EMBEDDED_LATENCY_MS")
    resumed = start("resume", folder.name, "--max-time", "1", "-q")
    assert resumed.wait(60) == 0


def answered(page: Page, watcher: subprocess.Popen[str]) -> None:
    """Ctrl-C ends the server at once, though a page is open, and the page says so."""
    watcher.send_signal(signal.SIGINT)
    assert watcher.wait(90) == 0
    expect(page.locator("#live-state")).to_have_text("Not watching", timeout=15_000)
    page.close()


def test_without_the_token_there_is_no_button(browser: Browser, start: Start, small_task: Path) -> None:
    optimize = start("optimize", small_task, "--max-calls", 400, "-q")
    folder = the_run(optimize)
    watcher = start("watch", folder.name, "--no-open")
    url = address(watcher).partition("#")[0]
    page = browser.new_page()
    page.goto(url)
    page.wait_for_selector("html[data-ready=yes]", timeout=60_000)
    expect(page.locator("#stop")).to_be_hidden()
    told = page.evaluate("fetch('/stop', {method: 'POST', headers: {'X-Topout-Token': 'guessed'}}).then((reply) => reply.status)")
    assert told == 403
    found = [
        (v["id"], v["nodes"][0]["html"][:120])
        for v in Axe().run(page).response["violations"]
        if v["impact"] in ("serious", "critical")
    ]
    assert found == []
    page.close()


def test_hostile_text_is_text_also_when_it_comes_later(browser: Browser, start: Start, tmp_path: Path) -> None:
    texts = dict.fromkeys(("label", "reason", "rationale"), HOSTILE)
    names = dict.fromkeys(("task", "model", "critic", "recipe"), HOSTILE)
    folder = write_run(
        tmp_path / "runs" / "r",
        PretendedRun(dev=20, holdout=20, shift=0, texts=texts, settings=dict(names), ending="money", reason=HOSTILE),
    )
    journal = folder / "journal.jsonl"
    lines = journal.read_text(encoding="utf-8").splitlines(keepends=True)
    journal.write_text("".join(lines[:5]), encoding="utf-8")
    lock = RunFolder(folder).lock()
    url = address(start("watch", folder, "--no-open"))
    page, complaints = browser.new_page(viewport={"width": 375, "height": 800}), list[str]()
    page.on("console", lambda message: complaints.append(message.text))
    page.on("dialog", lambda dialog: complaints.append(dialog.message))
    page.goto(url)
    expect(page.locator("#waiting")).to_be_visible()
    journal.write_text("".join(lines), encoding="utf-8")
    lock.release()
    page.wait_for_selector("#plot-curve svg", timeout=60_000)
    expect(page.locator("#live-said")).to_contain_text("<script>document.title='run'</script>")
    assert page.title() != "run" and complaints == []
    assert page.locator("main script:not([type='application/json']), main img").count() == 0
    assert page.evaluate("document.documentElement.scrollWidth") <= 375
    page.close()
