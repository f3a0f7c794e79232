from __future__ import annotations

import math

import pytest

from topout.domain import Attempt, AttemptDone, Candidate, Component, Demo, LeverRecord, Operator, Outcome, Prompt
from topout.plateau.levers import changed, ledger


def candidate(name: str, text: str = "Sort it.", demos: int = 0) -> Candidate:
    shown = tuple(Demo({"text": f"row {i}"}, "a") for i in range(demos))
    return Candidate(name, Prompt((Component("system", "system", text),), shown))


def done(number: int, operator: Operator, champion: str, task_calls: int, outcome: Outcome = "kept") -> AttemptDone:
    gain, rows = (None, 0) if operator == "baseline" or outcome == "rejected" else (0.01, 30)
    return AttemptDone(Attempt(number, operator, (), outcome, gain=gain, rows=rows), task_calls, task_calls, champion)


CANDIDATES = {
    c.id: c
    for c in (candidate("b"), candidate("i", "Sort it well."), candidate("d", "Sort it well.", 2), candidate("m", "Both.", 4))
}
RUN = [
    done(-1, "baseline", "b", 100),
    done(0, "rewrite", "b", 130, "dropped"),
    done(1, "rewrite", "i", 200),
    done(2, "rewrite", "i", 200, "rejected"),
    done(3, "demos", "d", 290),
]


def scores(right: int, n: int = 100) -> tuple[float, ...]:
    return tuple(float(k < right) for k in range(n))


def of(found: tuple[LeverRecord, ...], lever: str) -> LeverRecord:
    return next(one for one in found if one.lever == lever)


def test_tries_keeps_and_calls_are_counted_by_lever_without_the_baseline_and_rejected_proposals() -> None:
    found = ledger(RUN, CANDIDATES, baseline="b", holdout={}, levers=("instructions", "demos"))
    instructions, demos = of(found, "instructions"), of(found, "demos")
    assert (instructions.tried, instructions.kept, instructions.calls) == (2, 1, 100)
    assert (demos.tried, demos.kept, demos.calls) == (1, 1, 90)
    assert instructions.gain is None
    assert instructions.how == "not measured: no two examined champions differ by it alone"


def test_levers_that_no_recipe_pulls_are_listed_as_untried() -> None:
    found = ledger(RUN, CANDIDATES, baseline="b", holdout={}, levers=("instructions", "demos"))
    assert [one.lever for one in found] == [
        "instructions",
        "demos",
        "reasoning",
        "format",
        "voting",
        "retrieval",
        "another model",
    ]
    assert of(found, "voting") == LeverRecord("voting", False, 0, 0, 0, None, "untried: not in the recipe's scope")


def test_a_lever_that_the_recipe_allows_and_nobody_pulled_is_in_scope_and_not_tried() -> None:
    found = of(ledger(RUN[:3], CANDIDATES, baseline="b", holdout={}, levers=("instructions", "demos")), "demos")
    assert (found.in_scope, found.tried, found.how) == (True, 0, "not tried yet")


def test_a_gain_is_that_of_the_steps_which_changed_this_lever_alone_at_a_level_for_all_levers_with_one() -> None:
    holdout = {"b": scores(50), "i": scores(60), "d": scores(75)}
    found = ledger(RUN, CANDIDATES, baseline="b", holdout=holdout, levers=("instructions", "demos"))
    instructions, demos = of(found, "instructions").gain, of(found, "demos").gain
    assert instructions is not None and demos is not None
    assert instructions.estimate.mean == pytest.approx(0.10)
    assert demos.estimate.mean == pytest.approx(0.15)
    assert instructions.estimate.level == 0.975
    assert of(found, "demos").how == "the one step between examined champions that changed it alone, paired"


def test_a_step_that_changed_two_levers_is_laid_to_neither() -> None:
    run = [*RUN[:1], done(0, "rewrite", "m", 200)]
    found = ledger(run, CANDIDATES, baseline="b", holdout={"b": scores(50), "m": scores(80)}, levers=("instructions", "demos"))
    assert [one.gain for one in found] == [None] * 7
    assert changed(CANDIDATES["b"].prompt, CANDIDATES["m"].prompt) == {"instructions", "demos"}


def test_all_steps_of_a_lever_count_the_losing_ones_too() -> None:
    extra = {c.id: c for c in (candidate("i2", "Again.", 2), candidate("i3", "Once more.", 2))}
    run = [*RUN, done(4, "rewrite", "i2", 400), done(5, "rewrite", "i3", 500)]
    holdout = {"b": scores(50), "i": scores(60), "d": scores(75), "i2": scores(71), "i3": scores(73)}
    found = of(
        ledger(run, {**CANDIDATES, **extra}, baseline="b", holdout=holdout, levers=("instructions", "demos")), "instructions"
    )
    assert found.gain is not None
    assert found.gain.estimate.mean == pytest.approx(0.10 - 0.04 + 0.02)
    assert found.how == "all 3 steps between examined champions that changed it alone, paired"


def test_a_prompt_measured_with_one_lever_alone_goes_before_the_steps() -> None:
    holdout = {"b": scores(50), "i": scores(60), "d": scores(75)}
    found = ledger(RUN, CANDIDATES, baseline="b", holdout=holdout, levers=("instructions", "demos"), alone={"demos": scores(55)})
    demos = of(found, "demos")
    assert demos.gain is not None
    assert demos.gain.estimate.mean == pytest.approx(0.05)
    assert demos.how == "the winner's own, alone on the baseline, paired"


def test_an_empty_or_unscored_exam_gives_no_gain_and_no_crash() -> None:
    nothing = (math.nan,) * 4
    assert ledger([], {}, baseline="b", holdout={}, levers=())[0].lever == "instructions"
    found = ledger(
        RUN, CANDIDATES, baseline="b", holdout={"b": nothing, "i": nothing}, levers=("instructions",), alone={"demos": nothing}
    )
    assert of(found, "instructions").how == "not measured: no holdout row has both scores"
    assert of(found, "demos").gain is None
