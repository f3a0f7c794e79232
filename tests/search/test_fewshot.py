"""What `fewshot` plans: instruction texts first, then pairings that TPE asks for, each once, and an end when all were tried."""

from __future__ import annotations

import math
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from topout.contracts import History, Member, Move, Stop
from topout.domain import Attempt, Candidate, Component, Demo, Example, Outcome, Prompt, Task
from topout.search.fewshot import BASELINE, Fewshot, FewshotSettings, Menu, demo_set, propose
from topout.testing.fakes import made_up_task

SETTINGS = FewshotSettings(lanes=2, demo_sets=4, max_demos=8, instructions=2, read_rows=5, startup=3)
ANSWERS = ("refund", "delivery", "login")


def labelled(train: int = 30) -> Task:
    rows = tuple(Example(f"train-{i}", {"text": f"ticket {i}"}, ANSWERS[i % 3]) for i in range(train))
    return replace(made_up_task(train, 4, 4), splits={**made_up_task(train, 4, 4).splits, "train": rows})


def member(candidate: Candidate, mean: float) -> Member:
    return Member(candidate, (mean,) * 4, mean, 10.0)


TASK = labelled()
BASE = Candidate("base", TASK.baseline)


def written(number: int, outcome: Outcome = "dropped", gain: float | None = -0.1) -> Attempt:
    candidate = Candidate(f"w{number}", TASK.baseline.with_text("system", f"Text {number}."), ("base",), "rewrite")
    return Attempt(number, "rewrite", ("base",), outcome, "", None if outcome == "rejected" else candidate, gain, 0.1, 4)


def history(attempts: Sequence[Attempt] = (), pool: Sequence[Member] = (), passed: Sequence[str] = ()) -> History:
    scores = {"base": {f"train-{i}": float(f"train-{i}" in passed) for i in range(20)}}
    members = [member(BASE, 0.5), *pool]
    best = max(range(len(members)), key=lambda i: members[i].mean)
    return History(TASK, attempts, members, best, [], scores, 0, 1000)


WRITTEN = (written(0), written(1))
PASSED = [f"train-{i}" for i in range(12)]


def plan(number: int, known: History, settings: FewshotSettings = SETTINGS, seed: int = 0) -> Move | Stop:
    return Fewshot(settings).plan(number, known, random.Random(seed))


def played(menu: Menu, pairs: Sequence[tuple[int, int]], first: int = 2) -> list[Attempt]:
    out = []
    for number, (place, text) in enumerate(pairs, first):
        candidate = Candidate(f"p{number}", Prompt(menu.instructions[text], menu.demos[place]), ("base",), "demos")
        out.append(Attempt(number, "demos", ("base",), "dropped", "", candidate, -0.05, 0.1, 4))
    return out


def test_the_first_attempts_ask_the_critic_for_instructions_from_the_baseline() -> None:
    for number in (0, 1):
        move = plan(number, history())
        assert isinstance(move, Move)
        assert (move.operator, move.component, move.prompt, move.parents[0].candidate.id) == ("rewrite", "system", None, "base")
        assert (len(move.read), move.calls, move.more) == (5, 5, 0)


def test_then_a_pairing_of_the_menu_is_raced_against_the_champion() -> None:
    better = Candidate("w0", TASK.baseline.with_text("system", "Text 0."), ("base",), "rewrite")
    known = history((written(0, "kept"), written(1)), [member(better, 0.75)])
    moves = [plan(2, known, seed=seed) for seed in range(20)]
    menu = Menu.of(known, SETTINGS, True)
    for move in moves:
        assert isinstance(move, Move)
        assert move.prompt is not None
        assert [m.candidate.id for m in move.parents] == ["w0"]
        assert (move.calls, move.more) == (4, 0)
        assert menu.finder()(move.prompt) is not None
        assert move.operator == ("demos" if move.prompt.demos else "rewrite")


def test_few_shot_sets_are_spread_over_the_answers_and_keep_to_their_caps() -> None:
    first = demo_set(0, TASK, FewshotSettings(max_demos=9), set())
    assert Counter(demo.output for demo in first) == {"refund": 3, "delivery": 3, "login": 3}
    assert [len(demo_set(place, TASK, FewshotSettings(max_demos=8), set(PASSED))) for place in (0, 2, 4, 6)] == [8, 2, 4, 8]
    assert len(demo_set(0, TASK, FewshotSettings(max_demos=9, demo_word_cap=7), set())) == 2


def test_a_few_shot_set_depends_on_the_task_and_its_place_alone() -> None:
    small, large = FewshotSettings(max_demos=3), FewshotSettings(max_demos=9, lanes=1, demo_sets=99, instructions=0)
    for place in (0, 3, 6):
        assert demo_set(place, TASK, large, set())[:3] == demo_set(place, TASK, small, set())
    assert demo_set(0, TASK, small, set()) != demo_set(6, TASK, small, set())
    assert demo_set(0, replace(TASK, fingerprint="other"), small, set()) != demo_set(0, TASK, small, set())


def test_every_second_set_holds_rows_that_the_baseline_passes_once_all_instructions_are_written() -> None:
    known = history(WRITTEN, passed=PASSED)
    menu = Menu.of(known, SETTINGS, True)
    assert list(menu.demos) == [BASELINE, 0, 1, 2, 3]
    assert {demo.example_id for place in (1, 3) for demo in menu.demos[place]} <= set(PASSED)
    assert list(Menu.of(known, SETTINGS, False).demos) == [BASELINE, 0, 2]


