"""`topout compare --html`: what stands on the page; how it behaves in a browser is tested in test_comparison_page_in_a_browser.py."""

from __future__ import annotations

import json
from dataclasses import replace
from html import unescape

import pytest

from tests.report.test_comparison import run
from tests.report.test_page import read
from topout.report.charts.comparison import curves_chart, differences_chart
from topout.report.charts.drawing import drawn, specification
from topout.report.comparison import Comparison, compare_runs
from topout.report.documents import comparison_document
from topout.report.page.comparing import comparison_page, comparison_sections

HOSTILE = "<script>document.title='run'</script><img src=x onerror=\"document.title='run'\"> \x1b[31m \u202e ' \" & {t} </style>"


def made() -> Comparison:
    """Three runs: B is better than the others, which cannot be told apart."""
    return compare_runs(
        [
            ("first", run(0.4, 0.5, 0.55, 0.6)),
            ("second", run(0.4, 0.5, 0.6, 0.7, 0.74, seed=3)),
            ("third", run(0.4, 0.5, 0.6, seed=5)),
        ]
    )


@pytest.fixture(scope="module")
def three() -> Comparison:
    return made()


def at(document: object, path: str) -> float:
    for part in path.split("."):
        document = document[int(part)] if isinstance(document, list) else document[part]  # type: ignore[index]
    assert isinstance(document, int | float), path
    return document


def test_every_figure_equals_the_one_in_the_json_document(three: Comparison) -> None:
    document = json.loads(json.dumps(comparison_document(three), allow_nan=False))
    figures = read(comparison_page(three)).figures
    assert len(figures) > 50
    for path, value, _ in figures:
        assert value == pytest.approx(at(document, path), abs=1e-12), path


def test_every_difference_stands_there_in_a_sentence_and_none_is_called_so(three: Comparison) -> None:
    body = comparison_sections(three)[0].body
    for difference in three.differences:
        assert str(difference.sentence) in body
    assert '<li data-result="none">No real difference between A and C' in body
    assert "<strong>B is better than A: " in body
    assert "corrected for 3 comparisons" in comparison_sections(three)[0].lead


def test_nothing_is_loaded_and_only_our_scripts_run(three: Comparison) -> None:
    page = comparison_page(three)
    head = unescape(page[: page.index("<style>")])
    assert "default-src 'none'" in head and "connect-src 'none'" in head and head.count("'sha256-") == 2
    assert "src=" not in page[: page.index("<script>")] and "<link" not in page.replace('<link rel="icon" href="data:,">', "")


def test_runs_without_a_difference_or_a_curve_have_a_page_too(three: Comparison) -> None:
    same = compare_runs([("one", run(0.5)), ("other", run(0.5, seed=1))])
    sections = comparison_sections(same)
    assert "A and B found the same prompt." in sections[0].body and "data-plot" not in sections[0].body
    bare = replace(three, contenders=tuple(replace(one, curve=()) for one in three.contenders))
    assert [s.name for s in comparison_sections(bare)] == ["differences", "winners", "cost", "runs"]


def test_models_that_differ_are_told(three: Comparison) -> None:
    first, *rest = three.contenders
    mixed = replace(three, contenders=(replace(first, model="other/model", embedded=True), *rest))
    page = comparison_page(mixed)
    assert "differences of model and prompt together" in page and "says nothing about LLMs" in page
    assert "differences of model and prompt together" not in comparison_page(three)


def test_both_charts_can_be_drawn(three: Comparison) -> None:
    for chart in (curves_chart(three), differences_chart(three)):
        assert drawn(specification(chart, width=700, height=300), "svg").startswith(b"<svg")


def hostile(c: Comparison) -> Comparison:
    attacked = tuple(
        replace(one, run=HOSTILE, model=HOSTILE, critic=HOSTILE, recipe=HOSTILE, seed=HOSTILE, winner=HOSTILE)
        for one in c.contenders
    )
    return replace(c, task=HOSTILE, holdout_fingerprint=HOSTILE, contenders=attacked)


def test_hostile_text_is_escaped(three: Comparison) -> None:
    page = comparison_page(hostile(three))
    assert "<script>document" not in page and "<img src=x" not in page and "\x1b" not in page and "\u202e" not in page
