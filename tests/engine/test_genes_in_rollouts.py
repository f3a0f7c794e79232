"""Genes at work: what is asked, what is scored, what it takes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest

from topout.domain import Candidate, Failure, Request, Rollout, RolloutDone, Scored, Task, Unscored
from topout.engine.halt import Halt
from topout.engine.harness import Harness, Seat
from topout.engine.local import LocalExecutor
from topout.engine.replay import Replay
from topout.engine.voting import alike, majority
from topout.store.codec import decode, encode
from topout.testing.fakes import FakeModel, MemoryJournal, made_up_task, say_right
from topout.text.fingerprints import prompt_id

TASK = made_up_task(6, 3, 3)
Answer = Callable[[Request], str | Failure]


def rolled(answer: Answer, task: Task = TASK, split: str = "dev", **genes: object) -> tuple[Rollout, FakeModel, list[Request]]:
    """One rollout of the baseline with these genes, the model, and what it was asked."""
    prompt = replace(task.baseline, **genes)  # type: ignore[arg-type]  # genes by name
    seen: list[Request] = []

    def noting(request: Request) -> str | Failure:
        seen.append(request)
        return answer(request)

    model, journal = FakeModel(noting), MemoryJournal()
    seat = Seat(model, "fake")
    harness = Harness(task, LocalExecutor(task, say_right, seat, seat), journal, Replay(), Halt())
    rows = task.rows("train" if split == "train" else "dev")
    found = asyncio.run(harness.measure(0, Candidate(prompt_id(prompt), prompt), rows[:1]))
    assert found is not None
    done = journal.events[0]
    assert isinstance(done, RolloutDone)
    again = decode(encode(done))
    assert isinstance(again, RolloutDone)
    assert (again.rollout.calls, again.rollout.unread) == (found[0].calls, found[0].unread)
    return found[0], model, seen


def test_the_scorer_gets_the_final_answer_and_the_trace_keeps_the_reasoning() -> None:
    rollout, _, _ = rolled(lambda request: "It is a row.\nAnswer: right", reasoning="think")
    assert (rollout.answer, rollout.score, rollout.unread) == ("right", Scored(1.0, "right"), 0)
    assert rollout.steps[0].answered == "It is a row.\nAnswer: right"


def test_a_missing_mark_is_counted() -> None:
    rollout, _, _ = rolled(lambda request: "It is a row.\nright", reasoning="think")
    assert (rollout.answer, rollout.unread) == ("right", 1)


def test_json_is_asked_for_by_schema_too() -> None:
    rollout, _, seen = rolled(lambda request: '{"answer": "right"}', answer_format="json")
    assert rollout.answer == "right"
    assert '"required": ["answer"]' in seen[0].json_schema


def test_votes_are_samples_above_temperature_0_and_all_of_them_are_counted() -> None:
    said = {0: "wrong", 1: "right", 2: " Right"}
    rollout, model, seen = rolled(lambda request: said[request.sample], votes=3)
    assert (rollout.answer, rollout.calls, model.asked) == ("right", 3, 3)
    assert [(r.sample, r.temperature) for r in seen] == [(0, 0.7), (1, 0.7), (2, 0.7)]
    assert rollout.prompt_tokens == sum(len(r.messages[-1].content) // 4 for r in seen)


def test_votes_keep_the_temperature_of_the_task() -> None:
    _, _, seen = rolled(lambda request: "right", replace(TASK, temperature=1.1), votes=2)
    assert {r.temperature for r in seen} == {1.1}


@pytest.mark.parametrize(("lost", "answer"), [(1, "right"), (2, "")])
def test_most_votes_have_to_come(lost: int, answer: str) -> None:
    down = Failure("outage", "down")
    rollout, _, _ = rolled(lambda request: down if request.sample < lost else "right", votes=3)
    assert (rollout.answer, isinstance(rollout.score, Unscored), rollout.calls) == (answer, answer == "", 3)


def test_neighbours_are_shown_nearest_last_and_never_the_row_itself() -> None:
    _, _, seen = rolled(lambda request: "right", split="train", retrieved=2)
    shown = [m.content for m in seen[0].messages]
    assert "Row: train row number 0" not in shown[:-1]
    assert [m.role for m in seen[0].messages] == ["system", "user", "assistant", "user", "assistant", "user"]
    assert shown[-1] == "Row: train row number 0"


def test_neighbours_that_are_demos_already_are_not_shown_twice() -> None:
    from topout.search.demos import as_demo

    demos = tuple(as_demo(row) for row in TASK.rows("train")[:5])
    _, _, seen = rolled(lambda request: "right", retrieved=3, demos=demos)
    assert sum(m.role == "assistant" for m in seen[0].messages) == 6


@pytest.mark.parametrize(
    ("scorer", "answers", "winner"),
    [
        ("label", ["Refund.", "delivery", "Answer: refund"], "Refund."),
        ("numeric", ["1,249.50", "12", "It is 1249.5"], "1,249.50"),
        ("json", ['{"a": 1, "b": 2}', "{}", '{"b": 2, "a": 1}'], '{"a": 1, "b": 2}'),
        ("exact", ["b", "a"], "b"),
        ("exact", ["x", "a  b", "A b"], "a  b"),
    ],
)
def test_the_majority_counts_as_the_scorer_reads_it_and_the_first_of_equals(scorer: str, answers: list[str], winner: str) -> None:
    assert majority(answers, scorer) == winner


def test_answers_that_are_no_number_are_compared_as_texts() -> None:
    assert alike(" none ", "numeric") == "none"
