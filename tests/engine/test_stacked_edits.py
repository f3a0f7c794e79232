"""A rewrite is several edits, one upon the other, and one race tells of them together."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace
from typing import Literal

from topout.domain import Attempt, AttemptDone, Critiqued, Event, Request
from topout.search.evolve import Evolve, EvolveSettings
from topout.testing.engine_room import run_in_memory
from topout.testing.fakes import FakeModel, fixed_accuracy, made_up_task, say_right

SETTINGS = EvolveSettings(lanes=1, read_rows=8, first_block=4, edits=3, demos=0, merge=0, shorten=0)


def adding(request: Request) -> str:
    """Adds a word to the text that it is shown, and answers every fourth time without a text."""
    lines = request.messages[-1].content.split("\n")
    if "Current text:" not in lines:
        return "ready"
    text = lines[lines.index("Current text:") + 2]
    draw = (request.seed or 0) % 997
    return "no" if draw % 4 == 0 else f"Rationale: w{draw}\n```text\n{text} w{draw}\n```"


def played() -> list[Event]:
    model, critic = FakeModel(fixed_accuracy(0.5, 3)), FakeModel(adding)
    work = run_in_memory(made_up_task(30, 20, 20), say_right, Evolve(SETTINGS), model, critic, max_calls=400, seed=2)
    return asyncio.run(work).events


def test_each_edit_is_made_upon_the_one_before_and_refused_ones_are_left_out() -> None:
    found = played()
    asked = Counter(e.attempt for e in found if isinstance(e, Critiqued) and e.attempt >= 0)
    refused = Counter(e.attempt for e in found if isinstance(e, Critiqued) and e.text == "no")
    tried = [
        e.attempt
        for e in found
        if isinstance(e, AttemptDone) and e.attempt.number >= 0 and e.attempt.outcome in ("kept", "dropped")
    ]
    texts = {
        e.attempt.candidate.id: e.attempt.candidate.prompt.components[0].text
        for e in found
        if isinstance(e, AttemptDone) and e.attempt.candidate
    }
    assert len(tried) >= 5
    assert {asked[one.number] for one in tried} == {3}
    assert any(refused[one.number] for one in tried)
    for one in tried:
        assert one.candidate is not None
        added = texts[one.candidate.id].removeprefix(texts[one.parents[0]]).split()
        assert len(added) == 3 - refused[one.number]
        assert one.candidate.rationale == "; ".join(added)


def test_a_rewrite_without_any_edit_is_rejected_with_the_last_refusal() -> None:
    model, critic = FakeModel(fixed_accuracy(0.5, 3)), FakeModel(lambda request: "no")
    work = run_in_memory(made_up_task(30, 20, 20), say_right, Evolve(SETTINGS), model, critic, max_calls=200, seed=2)
    done = [e.attempt for e in asyncio.run(work).events if isinstance(e, AttemptDone) and e.attempt.number >= 0]
    assert {(one.outcome, one.reason) for one in done if one.outcome != "cut"} == {
        ("rejected", "the critic's reply has no fenced block")
    }


def raced(program: Literal["", "run"]) -> list[Attempt]:
    """What became of rewrites that say `good`, which makes half of the rows right, or `idle`, which does nothing."""

    def answer(request: Request) -> str:
        said = "\n".join(m.content for m in request.messages)
        right = "good" in said and len(request.messages[-1].content) % 2 == 0
        return "right" if right else "wrong"

    def critic(request: Request) -> str:
        lines = request.messages[-1].content.split("\n")
        if "Current text:" not in lines:
            return "ready"
        word = "good" if (request.seed or 0) % 3 == 0 else "idle"
        return f"Rationale: {word}\n```text\n{lines[lines.index('Current text:') + 2]} {word}\n```"

    task = replace(made_up_task(30, 40, 20), program=program)
    settings = replace(SETTINGS, edits=1)
    work = run_in_memory(task, say_right, Evolve(settings), FakeModel(answer), FakeModel(critic), max_calls=700, seed=1)
    done = [e.attempt for e in asyncio.run(work).events if isinstance(e, AttemptDone) and e.attempt.number >= 0]
    return [one for one in done if one.operator == "rewrite" and one.outcome in ("kept", "dropped")]


def test_a_programs_rewrite_that_mends_no_row_that_it_was_written_from_is_not_raced() -> None:
    found = raced("run")
    idle = [one for one in found if one.candidate is not None and one.candidate.rationale == "idle"]
    assert len(idle) >= 3
    assert {(one.outcome, one.rows, one.reason) for one in idle} <= {
        ("dropped", 0, f"no better on {n} failing train rows that it was written from") for n in range(1, 9)
    }
    assert any(one.outcome == "kept" and one.rows for one in found)


def test_a_single_prompts_rewrite_is_raced_at_once() -> None:
    assert not [one for one in raced("") if "written from" in one.reason]
