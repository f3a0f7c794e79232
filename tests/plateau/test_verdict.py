from __future__ import annotations

import math
from dataclasses import replace

import pytest

from topout.domain import Attempt, AttemptDone, Operator, Outcome
from topout.plateau import Challenger, Contender, Evidence, champion_at, decide, gather, mean_interval, paired_gain


def evidence(n_holdout: int = 400, tried: int = 60, n_dev: int = 100) -> Evidence:
    """A middling run: a champion 10 points above its baseline on holdout, 2 points in the last doubling."""
    now = [1.0] * (7 * n_holdout // 10) + [0.0] * (n_holdout - 7 * n_holdout // 10)
    baseline = [1.0] * (6 * n_holdout // 10) + [0.0] * (n_holdout - 6 * n_holdout // 10)
    half = [1.0] * (68 * n_holdout // 100) + [0.0] * (n_holdout - 68 * n_holdout // 100)
    return Evidence(
        delta=0.02,
        n_dev=n_dev,
        n_holdout=n_holdout,
        challengers=tuple(Challenger(0.02 if i % 5 == 0 else -0.06, 0.04, 32, i % 5 == 0) for i in range(tried)),
        calls=3000,
        calls_at_last_change=1800,
        changes=3,
        champion=mean_interval(now),
        last_doubling=paired_gain(now, half),
        since_baseline=paired_gain(now, baseline),
        dev_last_doubling=0.03,
        dev_gain=0.14,
        cost_usd=1.2,
        levers_tried=("instructions", "demos"),
    )


@pytest.mark.parametrize(
    ("poor", "said"),
    [
        (evidence(n_holdout=12), "18 more scored holdout rows (12 of at least 30)"),
        (evidence(tried=7), "13 more proposals tried on dev rows (7 of at least 20)"),
        (evidence(n_dev=19), "1 more scored dev rows (19 of at least 20)"),
    ],
)
def test_below_a_hard_minimum_it_cannot_tell_and_says_what_is_missing(poor: Evidence, said: str) -> None:
    found = decide(poor)
    assert found.ruling == "can't tell yet"
    assert said in found.sentence
    assert said in found.needs


def test_nothing_at_all_is_no_crash_and_no_confident_word() -> None:
    nothing = Evidence(delta=0.02, n_dev=0, n_holdout=0, challengers=(), calls=0, calls_at_last_change=0)
    found = decide(nothing)
    assert found.ruling == "can't tell yet"
    assert found.probability is None
    assert len(found.needs) == 3


def finished() -> Evidence:
    """A run that has nothing left to gain: all right on holdout, flat for long."""
    right = [1.0] * 400
    return replace(
        evidence(),
        challengers=tuple(Challenger(-0.08, 0.03, 32, False) for _ in range(120)),
        calls_at_last_change=300,
        changes=2,
        champion=mean_interval(right),
        last_doubling=paired_gain(right, right),
        since_baseline=paired_gain(right, [1.0] * 300 + [0.0] * 100),
        dev_last_doubling=0.0,
        dev_gain=0.25,
    )


def rising() -> Evidence:
    """A run in full climb: 15 points in the last doubling, a new champion a moment ago, many good proposals."""
    now, half, baseline = ([1.0] * n + [0.0] * (400 - n) for n in (220, 160, 80))
    return replace(
        evidence(),
        challengers=tuple(Challenger(0.05 if i % 2 else -0.02, 0.03, 100, i % 2 == 1) for i in range(40)),
        calls_at_last_change=2950,
        changes=14,
        late_changes=7,
        champion=mean_interval(now),
        last_doubling=paired_gain(now, half),
        since_baseline=paired_gain(now, baseline),
        dev_last_doubling=0.17,
        dev_gain=0.38,
    )


def test_a_finished_run_topped_out_and_names_its_levers() -> None:
    found = decide(finished())
    assert found.ruling == "topped out"
    assert found.sentence.startswith(
        "Topped out for prompting as a whole (instructions and demos): the chance that 3,000 more calls gain 2 points or more is "
    )
    assert found.sentence.endswith("held-out gain so far +25.0 points [20.6, 29.1], n = 400.")
    assert found.needs == ()


def test_levers_that_had_no_turn_are_named_in_the_verdict() -> None:
    found = decide(replace(finished(), levers_tried=("instructions",), levers_untried=("demos", "voting")))
    assert found.ruling == "topped out"
    assert found.sentence.startswith("Topped out for instructions only (demos and voting not tried): the chance ")
    assert found.next_step == "Try demos and voting before you look beyond prompting."


def test_a_run_that_was_cut_short_never_topped_out() -> None:
    found = decide(replace(finished(), cut_short="the provider was down"))
    assert found.ruling == "can't tell yet"
    assert "the run was cut short (the provider was down)" in found.sentence
    assert found.next_step == "Resume the run."


def test_a_rising_run_is_still_climbing_and_told_what_the_next_doubling_costs() -> None:
    found = decide(rising())
    assert found.ruling == "still climbing"
    assert found.next_step == "Go on: give the run 3,000 more task calls (about $1.20)."


def test_beyond_the_calibrated_deltas_only_the_safe_word_is_said() -> None:
    assert decide(replace(finished(), delta=0.3)).ruling == "topped out"
    assert decide(replace(finished(), delta=0.001)).ruling == "can't tell yet"
    assert decide(replace(rising(), delta=0.3)).ruling == "can't tell yet"
    assert decide(replace(rising(), delta=0.001)).ruling == "still climbing"
    assert decide(replace(rising(), delta=0.0)).ruling == "still climbing"


def test_undecided_runs_hear_the_sensible_step_first_and_the_dear_alternative_after() -> None:
    found = decide(evidence())
    assert found.ruling == "can't tell yet"
    first, offer, rows = found.needs
    assert first == "First: 3,000 more task calls (about $1.20), on the rows you have"
    assert offer.startswith(
        "Or ask now: topout probe RUN, 20 fresh proposals against the champion, about 1,897 calls ($0.76), decides with a chance of "
    )
    assert rows == (
        "Or, to prove a gain as small as 2 points: 1,029 more labelled holdout rows (as this run's scores vary, the 400 of today show gains from 3.8 points up)"
    )
    assert found.next_step == "Give the run 3,000 more task calls (about $1.20), then look again."


def test_an_undecided_chance_comes_with_the_two_it_lies_between() -> None:
    sentence = decide(evidence()).sentence
    assert " % or less: topped out; " in sentence
    assert sentence.startswith("Can't tell yet: the chance that 3,000 more calls gain 2 points or more is ")


def test_a_run_with_too_few_proposals_is_given_the_calls_that_the_missing_ones_take() -> None:
    assert decide(evidence(tried=5)).next_step == "Give the run 9,000 more task calls (about $3.60), then look again."


@pytest.mark.parametrize("ruling", ["topped out", "still climbing", "can't tell yet"])
def test_the_sentence_starts_with_the_ruling(ruling: str) -> None:
    found: dict[str, str] = {one.ruling: one.sentence for one in map(decide, (finished(), rising(), evidence()))}
    assert found[ruling].lower().startswith(ruling)


def test_every_figure_comes_with_n_and_interval() -> None:
    lines = decide(evidence()).evidence
    assert "Held-out score now 70.0 % [65.4, 74.4], n = 400" in lines
    assert "Held-out gain since baseline +10.0 points [7.0, 12.9], n = 400" in lines
    assert "12 of 60 proposals kept; 20 % of the first third, 20 % of the last" in lines
    assert "Last change of champion 1,200 of 3,000 calls ago" in lines


def probed(mean: float, spread: float, best: float) -> tuple[Contender, ...]:
    """Fifty fresh proposals around `mean`, the last five of them raced to 400 rows, where they stand at `best`."""
    few = [Contender(mean + spread * math.sin(5 * i), 0.09, 25) for i in range(35)]
    more = [Contender(mean + spread * math.sin(3 * i) / 2, 0.045, 100) for i in range(10)]
    return (*few, *more, *(Contender(best - 0.003 * i, 0.022, 400) for i in range(5)))


def test_a_probe_that_finds_nothing_lowers_the_chance_and_one_that_finds_much_raises_it() -> None:
    flat = replace(evidence(), changes=0)
    alone = decide(flat).probability
    poor = decide(replace(flat, probe=probed(-0.12, 0.05, -0.03)))
    good = decide(replace(flat, probe=probed(0.02, 0.05, 0.13)))
    assert poor.probability is not None and alone is not None and good.probability is not None
    assert poor.probability < alone < good.probability
    assert poor.ruling == "topped out"
    assert good.ruling == "still climbing"
    assert good.details["probability_by_the_run_alone"] == alone
    assert (good.details["probe_proposals"], good.details["probe_rows"]) == (50, 400)


def test_the_probe_is_told_with_rows_and_the_corrected_figure_of_its_best() -> None:
    lines = decide(replace(evidence(), probe=probed(-0.02, 0.05, 0.05))).evidence
    assert lines[0].startswith(
        "Probe: 50 fresh proposals met the champion on 25 to 400 held-out rows; the best of them, corrected for having been picked, +"
    )
    assert lines[0].endswith("], n = 400")
    assert lines[1].startswith("By the spread of these, the best of 60 more proposals gains +")


def test_after_a_probe_none_is_offered_again() -> None:
    assert not any("topout probe" in line for line in decide(replace(evidence(), probe=probed(0.0, 0.05, 0.03))).needs)
    assert any("topout probe" in line for line in decide(evidence()).needs)


def test_a_probe_with_too_few_scores_is_left_out_and_says_so() -> None:
    few = decide(replace(evidence(), probe=probed(0.0, 0.05, 0.1)[-9:]))
    assert few.probability == decide(evidence()).probability
    assert "The probe is left out of the verdict: 9 scored proposals of at least 15" in few.evidence
    none = decide(replace(evidence(), probe=(Contender(math.nan, math.nan, 0),) * 20))
    assert none.evidence[0] == "Probe: none of its proposals has a score"


def test_topped_out_never_excludes_a_late_unlock() -> None:
    line = "No method can exclude a late unlock: nothing for long, then a climb"
    assert line in decide(finished()).evidence
    assert line not in decide(rising()).evidence


def journal(rows: list[tuple[int, int, str, Operator, Outcome, float | None]]) -> list[AttemptDone]:
    return [
        AttemptDone(
            Attempt(
                number, operator, ("p",), outcome, gain=gain, gain_se=None if gain is None else 0.03, rows=0 if gain is None else 32
            ),
            calls=calls + 10,
            task_calls=calls,
            champion=champion,
        )
        for number, calls, champion, operator, outcome, gain in rows
    ]


def test_the_evidence_is_gathered_from_the_journal() -> None:
    done = journal(
        [
            (1, 400, "a", "rewrite", "kept", 0.05),
            (2, 700, "a", "demos", "dropped", -0.1),
            (3, 900, "b", "rewrite", "kept", 0.02),
            (4, 1000, "b", "rewrite", "rejected", None),
        ]
    )
    dev = {"base": [0.0, 0.0, 1.0, 1.0], "a": [1.0, 0.0, 1.0, 1.0], "b": [1.0, 1.0, 1.0, 1.0]}
    found = gather(
        done,
        delta=0.02,
        baseline="base",
        dev=dev,
        holdout={**dev, "b": [1.0, 1.0, math.nan, 1.0]},
        levers=("instructions", "demos", "voting"),
    )
    assert [champion_at(done, calls, "base") for calls in (0, 399, 400, 899, 900, 5000)] == ["base", "base", "a", "a", "b", "b"]
    assert (found.calls, found.calls_at_last_change, found.tried, found.kept, found.rejected) == (1000, 900, 3, 2, 1)
    assert (found.n_dev, found.n_holdout, found.dev_gain, found.dev_last_doubling) == (4, 3, 0.5, 0.25)
    assert found.last_doubling is not None and found.last_doubling.estimate.n == 3
    assert found.levers_tried == ("instructions", "demos")
    assert found.levers_untried == ("voting",)
    assert found.challengers[1] == Challenger(-0.1, 0.03, 32, False)


def test_a_journal_cut_anywhere_gives_evidence_and_a_verdict() -> None:
    done = journal([(i, 40 * i, f"c{i // 3}", "rewrite", "kept" if i % 3 == 0 else "dropped", 0.01) for i in range(1, 40)])
    scores = {f"c{i}": [float((i + r) % 3 > 0) for r in range(40)] for i in range(14)} | {"base": [0.0] * 40}
    for end in range(len(done) + 1):
        found = decide(gather(done[:end], delta=0.02, baseline="base", dev=scores, holdout=scores))
        assert found.sentence.endswith(".")
        assert "significant" not in " ".join((found.sentence, found.next_step, *found.evidence, *found.needs))
        if end < 20:
            assert found.ruling == "can't tell yet"
