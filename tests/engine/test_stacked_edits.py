"""A rewrite is several edits, one upon the other, and one race tells of them together."""

from __future__ import annotations

import asyncio
from collections import Counter

from topout.domain import AttemptDone, Critiqued, Event, Request
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
