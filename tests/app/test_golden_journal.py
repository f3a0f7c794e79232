"""A journal that was written once and is read for ever: tests/app/golden holds a run of an optimizer of one's own (climb.py) on a task of 20 rows.

When this test fails, runs that users have on their disks can no longer be read or resumed. Either that was not meant (a field that lost its default, an
event or a value that changed its name), or the journal's form has really changed: then raise `SCHEMA` in src/topout/store/codec.py, so that older
journals are refused in one line instead of misread, and record the golden run anew: the task from `topout.testing.provider.make_task` with 6 train, 6 dev
and 8 holdout rows, `topout.optimize("task", model="openai/reader", critic="openai/critic", recipe="climb.py", max_calls=64, seed=5, concurrency=1)`
against a `topout.testing.faults.FaultyProvider()`.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from topout.app import load_run
from topout.domain import AttemptDone, RunEnded
from topout.errors import JournalError
from topout.store.codec import SCHEMA, decode, encode
from topout.store.journal import read_journal

Topout = Callable[..., Any]
GOLDEN = Path(__file__).parent / "golden"


@pytest.fixture
def golden(tmp_path: Path) -> Path:
    """The run's folder, with its task and its optimizer where it left them."""
    shutil.copytree(GOLDEN / "task", tmp_path / "task")
    shutil.copy(GOLDEN / "climb.py", tmp_path / "climb.py")
    run = tmp_path / "runs" / "golden"
    run.mkdir(parents=True)
    shutil.copy(GOLDEN / "journal.jsonl", run / "journal.jsonl")
    return run


def test_the_golden_journal_is_of_the_schema_that_this_topout_writes() -> None:
    first = json.loads((GOLDEN / "journal.jsonl").read_text().splitlines()[0])
    assert first["schema"] == SCHEMA == 1


def test_every_line_is_still_an_event_and_loses_nothing_on_its_way_through() -> None:
    lines = (GOLDEN / "journal.jsonl").read_text().splitlines()
    assert len(lines) == 62
    for line in lines:
        before, after = json.loads(line), json.loads(encode(decode(line)))
        assert {name: after[name] for name in before} == before or before["event"] == "RolloutDone"
        if before["event"] == "RolloutDone":
            assert after["rollout"] == before["rollout"] and after["attempt"] == before["attempt"]


def test_it_says_what_it_said_when_it_was_written(golden: Path) -> None:
    f = load_run(golden).findings
    assert (f.baseline.id, f.winner.id) == ("c59c83612de1", "97ad05a97e78")
    assert [(d.attempt.outcome, d.calls, d.task_calls) for d in f.attempts] == [
        ("kept", 7, 6),
        ("kept", 20, 18),
        ("dropped", 26, 24),
        ("kept", 33, 30),
        ("dropped", 39, 36),
    ]
    assert (f.holdout.baseline.mean, f.holdout.winner.mean, f.holdout.winner.n) == (0.375, 0.75, 8)
    assert (f.spend["task"].calls, f.spend["exam"].calls, f.spend["critic"].calls) == (36, 16, 3)


def test_replaying_it_decides_the_same_and_asks_nothing(golden: Path, topout: Topout) -> None:
    journal = golden / "journal.jsonl"
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join(lines[:-1]))
    done = topout("resume", golden, "-q")
    assert done.code == 0, done.err
    events = read_journal(journal)
    assert [type(event).__name__ for event in events[61:]] == ["RunResumed", "RunEnded"]
    assert isinstance(events[-1], RunEnded) and events[-1].ending == "budget"
    assert sum(isinstance(event, AttemptDone) for event in events) == 5


def test_a_journal_of_another_schema_is_refused_in_one_line(golden: Path, topout: Topout) -> None:
    journal = golden / "journal.jsonl"
    journal.write_bytes(journal.read_bytes().replace(b'"schema":1', b'"schema":2', 1))
    assert "written with journal schema 2, this topout reads 1" in topout("resume", golden, "-q").line
    with pytest.raises(JournalError):
        read_journal(journal)


def test_a_run_that_cannot_be_read_is_named_beside_the_list_of_the_others(golden: Path, topout: Topout) -> None:
    torn = golden.parent / "torn"
    shutil.copytree(golden, torn)
    (torn / "journal.jsonl").write_bytes(b"")
    done = topout("runs", "--runs-dir", golden.parent)
    assert done.code == 0 and done.out.startswith("golden\n") and "torn" not in done.out
    assert done.line == "torn: left out, its journal cannot be read. `topout show` says why."
