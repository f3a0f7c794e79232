from __future__ import annotations

import io
from dataclasses import replace

import pytest
from rich.console import Console, RenderableType

from topout.domain import Component
from topout.errors import UserError
from topout.report.changed import changed, changes_between
from topout.report.findings import Findings, find
from topout.report.showing import show
from topout.testing.runs import PretendedRun


def printed(part: RenderableType, colours: bool = False) -> str:
    out = io.StringIO()
    Console(file=out, width=100, force_terminal=colours, color_system="standard" if colours else None).print(part)
    return out.getvalue()


@pytest.fixture(scope="module")
def found() -> Findings:
    return find(PretendedRun(qualities=(0.4, 0.5, 0.6), dev=30, holdout=40, shift=0).events())


def test_what_was_added_is_marked_where_there_are_no_colours(found: Findings) -> None:
    shown = printed(changed(found, changes_between(found, "baseline", "winner"), marks=True))
    assert shown.startswith("- 00c0ffee0000, the baseline; holdout ") and "\n+ 02c0ffee0002, the winner; holdout " in shown
    assert "--- system: changed ---\nAssign the ticket to one category.{+ When two fit" in shown
    assert "--- user: unchanged ---\n" in shown
    assert "--- demos: 4 added ---\n  + text: my parcel no 0 is late\n  + -> delivery\n" in shown


def test_with_colours_there_are_no_marks(found: Findings) -> None:
    shown = printed(changed(found, changes_between(found, "02", "01"), marks=False), colours=True)
    assert "\x1b[9;31m" in shown and "[-" not in shown.replace("\x1b[", "")


def test_a_prompt_beside_itself_is_the_same(found: Findings) -> None:
    assert "Nothing changed: it is the same prompt." in printed(changed(found, changes_between(found, "winner", "02c0"), True))


def test_an_unknown_candidate_is_told_with_the_nearest_name(found: Findings) -> None:
    with pytest.raises(UserError, match=r"^winer: no such candidate in this run\. Did you mean 'winner'\?$"):
        changes_between(found, "winer", "baseline")
    with pytest.raises(UserError, match="candidates begin so"):
        changes_between(found, "0", "baseline")


def test_a_long_text_that_did_not_change_is_told_by_its_ends(found: Findings) -> None:
    text = "word " * 2000
    prompts = [
        replace(c, prompt=replace(c.prompt, components=(Component("system", "system", f"{text}{end}"),)))
        for c, end in ((found.baseline, "one"), (found.winner, "two"))
    ]
    known = {**found.candidates, **{c.id: c for c in prompts}}
    run = replace(found, baseline=prompts[0], winner=prompts[1], candidates=known)
    shown = printed(changed(run, changes_between(run, "baseline", "winner"), True))
    assert "… 9,000 characters not shown …" in shown and "[-one-]{+two+}" in shown


def test_show_tells_lineage_and_the_score_on_each_split(found: Findings) -> None:
    shown = printed(show(found, None, "dev", 0))
    lineage = shown.split("Lineage")[1].split("Prompt")[0]
    assert [line.split()[0] for line in lineage.splitlines() if "c0ffee" in line] == ["00c0ffee", "01c0ffee", "02c0ffee"]
    assert lineage.count("dev rows") == 2 and " rewrite +" in lineage and " demos +" in lineage
    scores = shown.split("Scores")[1].split("Lineage")[0]
    assert "holdout  " in scores and "n = 40" in scores and "candidates are selected on these rows" in scores
    assert "the first" not in shown.split("Not fully right")[1]
