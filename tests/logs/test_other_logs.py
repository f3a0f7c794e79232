"""DSPy's printed logs and CSV curves."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from topout.app.foreign import verdict_on
from topout.errors import UserError
from topout.logs import read_log
from topout.plateau.foreign import rows_of
from topout.plateau.intervals import mean_interval

MIPRO = """\
2026/11/21 13:12:00 INFO dspy.teleprompt.mipro_optimizer_v2: == Trial 1 / 13 - Full Evaluation of Default Program ==
Average Metric: 36.00 / 80 (45.0%): 100%|##########| 80/80 [00:00<00:00, 766.36it/s]
2026/11/21 13:12:00 INFO dspy.evaluate.evaluate: Average Metric: 36 / 80 (45.0%)
2026/11/21 13:12:01 INFO dspy.evaluate.evaluate: Average Metric: 16 / 35 (45.7%)
2026/11/21 13:12:01 INFO dspy.evaluate.evaluate: Average Metric: 12 / 35 (34.3%)
2026/11/21 13:12:01 INFO dspy.evaluate.evaluate: Average Metric: 46 / 80 (57.5%)
2026/11/21 13:12:01 INFO dspy.evaluate.evaluate: Average Metric: 18 / 35 (51.4%)
2026/11/21 13:12:01 INFO dspy.evaluate.evaluate: Average Metric: 44.5 / 80 (55.6%)
"""


def test_full_evaluations_of_a_dspy_log_make_the_curve_and_minibatches_count_as_calls(tmp_path: Path) -> None:
    log = tmp_path / "mipro.log"
    log.write_text(MIPRO)
    run = read_log(f"dspy:{log}")
    assert [trial.calls for trial in run.trials] == [80, 230, 345]
    assert [trial.champion for trial in run.trials] == ["evaluation 1", "evaluation 2", "evaluation 2"]
    assert [sum(rows) for rows in run.dev.values()] == [36, 46, 44.5]
    assert [t.challenger.kept for t in run.trials if t.challenger] == [True, False]
    assert not run.by_row


def test_a_log_without_evaluations_says_how_to_get_one(tmp_path: Path) -> None:
    log = tmp_path / "train.log"
    log.write_text("nothing to see\n")
    with pytest.raises(UserError, match=r"no line 'Average Metric.*tee train.log"):
        read_log(f"dspy:{log}")


def test_a_csv_with_held_out_means_gives_an_unpaired_gain(tmp_path: Path) -> None:
    file = tmp_path / "curve.csv"
    file.write_text("calls,dev,dev_n,holdout,holdout_n\n100,0.5,100,0.5,400\n500,0.6,100,0.58,400\n1000,62%,100,0.60,400\n")
    found = verdict_on(f"csv:{file}")
    assert found.holdout_gain is not None
    gain = found.holdout_gain.estimate
    assert gain.mean == pytest.approx(0.1)
    assert (round(gain.low, 3), round(gain.high, 3), gain.n) == (0.031, 0.168, 400)
    assert [p.calls for p in found.curve] == [100, 500, 1000]
    assert all(p.holdout is not None for p in found.curve)
    assert found.verdict.ruling == "can't tell yet"


def test_a_later_point_of_a_candidate_that_stands_in_a_csv_already_is_no_proposal_that_failed(tmp_path: Path) -> None:
    file = tmp_path / "curve.csv"
    file.write_text("calls,dev,dev_n,candidate\n100,0.4,50,a\n400,0.5,50,b\n900,0.45,50,c\n2000,0.5,50,b\n4000,0.5,50,b\n")
    run = read_log(f"csv:{file}")
    assert [trial.calls for trial in run.trials] == [100, 400, 900, 2000, 4000]
    assert [t.challenger.kept for t in run.trials if t.challenger] == [True, False]
    file.write_text("calls,dev,dev_n\n100,0.4,50\n400,0.5,50\n900,0.5,50\n")
    assert [t.challenger.kept for t in read_log(f"csv:{file}").trials if t.challenger] == [True, False]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "empty"),
        ("calls\n1\n", "no column 'dev'"),
        ("calls,devs\n1,2\n", "unknown column 'devs'. Did you mean 'dev'"),
        ("calls,dev,dev_n\n", "no rows"),
        ("calls,dev,dev_n\n10,0.5,50\n5,0.6,50\n", ":3: 5 calls after 10"),
        ("calls,dev,dev_n\n10,52,50\n", "Percent need their sign: 52 %"),
        ("calls,dev,dev_n\n10,-1,50\n", "expected a mean score from 0 to 1"),
        ("calls,dev,dev_n\n10,nan,50\n", "expected a mean score from 0 to 1"),
        ("calls,dev,dev_n\nmany,0.5,50\n", "expected a whole number"),
        ("calls,dev,dev_n\n10,0.5,0\n", "expected 1 to"),
        ("calls,dev\n10,0.5\n", "Add a column 'dev_n', or give --dev-n ROWS"),
    ],
)
def test_a_csv_that_cannot_be_read_is_told_with_its_line(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "curve.csv"
    file.write_text(text)
    with pytest.raises(UserError, match=said):
        read_log(f"csv:{file}")


@pytest.mark.parametrize("source", ["curve.csv", "gepo:x", "csv:", ""])
def test_a_source_of_no_known_kind_is_told_with_those_there_are(source: str) -> None:
    with pytest.raises(UserError, match="expected gepa:RUN_DIR, dspy:LOG or csv:FILE"):
        read_log(source)


@pytest.mark.parametrize("delta", [0.0, -0.1, 1.0, float("nan")])
def test_a_delta_out_of_range_is_refused(delta: float) -> None:
    with pytest.raises(UserError, match="--delta"):
        verdict_on("csv:nothing.csv", delta=delta)


@given(mean=st.floats(0, 1), n=st.integers(1, 300))
def test_made_up_rows_have_the_mean_and_no_score_outside_of_0_and_1(mean: float, n: int) -> None:
    rows = rows_of(mean, n)
    assert len(rows) == n
    assert all(0 <= row <= 1 for row in rows)
    assert mean_interval(rows).mean == pytest.approx(mean, abs=1e-6)


@given(text=st.text(max_size=200))
def test_any_text_is_read_or_refused_with_a_line(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    file = tmp_path_factory.mktemp("any") / "log.txt"
    file.write_text(text, encoding="utf-8", errors="replace")
    for tool in ("dspy", "csv"):
        with pytest.raises(UserError, match=r"log\.txt"):
            read_log(f"{tool}:{file}")
