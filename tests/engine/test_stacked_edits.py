"""A rewrite is several edits, one upon the other or asked for at the same time, and one race tells of them together."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import pytest

from topout.domain import Attempt, AttemptDone, Critiqued, Event, Request
from topout.search.evolve import Evolve, EvolveSettings
from topout.testing.engine_room import run_in_memory
from topout.testing.fakes import FakeModel, UnevenModel, fixed_accuracy, made_up_task, say_right

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


def in_sentences(request: Request) -> str:
    """The same, with a sentence instead of a word."""
    return re.sub(r" (w\d+)(?=\n```$)", r" Say \1.", adding(request))


def at_once(salt: int, before: Sequence[Event] = ()) -> list[Event]:
    """A run whose edits are asked for at the same time; `salt` changes who is answered first."""
    settings = replace(SETTINGS, lanes=3, together=True)
    model, critic = UnevenModel(fixed_accuracy(0.5, 3), salt), UnevenModel(in_sentences, salt)
    work = run_in_memory(made_up_task(30, 20, 20), say_right, Evolve(settings), model, critic, max_calls=300, seed=2, before=before)
    return asyncio.run(work).events


def decisions(events: Sequence[Event]) -> list[tuple[int, str, str]]:
    """What was tried, in order."""
    found = [e.attempt for e in events if isinstance(e, AttemptDone)]
    return [(one.number, one.outcome, one.candidate.id if one.candidate else "") for one in found]


def test_edits_asked_for_at_the_same_time_are_joined() -> None:
    events = at_once(0)
    texts = {
        e.attempt.candidate.id: e.attempt.candidate.prompt.components[0].text
        for e in events
        if isinstance(e, AttemptDone) and e.attempt.candidate
    }
    refused = Counter(e.attempt for e in events if isinstance(e, Critiqued) and e.text == "no")
    tried = [
        e.attempt
        for e in events
        if isinstance(e, AttemptDone) and e.attempt.outcome in ("kept", "dropped") and e.attempt.operator == "rewrite"
    ]
    assert any(refused[one.number] == 0 for one in tried)
    for one in tried:
        assert one.candidate is not None
        asked = {e.turn: e.text for e in events if isinstance(e, Critiqued) and e.attempt == one.number}
        assert sorted(asked) == [1, 2, 3]
        added = {asked[turn].split()[1] for turn in asked if asked[turn] != "no"}
        assert {f"{word}." for word in added} <= set(texts[one.candidate.id].split())


def test_who_is_answered_first_decides_nothing() -> None:
    runs = [at_once(salt) for salt in (0, 1, 2)]
    assert len({tuple(e.turn for e in run if isinstance(e, Critiqued) and e.attempt >= 0) for run in runs}) > 1
    assert decisions(runs[0]) == decisions(runs[1]) == decisions(runs[2])


@pytest.mark.parametrize("share", [0.3, 0.5, 0.8])
def test_a_run_that_was_cut_between_two_replies_goes_on_as_if_it_had_not_been(share: float) -> None:
    whole = at_once(1)
    told = [i for i, event in enumerate(whole) if isinstance(event, Critiqued) and event.attempt >= 0]
    cut = told[int(share * len(told))] + 1
    assert decisions(at_once(2, whole[:cut])) == decisions(whole)
