"""A run in a storage of Optuna while it goes on: what a team sees there, through kills, and when the storage is not there."""

from __future__ import annotations

import contextlib
import os
import signal
import sqlite3
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.storages import RDBStorage, fail_stale_trials
from optuna.trial import FrozenTrial

import topout as public
from topout.app import load_run
from topout.app.mirroring import LOST, Shelf
from topout.domain import AttemptDone
from topout.report.study import Trial
from topout.store.journal import read_journal
from topout.testing.provider import Provider

pytestmark = pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")

URL = "sqlite:///study.db"


def study(url: str = URL, **heartbeat: int) -> optuna.Study:
    """The only study of a storage."""
    storage = RDBStorage(url, **heartbeat)
    return optuna.load_study(study_name=storage.get_all_studies()[0].study_name, storage=storage)


def states(url: str = URL) -> list[str]:
    """The states of its trials as the file has them, none while there is no study."""
    with contextlib.closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as database:
        made = database.execute("SELECT name FROM sqlite_master WHERE name = 'trials'").fetchall()
        return [str(row[0]) for row in database.execute("SELECT state FROM trials")] if made else []


def trials(url: str = URL) -> list[FrozenTrial]:
    """Its trials, none while there is no study."""
    return study(url).trials if states(url) else []


def wait_for(condition: Callable[[], object]) -> None:
    """Until it holds, five minutes at most: a busy machine is no failure."""
    until = time.monotonic() + 300
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.05)


def decided(run: Path) -> dict[int, str]:
    """The attempts of a journal with their outcomes."""
    return {e.attempt.number: e.attempt.outcome for e in read_journal(run / "journal.jsonl") if isinstance(e, AttemptDone)}


def test_each_attempt_of_a_run_is_a_trial_with_what_it_paired_and_its_dev_score(tiny_task: Path) -> None:
    view = public.optimize(tiny_task, recipe="fewshot", max_calls=250, study=URL)
    found = study()
    assert found.study_name == view.folder.name
    assert found.user_attrs["task"] == "small" and found.user_attrs["recipe"] == "fewshot"
    shown = {t.user_attrs["attempt"]: t for t in found.trials}
    assert {number: t.user_attrs["outcome"] for number, t in shown.items()} == decided(view.folder)
    assert len(shown) == len(found.trials) > 2
    assert shown[-1].params == {"demos": 0, "instructions": 0}
    assert shown[-1].value == pytest.approx(view.findings.dev.baseline.mean)
    assert {t.state.name for t in found.trials if t.value is not None} == {"COMPLETE"}
    assert all(t.state.name == "FAIL" for t in found.trials if t.value is None)


def test_who_watches_changes_nothing_that_is_decided(tiny_task: Path) -> None:
    watched = public.optimize(tiny_task, max_calls=300, study=URL, runs_dir="watched")
    alone = public.optimize(tiny_task, max_calls=300, runs_dir="alone")
    told = [[e.attempt for e in read_journal(v.folder / "journal.jsonl") if isinstance(e, AttemptDone)] for v in (watched, alone)]
    assert told[0] == told[1]


def test_a_killed_driver_leaves_running_trials_that_a_stranger_can_tell_from_living_ones_and_a_resume_counts_none_twice(
    slow_provider: Provider, tiny_task: Path, start: Any, topout: Any
) -> None:
    words = ["optimize", tiny_task, *slow_provider.words, "--max-calls", 300, "--concurrency", 2, "-q", "--study", URL]
    killed = start(*words)
    wait_for(lambda: killed.poll() is not None or (states().count("COMPLETE") >= 2 and "RUNNING" in states()))
    os.kill(killed.pid, signal.SIGKILL)
    killed.wait()
    left = [t for t in trials() if t.state.name == "RUNNING"]
    assert left
    with contextlib.closing(sqlite3.connect("study.db")) as database:
        beats = database.execute("SELECT count(*) FROM trial_heartbeats").fetchone()
    assert beats[0] >= len(left)
    fail_stale_trials(study(heartbeat_interval=60))
    assert [t for t in trials() if t.state.name == "RUNNING"]  # it may be alive, for all that a stranger knows
    run = next(Path("runs").glob("2*"))
    assert topout("resume", run, "-q").code == 0
    after = trials()
    assert not [t for t in after if t.state.name == "RUNNING"]
    counted = Counter(t.user_attrs["attempt"] for t in after if t.user_attrs["outcome"] != LOST)
    assert counted == Counter(decided(run).keys())
    lost = [t for t in after if t.user_attrs["outcome"] == LOST]
    assert {t.state.name for t in lost} <= {"FAIL"} and len(study().best_trials) >= 1


