"""`topout verdict --html`: another optimizer's run as a page."""

from __future__ import annotations

import json
from html import unescape
from pathlib import Path

import pytest

from tests.report.test_comparison_page import at
from tests.report.test_page import read
from topout.app.foreign import ForeignView, verdict_on
from topout.cli import main
from topout.report.charts.curve import curve_chart
from topout.report.charts.drawing import drawn, specification
from topout.report.foreign import foreign_document
from topout.report.page.foreign import foreign_page, foreign_sections

CSV = "calls,dev,dev_n,holdout,holdout_n,candidate\n100,0.5,100,0.5,400,base\n500,0.6,100,0.58,400,{name}\n1000,62%,100,0.60,400,best\n"


@pytest.fixture
def found(tmp_path: Path) -> ForeignView:
    (tmp_path / "curve.csv").write_text(CSV.format(name="middle"))
    return verdict_on(f"csv:{tmp_path / 'curve.csv'}")


def test_every_figure_equals_the_one_in_the_json_document(found: ForeignView) -> None:
    document = json.loads(json.dumps(foreign_document(found), allow_nan=False))
    figures = read(foreign_page(found)).figures
    assert len(figures) > 25
    for path, value, _ in figures:
        assert value == pytest.approx(at(document, path), abs=1e-12), path


def test_curve_verdict_and_advice_stand_on_it(found: ForeignView) -> None:
    sections = {one.name: str(one.body) for one in foreign_sections(found)}
    assert list(sections)[:2] == ["verdict", "curve"] and "advice" in sections
    assert found.verdict.ruling in unescape(sections["verdict"])
    assert 'data-plot="curve"' in sections["curve"]
    assert "topout probe RUN" in unescape(sections["advice"])


def test_the_curve_can_be_drawn_also_without_held_out_scores(tmp_path: Path, found: ForeignView) -> None:
    assert b"<svg" in drawn(specification(curve_chart(found), width=600), "svg")
    (tmp_path / "dev.csv").write_text("calls,dev,dev_n\n50,0.5,40\n100,0.55,40\n")
    bare = verdict_on(f"csv:{tmp_path / 'dev.csv'}")
    assert b"<svg" in drawn(specification(curve_chart(bare), width=600), "svg")
    assert "the log has no held-out score" in foreign_page(bare)


def test_nothing_is_loaded_and_names_in_the_log_are_harmless(tmp_path: Path) -> None:
    (tmp_path / "curve.csv").write_text(CSV.format(name="<script>alert(1)</script>"))
    page = foreign_page(verdict_on(f"csv:{tmp_path / 'curve.csv'}"))
    assert "<script>alert" not in page
    head = unescape(page[: page.index("<style>")])
    assert "default-src 'none'" in head and "connect-src 'none'" in head


def test_the_verb_writes_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "curve.csv").write_text(CSV.format(name="middle"))
    assert main(["verdict", "--from", f"csv:{tmp_path / 'curve.csv'}", "--html", str(tmp_path / "out" / "verdict.html")]) == 0
    assert "Written" in capsys.readouterr().out
    assert (tmp_path / "out" / "verdict.html").read_text().startswith("<!doctype html>")