def test_instructions_are_known_by_the_attempt_that_wrote_them_and_equal_ones_once() -> None:
    twin = replace(written(1), candidate=written(0).candidate)
    attempts = (written(0), twin, written(2, "rejected", None), written(3))
    menu = Menu.of(history(attempts), replace(SETTINGS, instructions=4), True)
    assert [(number, parts[0].text) for number, parts in menu.instructions.items()] == [
        (BASELINE, "Answer."),
        (0, "Text 0."),
        (3, "Text 3."),
    ]


def test_a_trial_is_worth_its_dev_mean_or_what_its_race_said_of_it() -> None:
    kept = written(0, "kept")
    assert kept.candidate is not None
    failed = replace(written(2), outcome="failed")
    known = history((kept, written(1, gain=-0.125), failed), [member(kept.candidate, 0.75)])
    menu = Menu.of(known, replace(SETTINGS, instructions=3), True)
    assert menu.trials(known) == [((-1, -1), 0.5), ((-1, 0), 0.75), ((-1, 1), 0.375)]
    assert menu.tried(known) == {(-1, -1), (-1, 0), (-1, 1), (-1, 2)}


def test_a_baseline_without_a_score_is_no_trial() -> None:
    known = replace(history(), pool=[member(BASE, math.nan)])
    assert Menu.of(known, SETTINGS, True).trials(known) == []


def test_all_pairings_are_tried_once_and_then_it_ends() -> None:
    settings = replace(SETTINGS, lanes=1)
    known = history(WRITTEN, passed=PASSED)
    menu = Menu.of(known, settings, True)
    attempts, find = list(WRITTEN), menu.finder()
    for number in range(2, 2 + 5 * 3 - 3):
        move = plan(number, replace(known, attempts=attempts), settings, number)
        assert isinstance(move, Move)
        assert move.prompt is not None
        pair = find(move.prompt)
        assert pair is not None
        assert pair not in menu.tried(replace(known, attempts=attempts))
        attempts += played(menu, [pair], number)
    stop = plan(len(attempts), replace(known, attempts=attempts), settings)
    assert stop == Stop("all 15 pairings of few-shot sets and instructions were tried")


def test_attempts_in_flight_do_not_try_the_same_pairing() -> None:
    settings = replace(SETTINGS, lanes=3)
    known = history(WRITTEN, passed=PASSED)
    for seed in range(10):
        moves = [plan(number, known, settings, seed) for number in range(2, 5)]
        assert (
            len(
                {
                    (m.prompt.components, m.prompt.demos and m.prompt.demos[0].example_id)
                    for m in moves
                    if isinstance(m, Move) and m.prompt
                }
            )
            == 3
        )


def test_it_does_not_end_while_an_instruction_may_still_come() -> None:
    settings = replace(SETTINGS, demo_sets=0)
    assert isinstance(plan(2, history((written(0),)), settings), Move)
    assert isinstance(plan(2, history(WRITTEN), settings), Stop)


def test_with_nothing_to_edit_few_shot_sets_alone_are_tried() -> None:
    frozen = Prompt(tuple(replace(c, frozen=True) for c in TASK.baseline.components))
    known = replace(history(), pool=[member(Candidate("base", frozen), 0.5)])
    move = plan(0, known)
    assert isinstance(move, Move)
    assert move.prompt is not None
    assert move.prompt.components == frozen.components


def test_the_sampler_comes_to_prefer_what_scores_better() -> None:
    menu = Menu(
        {i: (Demo({"text": str(i)}, "x", str(i)),) for i in range(8)}, {i: (Component("s", "system", str(i)),) for i in range(6)}
    )
    rng = random.Random(0)
    good = {(i, j) for i, j in menu.pairings() if i < 2}
    known = [(pair, 0.8 if pair in good else 0.4) for pair in rng.sample(menu.pairings(), 24)]
    left = [pair for pair in menu.pairings() if pair not in dict(known)]
    chosen = [propose(menu, known, left, 5, random.Random(seed)) for seed in range(40)]
    by_chance = sum(pair in good for pair in left) / len(left)
    assert by_chance < 0.5
    assert sum(pair in good for pair in chosen) / 40 > by_chance + 0.25


def test_an_equal_generator_proposes_alike_and_the_callers_optuna_is_left_as_it_was() -> None:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.INFO)
    menu = Menu.of(history(WRITTEN, passed=PASSED), SETTINGS, True)
    once, again = (propose(menu, [((-1, -1), 0.5)], menu.pairings(), 3, random.Random(4)) for _ in range(2))
    assert once == again
    assert optuna.logging.get_verbosity() == optuna.logging.INFO


@pytest.mark.parametrize("wrong", [{"lanes": 0}, {"demo_sets": -1}, {"max_demos": 0}, {"startup": 0}, {"block_growth": 0.5}])
def test_settings_out_of_range_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        FewshotSettings(**wrong)


def test_there_must_be_something_on_the_menu() -> None:
    with pytest.raises(ValueError, match="must not both be 0"):
        FewshotSettings(demo_sets=0, instructions=0)


def test_optuna_is_imported_by_the_first_pairing_and_not_before() -> None:
    code = (
        "import random, sys; from topout.plugins.optimizers import load_recipe; import topout.app;"
        "load_recipe('evolve'); load_recipe('hillclimb'); load_recipe('fewshot'); assert 'optuna' not in sys.modules;"
        "from topout.search.fewshot import Menu, propose;"
        "propose(Menu({0: (), 1: ()}, {0: ()}), [], [(0, 0), (1, 0)], 3, random.Random(0)); assert 'optuna' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