def test_a_stranger_ends_the_trials_of_a_session_that_fell_silent_and_a_later_decision_still_counts_once() -> None:
    shelf = Shelf(URL, "run-1", {})
    shelf.bring([], [-1])
    time.sleep(2.1)
    fail_stale_trials(study(heartbeat_interval=1, grace_period=1))
    assert [t.state.name for t in trials()] == ["FAIL"]
    shelf.bring([Trial(-1, {"demos": 0, "instructions": 0}, 0.5, "kept", "late", 10, "c")], [])
    assert [(t.state.name, t.value) for t in trials()] == [("FAIL", None), ("COMPLETE", 0.5)]


def test_a_round_that_broke_off_anywhere_is_mended_by_the_next_one() -> None:
    """Whatever of a round was written before it broke: the next session finds it."""
    done = Trial(-1, {"demos": 0, "instructions": 0}, 0.5, "kept", "first", 10, "c")
    first = Shelf(URL, "run-1", {})
    first.bring([], [-1, 0])
    storage = RDBStorage(URL)
    half = storage.get_all_trials(1)[0]
    storage.set_trial_user_attr(half._trial_id, "outcome", "kept")  # and killed, before its value was
    second = Shelf(URL, "run-1", {})
    second.bring([done], [0])
    second.bring([done], [0])
    shown = [(t.state.name, t.user_attrs["attempt"], t.user_attrs.get("outcome")) for t in trials()]
    assert shown == [("FAIL", -1, LOST), ("FAIL", 0, LOST), ("COMPLETE", -1, "kept"), ("RUNNING", 0, None)]
    second.drop()
    second.bring([done], [0])
    assert len(trials()) == 4


def test_a_storage_that_cannot_be_written_is_said_once_and_stops_nothing(tiny_task: Path, topout: Any) -> None:
    said = topout("optimize", tiny_task, "--max-calls", 150, "--study", "sqlite:///no/such/folder/study.db")
    assert said.code == 0
    assert said.err.count("--study") == 1
    line = next(line for line in said.err.splitlines() if "--study" in line)
    assert line.startswith(
        "--study sqlite:///no/such/folder/study.db: cannot be written (unable to open database file). The run goes on"
    )
    quiet = topout("optimize", tiny_task, "--max-calls", 150, "-q", "--study", "sqlite:///no/such/folder/study.db")
    assert quiet.err.count("\n") == 1 and quiet.code == 0
    with pytest.warns(RuntimeWarning, match="cannot be written"):
        public.optimize(tiny_task, max_calls=150, study="sqlite:///no/such/folder/study.db")


def test_a_run_finds_its_study_from_another_folder(
    slow_provider: Provider, tiny_task: Path, start: Any, topout: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed = start("optimize", tiny_task, *slow_provider.words, "--max-calls", 150, "-q", "--study", URL)
    wait_for(lambda: killed.poll() is not None or states())
    killed.kill()
    killed.wait()
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    run = next(tmp_path.glob("runs/2*"))
    assert topout("resume", run, "-q").code == 0
    assert not Path("study.db").exists()
    shown = trials(f"sqlite:///{tmp_path}/study.db")
    assert sorted(t.user_attrs["attempt"] for t in shown if t.user_attrs["outcome"] != LOST) == sorted(decided(run))
    assert load_run(run).findings.ended is not None


def test_a_driver_that_was_killed_when_only_its_study_was_unfinished_leaves_that_to_the_resume(tiny_task: Path) -> None:
    view = public.optimize(tiny_task, max_calls=300, study=URL)
    Path("study.db").unlink()
    half = Shelf(URL, view.folder.name, {})
    half.bring([], [-1, 0])
    half.drop()
    assert not public.resume(view.folder).went_on
    shown = [(t.state.name, t.user_attrs["attempt"]) for t in trials() if t.user_attrs["outcome"] != LOST]
    assert sorted(number for _, number in shown) == sorted(decided(view.folder))
    assert "RUNNING" not in {t.state.name for t in trials()}


def test_a_run_that_never_began_leaves_no_study(tiny_task: Path, topout: Any) -> None:
    said = topout("optimize", tiny_task, "--model", "openai/none", "--api-base", "http://127.0.0.1:9/v1", "--study", URL, "-q")
    assert said.code != 0
    assert not Path("study.db").exists()
