"""A run of `fewshot` as an Optuna study that can be opened."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

import optuna
import pytest
from optuna.storages.journal import JournalFileBackend

from topout.domain import Event
from topout.report.findings import Findings, find
from topout.report.study import study_log, trials_of
from topout.search.fewshot import Fewshot, FewshotSettings
from topout.testing.engine_room import run_in_memory
from topout.testing.fakes import FakeModel, fixed_accuracy, made_up_task, say_right, writing_critic


@pytest.fixture(scope="module")
def found() -> Findings:
    optimizer = Fewshot(FewshotSettings(lanes=2, demo_sets=4, max_demos=6, instructions=2, read_rows=8, first_block=8))
    run = run_in_memory(
        made_up_task(30, 30, 30), say_right, optimizer, FakeModel(fixed_accuracy(0.6)), FakeModel(writing_critic()), max_calls=500
    )
    return find(asyncio.run(run).events)


def test_a_trial_is_an_attempt_with_what_it_paired_and_what_it_is_worth(found: Findings) -> None:
    trials = trials_of(found)
    assert (trials[0].attempt, trials[0].demos, trials[0].instructions, trials[0].outcome) == (-1, 0, 0, "kept")
    assert trials[0].value == pytest.approx(found.dev.baseline.mean)
    assert len({(t.demos, t.instructions) for t in trials}) > 3
    assert all(t.value is not None and 0 <= t.value <= 1.2 for t in trials if t.outcome in ("kept", "dropped"))


def test_optuna_reads_the_study_back(found: Findings, tmp_path: Path) -> None:
    path = tmp_path / "study.log"
    path.write_bytes(study_log(found, "a run"))
    storage = optuna.storages.JournalStorage(JournalFileBackend(str(path)))
    study = optuna.load_study(study_name="a run", storage=storage)
    trials = trials_of(found)
    assert len(study.trials) == len(trials)
    assert study.best_value == pytest.approx(max(t.value for t in trials if t.value is not None))
    assert study.trials[0].user_attrs["candidate"] == found.baseline.id


def test_a_kill_leaves_no_trial_behind_that_is_under_way_for_ever() -> None:
    """There is no study to lose while the search runs: each plan refills one from the committed attempts, so a run that was cut off anywhere and resumed has the
    trials of the uninterrupted one, each of them decided."""
    settings = FewshotSettings(lanes=2, demo_sets=4, max_demos=6, instructions=2, read_rows=8, first_block=8)
    task = made_up_task(30, 30, 30)

    def run(before: list[Event]) -> list[Event]:
        model, critic = FakeModel(fixed_accuracy(0.6)), FakeModel(writing_critic())
        return asyncio.run(run_in_memory(task, say_right, Fewshot(settings), model, critic, max_calls=500, before=before)).events

    whole = run([])
    trials = trials_of(find(whole))
    assert len(trials) > 6
    for cut in (len(whole) // 4, len(whole) // 2, len(whole) * 3 // 4):
        resumed = find(run(whole[:cut]))
        assert trials_of(resumed) == trials
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "study.log"
            path.write_bytes(study_log(resumed, "a run"))
            study = optuna.load_study(study_name="a run", storage=optuna.storages.JournalStorage(JournalFileBackend(str(path))))
            assert {trial.state.name for trial in study.trials} <= {"COMPLETE", "FAIL"}
