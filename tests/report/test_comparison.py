from __future__ import annotations

import io
from dataclasses import replace

import pytest
from rich.console import Console

from topout.domain import Event, Json, RunStarted
from topout.errors import UserError
from topout.report.compared import compared
from topout.report.comparison import Comparison, compare_runs
from topout.report.findings import Findings, find
from topout.testing.runs import PretendedRun


def run(*qualities: float, seed: int = 0, holdout: int = 240, **manifest: Json) -> Findings:
    events: list[Event] = PretendedRun(
        qualities=qualities, seed=seed, dev=60, holdout=holdout, shift=0, settings={"seed": seed}
    ).events()
    first = events[0]
    assert isinstance(first, RunStarted)
    known = {"holdout_fingerprint": "aaaa1111", **manifest}
    return find([replace(first, manifest={**first.manifest, **known}), *events[1:]])


def shown(c: Comparison) -> str:
    out = io.StringIO()
    Console(file=out, width=80).print(compared(c))
    return out.getvalue()


def test_a_difference_is_paired_and_says_who_is_better() -> None:
    found = compare_runs([("low", run(0.4, 0.5)), ("high", run(0.4, 0.5, 0.7))])
    (d,) = found.differences
    assert (d.one, d.other, d.result, d.gain.estimate.n) == ("A", "B", "other", 240)
    assert d.gain.estimate.mean > 0.1 and d.gain.estimate.low > 0
    assert d.sentence.startswith("B is better than A: B - A is +")
    assert found.pair_level == pytest.approx(0.95)


def test_a_difference_that_is_none_is_called_so_with_what_the_rows_could_show() -> None:
    found = compare_runs([("one", run(0.4, 0.61, seed=1)), ("other", run(0.4, 0.61, seed=2, recipe="fewshot"))])
    (d,) = found.differences
    assert d.result == "same prompt"  # the pretended runs name equal winners alike
    three = compare_runs([("one", run(0.4, 0.61, seed=1)), ("other", run(0.4, 0.5, 0.61, seed=2))])
    assert three.differences[0].result == "none"
    assert three.differences[0].sentence.startswith("No real difference between A and B: B - A is ")
    assert "these rows show differences from " in three.differences[0].sentence


def test_intervals_are_corrected_for_the_number_of_pairs() -> None:
    runs = [("a", run(0.4, 0.5)), ("b", run(0.4, 0.5, 0.6)), ("c", run(0.4, 0.5, 0.6, 0.7))]
    two, three = compare_runs(runs[:2]), compare_runs(runs)
    assert len(three.differences) == 3
    assert three.pair_level == pytest.approx(1 - 0.05 / 3)
    one, other = two.differences[0].gain.estimate, three.differences[0].gain.estimate
    assert one.mean == other.mean
    assert other.high - other.low > 1.15 * (one.high - one.low)


def test_only_rows_that_both_answered_are_compared() -> None:
    found = compare_runs([("all", run(0.4, 0.6)), ("some", run(0.4, 0.5, 0.6, holdout=100))])
    assert found.differences[0].gain.estimate.n == 100


@pytest.mark.parametrize(
    ("manifest", "said"),
    [
        ({"holdout_fingerprint": "bbbb2222"}, "holdout fingerprints aaaa1111 and bbbb2222"),
        ({"holdout_fingerprint": "bbbb2222", "scorer": "exact"}, "the scorer changed"),
        ({"holdout_fingerprint": "bbbb2222", "splits": {"holdout": 10}}, "the number of held-out rows (240 and 10)"),
        ({"task": "order-emails"}, "the task is 'support-tickets' there and 'order-emails' here"),
    ],
)
def test_runs_that_were_not_measured_alike_are_refused_with_what_differs(manifest: dict[str, Json], said: str) -> None:
    with pytest.raises(UserError, match="not measured alike") as error:
        compare_runs([("one", run(0.4, 0.5)), ("other", run(0.4, 0.5, seed=0, holdout=240, **manifest))])
    assert said in str(error.value)


def test_one_run_or_the_same_one_twice_is_nothing_to_compare() -> None:
    with pytest.raises(UserError, match="two runs or more"):
        compare_runs([("one", run(0.4, 0.5))])
    with pytest.raises(UserError, match="named twice"):
        compare_runs([("one", run(0.4, 0.5)), ("one", run(0.4, 0.5))])


def test_it_fits_80_columns_and_tells_models_that_differ() -> None:
    other = run(0.4, 0.5, 0.6)
    settings = {**other.started.settings, "model": "anthropic/claude-sonnet-4-5"}
    other = replace(other, started=replace(other.started, settings=settings))
    told = shown(compare_runs([("20260301T101500Z-support-tickets-evolve-5f3a", run(0.4, 0.5)), ("b", other), ("c", run(0.4))]))
    assert max(map(len, told.splitlines())) <= 80
    assert "corrected for 3" in told and "difference of model and prompt" not in told
    assert "The models differ" in told and "no better prompt found" in told
    assert "tokens in  tokens out  list price  median time  n answers" in told


def test_a_comparison_keeps_its_promise_over_many_runs_that_are_equal() -> None:
    wrong = 0
    for seed in range(60):
        runs = [(str(k), run(*[0.4] * k, 0.6, seed=1000 * k + seed, holdout=120)) for k in (1, 2, 3)]
        wrong += any(d.result in ("one", "other") for d in compare_runs(runs).differences)
    assert wrong <= 7  # 5 % of 60 are 3; 8 or more have a chance under 1 %
