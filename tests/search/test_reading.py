"""What the critic gets to read."""

from __future__ import annotations

import os
import random
import subprocess
import sys

from hypothesis import given
from hypothesis import strategies as st

from topout.domain import Example, Rollout, Scored, Unscored
from topout.search.reading import alike_together, choose_rows, choose_shown

TRAIN = tuple(Example(f"t{i}", {"text": "x"}, "right") for i in range(30))
ROWS = {e.id: e for e in TRAIN}


KNOWN = st.dictionaries(st.sampled_from([e.id for e in TRAIN]), st.sampled_from([0.0, 0.5, 1.0]))


@given(KNOWN, st.integers(1, 40), st.integers(1, 40), st.integers(0, 99))
def test_rows_are_different_train_rows_never_more_than_asked_for(known: dict[str, float], size: int, fresh: int, seed: int) -> None:
    rows = choose_rows(TRAIN, known, size, fresh, 31, random.Random(seed))
    assert 1 <= len({e.id for e in rows}) == len(rows) <= size
    assert all(e in TRAIN for e in rows)


@given(KNOWN, st.integers(1, 30), st.integers(1, 30), st.integers(0, 99))
def test_fresh_rows_first_then_known_failures_and_passing_ones_where_there_is_room(
    known: dict[str, float], size: int, fresh: int, seed: int
) -> None:
    rows = choose_rows(TRAIN, known, size, fresh, 31, random.Random(seed))
    failing, unseen = [e for e in TRAIN if known.get(e.id, 1.0) < 1.0], [e for e in TRAIN if e.id not in known]
    chosen_failing, chosen_unseen = [e for e in rows if e in failing], [e for e in rows if e in unseen]
    assert len(chosen_unseen) == min(len(unseen), fresh, size)
    assert len(chosen_failing) == min(len(failing), size - len(chosen_unseen))
    room = min(fresh, size - len(chosen_unseen) - len(chosen_failing))
    assert len(rows) <= len(chosen_failing) + len(chosen_unseen) + room or not failing + unseen


def test_who_fails_enough_rows_already_answers_no_fresh_ones() -> None:
    known = {f"t{i}": 0.0 for i in range(12)}
    assert {e.id for e in choose_rows(TRAIN, known, 32, 8, 12, random.Random(0))} == set(known)
    assert len(choose_rows(TRAIN, known, 32, 8, 13, random.Random(0))) == 20


def rollout(example: str, score: float | None) -> Rollout:
    return Rollout("c", example, "train", 0, "", Unscored("down") if score is None else Scored(score))


def test_the_worst_failures_and_the_first_successes_are_shown_and_nothing_unscored() -> None:
    rollouts = [rollout(f"t{i}", score) for i, score in enumerate([1.0, 0.5, None, 0.0, 1.0, 0.9, 1.0, 0.0])]
    failing, passing = choose_shown(rollouts, 3, 2, 100, ROWS)
    assert [r.example for r in failing] == ["t3", "t7", "t1"]
    assert [r.example for r in passing] == ["t0", "t4"]


def test_without_failures_there_is_nothing_to_learn_from() -> None:
    assert choose_shown([rollout("t0", 1.0), rollout("t1", None)], 3, 0, 100, ROWS) == ([], [])


def test_the_cap_on_words_passes_over_long_rows_but_always_shows_one_failure() -> None:
    rows = {name: Example(name, {"text": "word " * size}, "right") for name, size in [("long", 50), ("a", 6), ("b", 6), ("c", 4)]}
    failing = [rollout(name, 0.0) for name in ("long", "a", "b")]
    shown, passing = choose_shown([*failing, rollout("c", 1.0)], 9, 9, 16, rows)
    assert ([r.example for r in shown], [r.example for r in passing]) == (["a", "b"], ["c"])
    alone, _ = choose_shown(failing[:1], 9, 9, 16, rows)
    assert [r.example for r in alone] == ["long"]


def test_failures_that_are_alike_come_into_one_share() -> None:
    texts = [
        "my card was lost",
        "where is the lost card",
        "the card is lost again",
        "change the flight today",
        "a flight to change",
        "flight change please",
    ]
    rows = {f"t{i}": Example(f"t{i}", {"text": text}, "") for i, text in enumerate(texts)}
    rollouts = [Rollout("c", f"t{i}", "train", 0, "", Scored(0.0)) for i in (0, 3, 1, 4, 2, 5)]
    shares = alike_together(rollouts, rows, 2)
    assert [{r.example for r in share} for share in shares] == [{"t0", "t1", "t2"}, {"t3", "t4", "t5"}]


SHARED_OUT = """
import random
from topout.domain import Example, Rollout, Scored
from topout.search.reading import alike_together
for seed in range(60):
    rng = random.Random(seed)
    rows = {f"t{i}": Example(f"t{i}", {"text": " ".join(rng.sample("abcdefghijkl", 7))}, "") for i in range(30)}
    shares = alike_together([Rollout("c", name, "train", 0, "", Scored(0.0)) for name in rows], rows, 5)
    print([[r.example for r in share] for share in shares])
"""


def test_every_process_makes_the_same_shares() -> None:
    """A resumed run has to ask what it would have asked: sets of words come in an order of their own in each process."""
    told = {
        subprocess.run(
            [sys.executable, "-c", SHARED_OUT], env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, check=True
        ).stdout
        for seed in ("0", "1")
    }
    assert len(told) == 1
    assert len(told.pop().splitlines()) == 60


def test_too_few_failures_to_share_are_shown_to_all() -> None:
    rollouts = [Rollout("c", f"t{i}", "train", 0, "", Scored(0.0)) for i in range(5)]
    assert alike_together(rollouts, ROWS, 3) == [rollouts, rollouts, rollouts]


@given(st.integers(4, 30), st.integers(1, 5))
def test_shares_hold_every_failure_once_and_are_of_about_one_size(count: int, shares: int) -> None:
    rollouts = [Rollout("c", f"t{i}", "train", 0, "", Scored(0.0)) for i in range(count)]
    found = alike_together(rollouts, ROWS, shares)
    assert len(found) == shares
    if count >= 2 * shares:
        assert sorted(r.example for share in found for r in share) == sorted(r.example for r in rollouts)
        assert max(map(len, found)) - min(map(len, found)) <= 1
