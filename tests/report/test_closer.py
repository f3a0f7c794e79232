"""Sampling noise and levers alone, as they reach the figures, the terminal and verdict.json."""

from __future__ import annotations

import io
import json
from dataclasses import replace

import pytest
from rich.console import Console

from topout.domain import ALONE, EXAM, Analysed, Event, FailureCluster, Json, Rollout, RolloutDone, RunStarted, Scored
from topout.report.findings import find
from topout.report.terminal import summary
from topout.report.verdict_json import verdict_document
from topout.testing.runs import PretendedRun
from topout.text.alone import alone


def told(events: list[Event]) -> str:
    console = Console(file=io.StringIO(), width=200)
    console.print(summary(find(events), "runs/x"))
    assert isinstance(console.file, io.StringIO)
    return " ".join(console.file.getvalue().split())


def warm(repeats: int = 40) -> list[Event]:
    """A run at temperature 0.7 that asked its first 40 rows twice; every fourth answer turned out otherwise."""
    run = PretendedRun()
    first, *rest = run.events()
    assert isinstance(first, RunStarted)
    manifest: dict[str, Json] = {**first.manifest, "asked": {"temperature": 0.7}, "exam": {"repeats": repeats}}
    f = find([first, *rest])
    again: list[Event] = []
    for candidate in (f.baseline, f.winner):
        for i in range(40):
            known = f.table[candidate.id, f"holdout-{i:04}"][0]
            assert isinstance(known.score, Scored)
            value = 1 - known.score.value if i % 4 == 0 else known.score.value
            again.append(RolloutDone(EXAM, replace(known, sample=1, score=Scored(value))))
    return [replace(first, manifest=manifest), *rest[:-1], *again[: 2 * repeats], rest[-1]]


def test_the_noise_of_the_best_prompt_is_told_with_its_rows_and_interval() -> None:
    said = told(warm())
    assert "Two evaluations of the best prompt on these 240 rows differ by about 3.2 points [2.3, 4.1] by sampling alone" in said
    assert "40 rows repeated" in said
    found = json.loads(json.dumps(verdict_document(find(warm())), allow_nan=False))["sampling"]
    assert found["winner"]["sd_of_difference"]["mean"] == pytest.approx((10 / 40 / 240) ** 0.5)
    assert found["winner"]["sd_of_difference"]["n"] == 40
    assert 0 < found["winner"]["share_of_variance"]["low"] < found["winner"]["share_of_variance"]["high"] <= 1
    assert found["note"] == ""


def test_a_row_that_was_asked_twice_is_half_right_when_the_answers_differ() -> None:
    once, twice = find(PretendedRun().events()), find(warm())
    assert once.holdout.winner.n == twice.holdout.winner.n == 240
    scores = [
        sum(r.score.value for r in s.values() if isinstance(r.score, Scored)) / len(s)
        for (c, e), s in twice.table.items()
        if c == twice.winner.id and e.startswith("holdout")
    ]
    assert twice.holdout.winner.mean == pytest.approx(sum(scores) / 240)
    assert scores.count(0.5) == 10


def test_why_there_is_no_noise_figure_is_told_where_answers_waver() -> None:
    assert "Sampling noise: not measured: the limit of calls has no room for asking rows twice." in told(warm(0))
    assert "Sampling noise" not in told(PretendedRun().events())


def apart(rows: int) -> list[Event]:
    """A run whose winner's instructions and demos were measured alone on so many rows; the demos alone are always wrong."""
    *events, last = PretendedRun().events()
    f = find([*events, last])
    for lever, one in alone(f.baseline.prompt, f.winner.prompt).items():
        value = float(lever == "instructions")
        events += [RolloutDone(ALONE, Rollout(one.id, f"holdout-{i:04}", "holdout", 0, "x", Scored(value))) for i in range(rows)]
    return [*events, last]


