import csv
import io

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from topout.report.findings import Findings, find
from topout.report.tables import candidates_table, curve_table, rollouts_table, to_csv
from topout.testing.runs import PretendedRun


@pytest.fixture(scope="module")
def found() -> Findings:
    return find(PretendedRun(outages=3, cached=0.5).events())


def test_the_curve_names_dev_columns_as_selected(found: Findings) -> None:
    assert list(curve_table(found).columns) == [
        "calls",
        "cost_usd",
        "candidate",
        "dev_selected_mean",
        "dev_selected_low",
        "dev_selected_high",
        "dev_selected_n",
        "holdout_mean",
        "holdout_low",
        "holdout_high",
        "holdout_n",
        "band_low",
        "band_high",
    ]


def test_the_band_of_the_curve_holds_the_pointwise_interval(found: Findings) -> None:
    curve = curve_table(found)
    assert (curve.band_low <= curve.holdout_low).all()
    assert (curve.band_high >= curve.holdout_high).all()
    assert curve.calls.is_monotonic_increasing
    assert curve.holdout_n.tolist()[-1] == 237


def test_candidates_are_the_attempts_in_order_with_the_rejected_ones(found: Findings) -> None:
    table = candidates_table(found)
    assert table.attempt.tolist() == list(range(-1, 20))
    assert table.outcome.value_counts().to_dict() == {"dropped": 12, "kept": 5, "rejected": 4}
    rejected = table[table.outcome == "rejected"].iloc[0]
    assert rejected.reason == "the reply lost the placeholder {{text}}"
    assert pd.isna(rejected.candidate) and pd.isna(rejected.words) and pd.isna(rejected.holdout_n)


def test_a_candidate_has_its_dev_gain_as_a_fraction_and_its_holdout_where_it_was_examined(found: Findings) -> None:
    kept = candidates_table(found).iloc[5]
    assert (kept.operator, kept.parents, kept.dev_gain_rows, kept.demos, kept.words) == ("demos", "00c0ffee0000", 120, 2, 20)
    assert kept.dev_gain_vs_parent == pytest.approx(0.08)
    assert kept.holdout_low < kept.holdout_mean < kept.holdout_high
    assert kept.champion_after == "01c0ffee0001"


def test_all_rollouts_are_there_and_those_without_a_score_say_why(found: Findings) -> None:
    table = rollouts_table(found)
    assert len(table) == 5 * (120 + 240) + 2 * 60
    down = table[table.failure == "outage"]
    assert len(down) == 3
    assert down.score.isna().all() and down.prompt_tokens.isna().all()
    assert set(down.unscored) == {"the server did not answer"}
    assert str(table.prompt_tokens.dtype) == "Int64"


def test_a_run_without_rollouts_to_show_has_empty_tables_with_their_columns() -> None:
    table = rollouts_table(find(PretendedRun(qualities=(0.5,), dev=1, holdout=0, shift=0).events())).head(0)
    assert to_csv(table).startswith("attempt,candidate,example,split,sample,score,")


def test_spreadsheet_formulas_are_defused_and_numbers_are_not_touched() -> None:
    frame = pd.DataFrame({"text": ["=1+1", "+x", "-x", "@x", "\tx", "\rx", "a=b", "5"], "number": [-1.5, 2, 3, 4, 5, 6, 7, 8]})
    rows = list(csv.reader(io.StringIO(to_csv(frame), newline="")))
    assert [row[0] for row in rows[1:]] == ["'=1+1", "'+x", "'-x", "'@x", "'\tx", "\\x0dx", "a=b", "5"]
    assert rows[1][1] == "-1.5"


def test_integers_with_gaps_stay_integers_in_csv(found: Findings) -> None:
    line = to_csv(candidates_table(found)).splitlines()[5]
    assert ".0," not in line.split("placeholder")[1]


def test_a_formula_in_a_model_s_answer_is_defused_in_rollouts_csv() -> None:
    run = PretendedRun(texts={"label": '=HYPERLINK("http://x")'}, dev=4, holdout=4, shift=0)
    text = to_csv(rollouts_table(find(run.events())))
    assert '"=HYPERLINK' not in text
    assert "\"'=HYPERLINK(" in text


def test_controls_in_a_cell_are_written_as_their_escapes() -> None:
    cells = ["a\x1b[2Jb", "\x9b31m", "nul\x00", "bell\x07", "tab\tstays", "two\nlines", "two\r\nlines", "back\rover"]
    rows = list(csv.reader(io.StringIO(to_csv(pd.DataFrame({"text": pd.Series(cells, dtype="object")})), newline="")))[1:]
    said = ["a\\x1b[2Jb", "\\x9b31m", "nul\\x00", "bell\\x07", "tab\tstays", "two\nlines", "two\nlines", "back\\x0dover"]
    assert [row[0] for row in rows] == said


@given(st.lists(st.text(st.characters(exclude_categories=["Cc", "Cs"], include_characters="\t\n")), min_size=1, max_size=5))
def test_csv_gives_every_text_back_but_for_the_apostrophe(cells: list[str]) -> None:
    frame = pd.DataFrame({"n": range(len(cells)), "text": pd.Series(cells, dtype="object")})
    rows = list(csv.reader(io.StringIO(to_csv(frame), newline="")))[1:]
    for cell, row in zip(cells, rows, strict=True):
        assert row[1].removeprefix("'") == cell.removeprefix("'")
        assert not row[1].startswith(("=", "+", "-", "@", "\t", "\r"))


def test_a_lone_surrogate_does_not_stop_the_export() -> None:
    assert to_csv(pd.DataFrame({"text": pd.Series(["x\ud800"], dtype="object")})) == "text\nx\\ud800\n"
