"""Genes are switched one at a time, and only those that the recipe allows."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace
from pathlib import Path

import pytest

from topout.contracts import Member
from topout.domain import AttemptDone, Candidate, Prompt, Request
from topout.errors import UserError
from topout.plateau.levers import changed
from topout.plugins.optimizers import load_recipe
from topout.report.findings import find
from topout.search.evolve import Evolve, EvolveSettings
from topout.search.switch import Genes, switch_move, switched_prompt
from topout.search.trial import Terms
from topout.testing.engine_room import run_in_memory
from topout.testing.fakes import UnevenModel, made_up_task, say_right, writing_critic
from topout.text.alone import alone

TASK = made_up_task(30, 40, 60)
PROMPT = TASK.baseline


def drawn(prompt: Prompt, genes: Genes) -> set[Prompt]:
    found = [switched_prompt(prompt, genes, random.Random(seed)) for seed in range(80)]
    return {one[0] for one in found if one is not None}


def test_each_gene_that_is_allowed_has_its_turn_and_no_other() -> None:
    assert drawn(PROMPT, Genes()) == set()
    assert drawn(PROMPT, Genes(think=True)) == {replace(PROMPT, reasoning="think")}
    every = drawn(PROMPT, Genes(True, True, 5, 8))
    assert {min(changed(PROMPT, one)) for one in every} == {"reasoning", "format", "voting", "retrieval"}
    assert all(len(changed(PROMPT, one)) == 1 for one in every)
    assert {one.votes for one in every} == {1, 3}
    assert {one.retrieved for one in every} == {0, 1, 2, 4, 8}


def test_what_was_switched_on_can_grow_and_be_switched_off_within_the_limits() -> None:
    full = replace(PROMPT, reasoning="think", answer_format="json", votes=5, retrieved=4)
    every = drawn(full, Genes(True, True, 5, 8))
    assert {one.votes for one in every} == {5, 1}
    assert {one.retrieved for one in every} == {4, 0, 2, 8}
    assert {(one.reasoning, one.answer_format) for one in every} == {("think", "json"), ("direct", "json"), ("think", "plain")}


def test_a_move_sets_aside_the_calls_of_all_votes_and_leaves_programs_alone() -> None:
    parent = Member(Candidate("p", PROMPT), (0.5,) * 40, 0.5, 10.0)
    move = switch_move(TASK, parent, Genes(max_votes=3), Terms(first_block=10), random.Random(1))
    assert move is not None
    assert (move.operator, move.calls, move.calls + move.more, move.rationale) == (
        "switch",
        30,
        120,
        "draw 3 answers, the majority counts",
    )
    assert switch_move(replace(TASK, program="run"), parent, Genes(max_votes=3), Terms(), random.Random(1)) is None


def answer(request: Request) -> str:
    """Right on more rows when it may think, and then with the mark; the neighbours help too."""
    row = int(request.messages[-1].content.rpartition(" ")[2])
    thinks = "step by step" in request.messages[0].content
    shown = (len(request.messages) - 2) // 2
    right = row % 10 < 4 + 2 * thinks + 2 * (shown >= 2) + (request.sample % 3 == 0)
    return f"Hm.\nAnswer: {'right' if right else 'wrong'}" if thinks else "right" if right else "wrong"


def test_a_search_switches_genes_and_each_levers_gain_is_told_apart() -> None:
    settings = EvolveSettings(
        lanes=3, first_block=8, rewrite=0.1, demos=0, merge=0, shorten=0, switch=0.9, think=1, max_retrieved=4
    )
    model, critic = UnevenModel(answer), UnevenModel(writing_critic())
    outcome = asyncio.run(run_in_memory(TASK, say_right, Evolve(settings), model, critic, max_calls=2500, seed=2))
    f = find(outcome.events)
    assert (f.winner.prompt.reasoning, f.winner.prompt.retrieved >= 2) == ("think", True)
    parts = alone(f.baseline.prompt, f.winner.prompt)
    assert {"reasoning", "retrieval"} <= parts.keys()
    records = {one.lever: one for one in f.levers}
    assert records["reasoning"].tried and records["retrieval"].tried
    gain = records["reasoning"].gain
    assert gain is not None and gain.estimate.mean == pytest.approx(0.2, abs=0.06)
    assert records["reasoning"].how == "the winner's own, alone on the baseline, paired"
    assert not any(
        e.attempt.candidate and e.attempt.candidate.prompt.votes > 1 for e in outcome.events if isinstance(e, AttemptDone)
    )


def test_the_wide_recipe_has_all_levers_but_voting_and_a_recipe_can_forbid_each(tmp_path: Path) -> None:
    loaded = load_recipe("wide")
    assert loaded.recipe.levers == ("instructions", "demos", "reasoning", "format", "retrieval")
    assert isinstance(loaded.optimizer, Evolve)
    assert (loaded.optimizer.settings.think, loaded.optimizer.settings.max_votes, loaded.optimizer.settings.max_retrieved) == (
        1,
        0,
        16,
    )
    text = loaded.path.read_text().replace('"reasoning", ', "")
    (tmp_path / "mine.toml").write_text(text)
    with pytest.raises(UserError, match=r"think = 1 needs the lever 'reasoning'. Add it to levers, or leave the setting out"):
        load_recipe(str(tmp_path / "mine.toml"))


def test_a_prompt_with_one_lever_changed_has_nothing_to_take_apart() -> None:
    assert alone(PROMPT, replace(PROMPT, votes=3)) == {}
    both = alone(PROMPT, replace(PROMPT, votes=3, retrieved=2))
    assert {lever: (c.prompt.votes, c.prompt.retrieved) for lever, c in both.items()} == {"voting": (3, 0), "retrieval": (1, 2)}


def test_the_first_attempts_try_each_gene_once() -> None:
    settings = EvolveSettings(
        lanes=3, first_block=8, rewrite=1, demos=0, merge=0, shorten=0, switch=0.01, think=1, json=1, max_retrieved=4
    )
    model, critic = UnevenModel(answer), UnevenModel(writing_critic())
    outcome = asyncio.run(run_in_memory(TASK, say_right, Evolve(settings), model, critic, max_calls=600, seed=2))
    first = [e.attempt for e in outcome.events if isinstance(e, AttemptDone)][1:4]
    assert [a.operator for a in first] == ["switch"] * 3
    assert [min(changed(PROMPT, a.candidate.prompt)) for a in first if a.candidate] == ["reasoning", "format", "retrieval"]
