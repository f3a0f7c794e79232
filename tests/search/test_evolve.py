"""What `evolve` plans: moves that apply, in the shares of the recipe, and an end when nothing is left."""

from __future__ import annotations

import math
import random
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from topout.contracts import History, Member, Move, Stop
from topout.domain import Attempt, Candidate, Component, Outcome, Prompt, Task
from topout.search.evolve import Evolve, EvolveSettings, operator_order
from topout.search.trial import failed_edits, instructs
from topout.testing.fakes import made_up_task

LONG = "Read the row with care. " * 20


def member(name: str, text: str, scores: tuple[float, ...]) -> Member:
    prompt = Prompt((Component("system", "system", text), Component("user", "user", "Row: {{text}}")))
    return Member(Candidate(name, prompt), scores, math.fsum(scores) / len(scores), 10.0)


def history(*members: Member, attempts: tuple[Attempt, ...] = (), task: Task | None = None) -> History:
    rows = range(len(members[0].scores))
    best = [max(m.scores[row] for m in members) for row in rows]
    holders = [[i for i, m in enumerate(members) if m.scores[row] == best[row] > 0] for row in rows]
    return History(task or made_up_task(20, 4, 4), attempts, members, 0, holders, {}, 0, 1000)


def plans(known: History, settings: EvolveSettings, draws: int = 300) -> list[Move | Stop]:
    return [Evolve(settings).plan(n, known, random.Random(n)) for n in range(draws)]


def attempt(number: int, outcome: Outcome, reason: str = "", parent: str = "a", candidate: Candidate | None = None) -> Attempt:
    return Attempt(number, "rewrite", (parent,), outcome, reason, candidate)


TWO = history(
    member("a", LONG, (1.0, 1.0, 0.0, 0.0)), member("b", LONG + "Twice.", (0.0, 0.0, 1.0, 1.0)), member("c", "x", (0.0,) * 4)
)


def test_operators_have_their_turn_by_their_shares() -> None:
    settings = EvolveSettings(rewrite=0.5, demos=0.3, merge=0.15, shorten=0.05)
    first = Counter(operator_order(settings, random.Random(seed))[0] for seed in range(4000))
    expected = {"rewrite": 0.5, "demos": 0.3, "merge": 0.15, "shorten": 0.05}
    assert {name: count / 4000 for name, count in first.items()} == pytest.approx(expected, abs=0.02)
    alone = EvolveSettings(rewrite=0.0, demos=1.0, merge=0.0, shorten=0.0)
    assert operator_order(alone, random.Random(0)) == ["demos"]


def test_every_operator_is_planned_where_it_applies() -> None:
    moves = [move for move in plans(TWO, EvolveSettings()) if isinstance(move, Move)]
    assert {move.operator for move in moves} == {"rewrite", "demos", "merge", "shorten"}
    for move in moves:
        assert (move.prompt is not None) == (move.operator == "demos")
        assert len(move.parents) == (2 if move.operator == "merge" else 1)
        assert move.component == ("" if move.operator == "demos" else "system")
        assert (move.calls, move.more) == ({"demos": 4, "rewrite": 9}.get(move.operator, 5), 0)
        assert len(move.read) == (8 if move.operator == "rewrite" else 0)


def test_an_operator_with_nothing_to_do_gives_way() -> None:
    lone = history(member("a", "Short.", (1.0, 0.0, 0.0, 0.0)))
    found = {move.operator for move in plans(lone, EvolveSettings()) if isinstance(move, Move)}
    assert found == {"rewrite", "demos"}


def test_a_shortening_is_never_held_against_less_for_what_its_parent_dropped() -> None:
    low = replace(member("a", "Base.", (0.0,) * 4), level=0.0)
    lucky = member("b", LONG, (1.0, math.nan, math.nan, math.nan))
    lucky = replace(lucky, candidate=replace(lucky.candidate, parents=("a",)), mean=1.0, level=1.0)
    lost = tuple(attempt(n, "dropped", parent="b") for n in range(24))
    known = replace(history(low, lucky), champion=1, attempts=lost, ease=(0.0,) * 4)
    bars: dict[str, set[float]] = {}
    for move in plans(known, EvolveSettings(champion_share=1.0, pooled=1.0, trust=1.0, patience=12)):
        assert isinstance(move, Move)
        bars.setdefault(move.operator, set()).add(move.bar[1])
    assert bars["shorten"] == {1.0} and bars["rewrite"] == {0.25}  # it takes its parent's place; a rewrite has to be better there