def test_each_lever_alone_has_its_paired_gain_with_n_and_joint_interval() -> None:
    f = find(apart(100))
    assert set(f.alone.scores) == {"instructions", "demos"}
    before = [f.table[f.baseline.id, f"holdout-{i:04}"][0].score for i in range(100)]
    mean = sum(s.value for s in before if isinstance(s, Scored)) / 100
    assert f.alone.gains["instructions"].estimate.mean == pytest.approx(1 - mean)
    assert f.alone.gains["demos"].estimate.mean == pytest.approx(-mean)
    assert (f.alone.gains["demos"].estimate.n, f.alone.gains["demos"].estimate.level) == (100, 0.975)
    assert "the winner's own, alone on the baseline, paired" in told(apart(100))
    assert verdict_document(f)["levers_alone"] is not None


def test_prompts_measured_alone_are_on_no_curve_and_in_no_verdict() -> None:
    plain, more = find(PretendedRun().events()), find(apart(100))
    assert more.curve == plain.curve
    assert more.verdict == plain.verdict
    assert more.winner == plain.winner


def test_levers_that_had_no_room_are_told_as_not_measured() -> None:
    assert find(PretendedRun().events()).alone.note == "not measured: the limit of calls has no room for it"
    assert "not measured: the limit of calls has no room for it" in told(PretendedRun().events())
    assert find(PretendedRun(ending=None).events()).alone.note == "not measured: the run has not come to it"
    assert find(PretendedRun(qualities=(0.5,)).events()).alone.note == "the baseline won"


def test_the_drop_under_shift_is_among_the_findings() -> None:
    f = find(PretendedRun().events())
    assert f.shift is not None and f.shift_drop is not None
    assert f.shift_drop.mean == pytest.approx(f.shift.winner.mean - f.holdout.winner.mean)
    assert f.shift_drop.low < f.shift_drop.mean < f.shift_drop.high
    assert find(PretendedRun(shift=0).events()).shift_drop is None


def analysed(clusters: tuple[FailureCluster, ...] = (), reason: str = "") -> list[Event]:
    """A run whose winner's failing dev rows were read by the critic."""
    *events, last = PretendedRun().events()
    f = find([*events, last])
    return [*events, Analysed(f.winner.id, tuple(f"dev-{i:04}" for i in range(10)), clusters, reason), last]


def test_what_still_fails_is_told_with_causes_ids_and_counts_at_most_five() -> None:
    clusters = tuple(FailureCluster("reasoning", f"kind {i}", "\x1b[31mred\u202e", (f"dev-{i:04}",), 10) for i in range(7))
    said = told(analysed(clusters))
    assert "What still fails (the critic read 10 of the" in said
    assert "1 of 10 rows: reasoning. kind 4 ␛[31mred\\u202e rows dev-0004" in said
    assert "kind 5" not in said
    assert "2 of 10 rows: in smaller clusters; 3 of 10 rows: no cause told" in said
    document = json.loads(json.dumps(verdict_document(find(analysed(clusters))), allow_nan=False))["failures"]
    assert (document["read"], document["unassigned"], len(document["clusters"])) == (10, 3, 7)
    assert document["clusters"][0] == {
        "cause": "reasoning", "title": "kind 0", "explanation": "\x1b[31mred\u202e", "rows": ["dev-0000"], "of": 10
    }  # fmt: skip


def test_an_analysis_that_came_to_nothing_is_told_with_its_reason() -> None:
    f = find(analysed((), "the critic's reply is no JSON"))
    assert f.failures is None
    assert "not analysed: the critic's reply is no JSON" in told(analysed((), "the critic's reply is no JSON"))
    assert verdict_document(f)["failures"]["note"] == "not analysed: the critic's reply is no JSON"  # type: ignore[index,call-overload]


def test_rows_that_no_good_candidate_solved_are_listed_without_a_percentage() -> None:
    f = find(PretendedRun().events())
    good = sorted(f.candidates, key=lambda c: -sum(s[0].score.value for (k, e), s in f.table.items() if k == c and e.startswith("dev") and isinstance(s[0].score, Scored)))[:3]  # fmt: skip
    for row in f.suspects:
        assert all(f.table[c, row][0].score == Scored(0.0, "expected 'delivery', got 'billing'") for c in good)
    assert len(f.suspects) > 3
    assert f"{len(f.suspects)} dev rows that no good candidate solved; worth a look at their labels: {f.suspects[0]}" in told(
        PretendedRun().events()
    )
