from __future__ import annotations

import json
import re
from collections import Counter
from itertools import combinations
from pathlib import Path

import pytest

from topout.domain import Scored, Split, Task
from topout.plugins.tasks import load_task

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


def test_a_json_scorers_schema_is_at_hand_for_exports() -> None:
    schema = load_task(TASKS / "order-emails").output_schema
    assert schema is not None and schema["type"] == "object"
    assert load_task(TASKS / "support-tickets").output_schema is None