def test_a_shortening_asks_for_at_most_seven_tenths_of_the_words() -> None:
    shorten = EvolveSettings(rewrite=0.0, demos=0.0, merge=0.0, shorten=1.0)
    moves = [move for move in plans(history(member("a", LONG, (1.0, 0.0, 0.0, 0.0))), shorten, 5) if isinstance(move, Move)]
    assert [move.word_cap for move in moves] == [70] * 5


def test_of_the_later_heats_so_much_is_kept_back_as_the_setting_says() -> None:
    known = history(member("a", LONG, (1.0, 0.0, 1.0, 0.0)), task=made_up_task(20, 4, 4))
    whole, half = (plans(known, EvolveSettings(first_block=1, kept_back=share), 40) for share in (1.0, 0.5))
    assert [(m.calls, m.more // 2) for m in whole if isinstance(m, Move)] == [
        (m.calls, m.more) for m in half if isinstance(m, Move)
    ]
    assert any(m.more > 1 for m in whole if isinstance(m, Move))


def test_nothing_to_edit_and_no_demo_to_add_is_the_end() -> None:
    frozen = Prompt((Component("system", "system", "Fixed.", frozen=True), Component("user", "user", "Row: {{text}}")))
    known = history(Member(Candidate("a", frozen), (0.0,), 0.0, 1.0), task=made_up_task(0, 1, 1))
    stops = plans(known, EvolveSettings(), 5)
    assert all(isinstance(stop, Stop) for stop in stops)
    no_demos = replace(EvolveSettings(), max_demos=0, rewrite=0.0, merge=0.0, shorten=0.0)
    assert isinstance(plans(TWO, no_demos, 1)[0], Stop)


def test_many_proposals_in_a_row_without_a_trial_are_the_end() -> None:
    refused = tuple(attempt(n, "rejected") for n in range(5))
    known = history(*TWO.pool, attempts=(attempt(0, "kept"), *refused))
    assert isinstance(plans(known, EvolveSettings(give_up_after=5), 1)[0], Stop)
    assert isinstance(plans(known, EvolveSettings(give_up_after=6), 1)[0], Move)


def test_where_dev_has_next_to_no_rows_a_search_that_finds_nothing_better_ends_before_it_spends_all_on_the_critic() -> None:
    dropped = tuple(attempt(n, "dropped") for n in range(1, 80))
    known = history(*TWO.pool, attempts=(attempt(0, "kept"), *dropped))
    assert len(known.task.rows("dev")) == 4 and isinstance(plans(known, EvolveSettings(), 1)[0], Move)
    longer = replace(known, attempts=(*known.attempts, attempt(80, "dropped")))
    (stop,) = plans(longer, EvolveSettings(), 1)
    assert isinstance(stop, Stop) and stop.reason == "the last 80 proposals were no better on 4 dev rows, which tell no more"
    assert isinstance(plans(longer, EvolveSettings(first_block=4), 1)[0], Move)


def test_a_frame_around_placeholders_is_not_edited_and_neither_is_what_is_frozen() -> None:
    assert instructs(Component("system", "system", "Answer."))
    assert not instructs(Component("system", "system", "Answer.", frozen=True))
    assert not instructs(Component("user", "user", "Ticket: {{text}}"))
    assert instructs(Component("user", "user", "Read this ticket with care and then label it: {{text}}"))


def test_the_critic_is_told_of_the_latest_edits_of_this_parent_that_failed() -> None:
    tried = Candidate("z", Prompt(()), rationale="add an example")
    attempts = (
        attempt(0, "dropped", "-9.0 points", candidate=tried),
        attempt(1, "kept", "+3.0 points", candidate=tried),
        attempt(2, "rejected", "no change to the text"),
        attempt(3, "dropped", "-1.0 points", parent="b", candidate=tried),
    )
    known = history(*TWO.pool, attempts=attempts)
    assert failed_edits(known, "a") == ("-9.0 points: add an example", "no change to the text: refused before its trial")
    many = history(*TWO.pool, attempts=tuple(attempt(n, "rejected", f"reason {n}") for n in range(9)))
    assert [note[:8] for note in failed_edits(many, "a")] == [f"reason {n}" for n in range(4, 9)]


@pytest.mark.parametrize(
    "wrong",
    [{"lanes": 0}, {"first_block": 0}, {"block_growth": 0.5}, {"champion_share": 1.5}, {"rewrite": -0.1}, {"give_up_after": 0}],
)
def test_settings_out_of_range_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        EvolveSettings(**wrong)


def test_some_operator_must_have_a_share() -> None:
    with pytest.raises(ValueError, match="not all 0"):
        EvolveSettings(rewrite=0, demos=0, merge=0, shorten=0)
