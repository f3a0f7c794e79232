from __future__ import annotations

import asyncio
import json
import re
from collections import Counter
from itertools import combinations
from pathlib import Path

import pytest

from topout.contracts import Solved
from topout.domain import Request, Scored, Split, Task
from topout.plugins.tasks import load_task
from topout.testing.fakes import FakeModel

TASKS = Path(__file__).parents[2] / "tasks"


def loaded(name: str) -> Task:
    folder = load_task(TASKS / name)
    assert folder.warnings == ()
    for example in folder.task.rows("train"):
        answer = example.expected if isinstance(example.expected, str) else json.dumps(example.expected)
        score = folder.scorer(answer, example)
        assert isinstance(score, Scored)
        assert (score.value, score.feedback) == (1.0, "")
    return folder.task


def test_support_tickets_has_eighteen_balanced_categories() -> None:
    task = loaded("support-tickets")
    assert len(task.labels) == 18
    share: dict[Split, int] = {"train": 30, "dev": 12, "holdout": 24, "shift": 5}
    for split, count in share.items():
        assert Counter(e.expected for e in task.rows(split)) == dict.fromkeys(task.labels, count)
    assert not [
        e.id
        for rows in task.splits.values()
        for e in rows
        if any(label in e.inputs["text"] for label in task.labels if "_" in label)
    ]


def test_order_emails_holds_what_is_asked_for() -> None:
    task = loaded("order-emails")
    assert {split: len(rows) for split, rows in task.splits.items()} == {"train": 102, "dev": 84, "holdout": 122, "shift": 60}
    for rows in task.splits.values():
        for e in rows:
            assert isinstance(e.expected, dict)
            assert str(e.expected["order_number"]) in e.inputs["text"]
            assert str(e.expected["customer"]) in e.inputs["text"]


@pytest.mark.parametrize("name", ["support-tickets", "order-emails"])
def test_no_two_rows_are_near_duplicates(name: str) -> None:
    words = [frozenset(re.findall(r"\w+", e.inputs["text"].lower())) for rows in loaded(name).splits.values() for e in rows]
    assert max(len(a & b) / len(a | b) for a, b in combinations(words, 2)) <= 0.5


def test_two_hop_finds_the_fact_when_its_steps_say_the_right_words() -> None:
    folder = load_task(TASKS / "two-hop")
    assert {split: len(rows) for split, rows in folder.task.splits.items()} == {"train": 200, "dev": 100, "holdout": 260}
    assert [c.name for c in folder.task.baseline.components] == ["first", "second", "answer"]
    question = "Which profession has the person behind the beginnings of Maple Observatory?"
    row = next(e for e in folder.task.rows("dev") if e.inputs["question"] == question)
    replies = {"first": "founder", "second": "trade", "answer": "glazier"}

    def answer(request: Request) -> str:
        step = next(c.name for c in folder.task.baseline.components if c.text[:40] in request.messages[0].content)
        field = "answer" if step == "answer" else "words"
        return f"[[ ## {field} ## ]]\n{replies[step]}\n\n[[ ## completed ## ]]"

    assert folder.program is not None
    solved = asyncio.run(folder.program.bind(folder.task.baseline)(row, 0, FakeModel(answer), "fake"))
    assert isinstance(solved, Solved)
    assert [dict(step.asked) for step in solved.steps] == [
        {"question": question},
        {"question": question, "passage": "Maple Observatory had Thea Zander as its founder."},
        {"question": question, "fact": "The trade of Thea Zander is that of a glazier."},
    ]
    assert folder.scorer(solved.answer, row) == Scored(1.0, "")


def test_a_json_scorers_schema_is_at_hand_for_exports() -> None:
    schema = load_task(TASKS / "order-emails").output_schema
    assert schema is not None and schema["type"] == "object"
    assert load_task(TASKS / "support-tickets").output_schema is None
