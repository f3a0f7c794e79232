"""The bundled tasks with programs: they do what their READMEs say."""

import asyncio
import re
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from topout.contracts import Solved
from topout.domain import Example, Request, Scored
from topout.plugins.tasks import TaskFolder, load_task
from topout.testing.fakes import FakeModel

TASKS = Path(__file__).parents[2] / "tasks"


@pytest.fixture(scope="module")
def sql() -> TaskFolder:
    return load_task(TASKS / "text-to-sql")


@pytest.fixture(scope="module")
def stockroom() -> TaskFolder:
    return load_task(TASKS / "stockroom")


def solve(folder: TaskFolder, row: Example, answer: Callable[[Request], str]) -> Solved:
    assert folder.program is not None
    solved = asyncio.run(folder.program.bind(folder.task.baseline)(row, 0, FakeModel(answer), "fake"))
    assert isinstance(solved, Solved)
    return solved


def score(folder: TaskFolder, row: Example, answer: str) -> tuple[float, str]:
    scored = folder.scorer(answer, row)
    assert isinstance(scored, Scored)
    return scored.value, scored.feedback


def test_every_expected_query_scores_and_has_rows_worth_asking_for(sql: TaskFolder) -> None:
    assert {split: len(rows) for split, rows in sql.task.splits.items()} == {"train": 80, "dev": 80, "holdout": 157}
    for rows in sql.task.splits.values():
        for row in rows:
            assert score(sql, row, str(row.expected)) == (1.0, "")


def test_a_query_counts_by_its_rows_not_by_its_words(sql: TaskFolder) -> None:
    row = Example("x", {"question": "?"}, "SELECT name FROM customers WHERE town = 'Oberau'")
    assert score(sql, row, "```sql\nSELECT c.name FROM customers AS c WHERE c.town LIKE 'Oberau' ORDER BY name DESC;\n```") == (
        1.0,
        "",
    )
    value, said = score(sql, row, "SELECT name FROM customers WHERE town = 'Quell'")
    assert value == 0.0
    assert "should not be there" in said and "is missing" in said


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("DELETE FROM customers", "SQLite: not authorized"),
        ("SELECT name FROM customers; DROP TABLE orders", "SQLite: You can only execute one statement at a time"),
        ("ATTACH DATABASE '/etc/passwd' AS x", "SQLite: not authorized"),
        ("PRAGMA table_info(orders)", "SQLite: not authorized"),
        ("SELECT a.id FROM items a, items b", "SQLite: no such column: a.id"),
        ("SELECT 1 FROM items, items, items", "the query gives more than 1000 rows"),
        ("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT COUNT(*) FROM n", "the query took more than 1 s"),
        ("", "0 rows, expected 1"),
    ],
)
def test_what_a_model_writes_can_neither_change_the_database_nor_hold_it_up(sql: TaskFolder, query: str, said: str) -> None:
    began = time.monotonic()
    value, feedback = score(sql, Example("x", {"question": "?"}, "SELECT COUNT(*) FROM customers"), query)
    assert value == 0.0
    assert feedback.startswith(said)
    assert time.monotonic() - began < 5
    assert score(sql, Example("x", {"question": "?"}, "SELECT COUNT(*) FROM customers"), "SELECT 60") == (1.0, "")


def test_a_query_that_is_refused_is_mended_once(sql: TaskFolder) -> None:
    row = sql.task.rows("dev")[0]
    replies = ["SELECT nme FROM customers", str(row.expected)]
    solved = solve(sql, row, lambda request: replies.pop(0))
    assert solved.answer == row.expected
    assert [s.component for s in solved.steps] == ["write", "database", "mend"]
    assert solved.steps[1].answered == "SQLite: no such column: nme"
    assert [s.component for s in solve(sql, row, lambda request: str(row.expected)).steps] == ["write", "database"]


def test_the_shops_database_is_sound() -> None:
    connection = sqlite3.connect(":memory:")
    connection.executescript((TASKS / "text-to-sql" / "shop.sql").read_text(encoding="utf-8"))
    assert connection.execute("PRAGMA foreign_key_check").fetchall() == []


def follows_the_rules(request: Request) -> str:
    """Looks both items up, computes, answers: for the questions on what pieces cost."""
    asked, done = request.messages[-1].content.split("Moves so far:\n")
    n, one, m, other = re.findall(r"What do (\d+) pieces of (.+) and (\d+) pieces of (.+) cost together", asked)[0]
    moves = done.splitlines()
    prices = re.findall(r"([\d.]+) a piece, \d+ pieces", done)
    if moves == ["none yet"]:
        return f"lookup: {one}"
    if len(moves) == 1:
        return f"lookup: {other}"
    return f"calc: {n}*{prices[0]} + {m}*{prices[1]}" if len(moves) == 2 else f"answer: {moves[-1].split(' -> ')[1]}"


def test_an_agent_that_follows_the_rules_answers_right(stockroom: TaskFolder) -> None:
    rows = [row for row in stockroom.task.rows("dev") if " cost together" in row.inputs["question"]]
    assert len(rows) >= 10
    for row in rows:
        solved = solve(stockroom, row, follows_the_rules)
        assert [s.component for s in solved.steps] == ["move", "lookup", "move", "lookup", "move", "calc", "move"]
        assert score(stockroom, row, solved.answer) == (1.0, "")


def test_an_agent_that_never_answers_is_stopped_and_wrong(stockroom: TaskFolder) -> None:
    solved = solve(stockroom, stockroom.task.rows("dev")[0], lambda request: "calc: 9**9**9")
    assert solved.answer == "no answer within 8 moves"
    assert len(solved.steps) == 16
    assert solved.steps[1].answered.startswith("cannot compute that")
