"""A run of `fewshot` as an Optuna study that can be opened."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

import optuna
import pytest
from optuna.storages.journal import JournalFileBackend

from topout.domain import AttemptDone, Event, RolloutDone, RunEnded, RunResumed
from topout.report.findings import Findings, find
from topout.report.study import Unfolding, study_log, trials_of
from topout.search.fewshot import Fewshot, FewshotSettings
from topout.testing.engine_room import Outcome, run_in_memory
from topout.testing.fakes import FakeModel, fixed_accuracy, made_up_task, say_right, writing_critic


@pytest.fixture(scope="module")
def found() -> Findings:
    return find(events())


async def a_run() -> Outcome:
    """A run of `fewshot` on a made-up task."""
    optimizer = Fewshot(FewshotSettings(lanes=2, demo_sets=4, max_demos=6, instructions=2, read_rows=8, first_block=8))
    return await run_in_memory(
        made_up_task(30, 30, 30), say_right, optimizer, FakeModel(fixed_accuracy(0.6)), FakeModel(writing_critic()), max_calls=500
    )


def test_a_trial_is_an_attempt_with_what_it_paired_and_what_it_is_worth(found: Findings) -> None:
    trials = trials_of(found)
    assert (trials[0].attempt, trials[0].params, trials[0].outcome) == (-1, {"demos": 0, "instructions": 0}, "kept")
    assert trials[0].value == pytest.approx(found.dev.baseline.mean)
    assert len({(t.params["demos"], t.params["instructions"]) for t in trials}) > 3
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


def test_event_by_event_an_attempt_is_under_way_from_its_first_reply_to_its_decision(found: Findings) -> None:
    """The same attempts as of the whole run, and no attempt twice: under way, decided, or not there yet."""
    unfolding = Unfolding()
    at_once = 0
    for event in events():
        news = unfolding.take(event)
        match event:
            case RolloutDone(number) if number >= -1:
                assert (number in unfolding.running) == (number not in [t.attempt for t in unfolding.decided])
            case AttemptDone(tried):
                assert news and unfolding.decided[-1].attempt == tried.number and tried.number not in unfolding.running
            case RunEnded():
                assert not unfolding.running
        at_once = max(at_once, len(unfolding.running))
    assert [t.attempt for t in unfolding.decided] == [done.attempt.number for done in found.attempts]
    known = [(t.attempt, dict(t.params), t.outcome) for t in unfolding.decided if t.candidate]
    assert known == [(t.attempt, dict(t.params), t.outcome) for t in trials_of(found)]
    assert at_once == 2  # the optimizer's lanes


def test_what_a_killed_session_left_under_way_is_under_way_no_more_when_the_next_one_begins() -> None:
    unfolding = Unfolding()
    whole = events()
    cut = next(i for i, event in enumerate(whole) if isinstance(event, AttemptDone) and event.attempt.number == 2)
    for event in whole[:cut]:
        unfolding.take(event)
    assert 2 in unfolding.running
    assert unfolding.take(RunResumed(0.0))
    assert not unfolding.running


def events() -> list[Event]:
    """Those of the run of `found`."""
    return asyncio.run(a_run()).events
