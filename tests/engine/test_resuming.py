"""The journal is the checkpoint: a run that was cut anywhere and taken up again is the run that never stopped."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from topout.domain import AttemptDone, Critiqued, Event, Failure, Request, RolloutDone, RunResumed
from topout.errors import JournalError
from topout.search.evolve import Evolve, EvolveSettings
from topout.store.journal import read_journal
from topout.testing.engine_room import Outcome, run_in_memory
from topout.testing.fakes import UnevenModel, fixed_accuracy, made_up_task, say_right, writing_critic

SETTINGS = EvolveSettings(lanes=3, read_rows=8, first_block=4)
Answer = Callable[[Request], str | Failure]


def played(
    before: Sequence[Event] = (), answer: Answer | None = None, capacity: int = 1, seed: int = 5, critic: Answer | None = None
) -> tuple[Outcome, UnevenModel, UnevenModel]:
    model = UnevenModel(answer or fixed_accuracy(0.6, seed), salt=seed, capacity=capacity)
    judge = UnevenModel(critic or writing_critic(), salt=seed, capacity=capacity)
    task = made_up_task(20, 24, 30, 4)
    work = run_in_memory(task, say_right, Evolve(SETTINGS), model, judge, max_calls=300, seed=seed, before=before)
    return asyncio.run(work), model, judge


def decisions(outcome: Outcome) -> list[AttemptDone]:
    return [e for e in outcome.events if isinstance(e, AttemptDone)]


def answered(events: Sequence[Event]) -> Counter[tuple[str, str]]:
    return Counter((e.rollout.candidate, e.rollout.example) for e in events if isinstance(e, RolloutDone))


def critiqued(events: Sequence[Event]) -> Counter[int]:
    return Counter(e.attempt for e in events if isinstance(e, Critiqued))


@pytest.mark.parametrize("capacity", [1, 16])
def test_cut_after_any_event_and_taken_up_again_it_ends_alike_and_asks_nothing_twice(capacity: int) -> None:
    whole, model, critic = played(capacity=capacity)
    for cut in range(1, len(whole.events), 9):
        again, rest, judge = played(whole.events[:cut], capacity=capacity)
        assert again.finish == whole.finish
        assert decisions(again) == decisions(whole)
        assert answered(again.events) == answered(whole.events)
        assert critiqued(again.events) == critiqued(whole.events)
        assert sum(answered(whole.events[:cut]).values()) + rest.asked == model.asked
        assert sum(critiqued(whole.events[:cut]).values()) + judge.asked == critic.asked


def test_cut_many_times_over_it_ends_alike() -> None:
    whole, model, _ = played()
    events: list[Event] = []
    for cut in range(40, len(whole.events), 40):
        events = played(events)[0].events[:cut]
    again, _, _ = played(events)
    assert again.finish.winner == whole.finish.winner
    assert decisions(again) == decisions(whole)
    assert sum(answered(again.events).values()) == model.asked


def test_a_finished_run_taken_up_again_asks_nothing() -> None:
    whole, _, _ = played()
    again, model, critic = played(whole.events)
    assert (model.asked, critic.asked) == (0, 0)
    assert again.finish == whole.finish


class Recovering:
    """A provider with whom a share of calls fails in the first session, none later."""

    def __init__(self, share: float, seed: int) -> None:
        self._fails, self._answers = fixed_accuracy(share, seed + 1000), fixed_accuracy(0.6, seed)
        self.down = True

    def __call__(self, request: Request) -> str | Failure:
        return Failure("outage", "down") if self.down and self._fails(request) == "right" else self._answers(request)


@pytest.mark.parametrize("seed", range(12))
def test_what_was_decided_on_failures_stands_when_the_provider_has_recovered(seed: int) -> None:
    provider = Recovering(0.15, seed)
    whole, _, _ = played(answer=provider, capacity=16, seed=seed)
    for cut in range(30, len(whole.events), 23):
        before = whole.events[:cut]
        provider.down = True
        if not any(isinstance(e, AttemptDone) for e in before):
            continue
        provider.down = False
        once, _, _ = played(before, provider, 16, seed)
        twice, _, _ = played(once.events[: (cut + len(once.events)) // 2], provider, 16, seed)
        settled = [e for e in before if isinstance(e, AttemptDone)]
        assert decisions(once)[: len(settled)] == settled
        assert decisions(twice) == decisions(once)


def test_a_critic_that_failed_an_uncommitted_attempt_is_asked_again() -> None:
    def failing(request: Request) -> str | Failure:
        return "ready" if request.seed is None else Failure("outage", "down")

    whole, _, _ = played(critic=failing)
    first = next(i for i, e in enumerate(whole.events) if isinstance(e, Critiqued) and e.failure)
    again, _, judge = played(whole.events[: first + 1])
    number = next(e.attempt for e in whole.events if isinstance(e, Critiqued) and e.failure)
    assert judge.asked > 0
    assert decisions(again)[number + 1].attempt.outcome != "rejected"


def test_another_task_under_an_old_journal_is_told() -> None:
    whole, _, _ = played()
    model, critic = UnevenModel(fixed_accuracy(0.6, 99)), UnevenModel(writing_critic(21))
    kept = [e for e in whole.events if not isinstance(e, RolloutDone | Critiqued)]
    with pytest.raises(BaseExceptionGroup) as caught:
        work = run_in_memory(
            made_up_task(20, 24, 30, 4), say_right, Evolve(SETTINGS), model, critic, max_calls=300, seed=5, before=kept
        )
        asyncio.run(work)
    first = caught.value.exceptions[0]
    while isinstance(first, BaseExceptionGroup):
        first = first.exceptions[0]
    assert isinstance(first, JournalError)
    assert "start a new run" in str(first)


SCRIPT = """
import asyncio, sys, time
from pathlib import Path
from topout.domain import RunEnded, RunResumed, RunStarted
from topout.search.evolve import Evolve, EvolveSettings
from topout.store.journal import JournalFile, read_journal
from topout.testing.engine_room import run_in_memory
from topout.testing.fakes import FakeModel, fixed_accuracy, made_up_task, say_right, writing_critic

path, asked = Path(sys.argv[1]), Path(sys.argv[2]).open("a")
answer = fixed_accuracy(0.6, 5)

def counted(request):
    asked.write(".")
    asked.flush()
    return answer(request)

before = read_journal(path) if path.exists() and path.stat().st_size else []
journal = JournalFile(path).open()
journal.append(RunResumed(time.time()) if before else RunStarted(1, "killed", {}, {}, time.time()))
model, critic = FakeModel(counted, latency_s=0.002, capacity=1), FakeModel(writing_critic(), latency_s=0.002)
settings = EvolveSettings(lanes=3, read_rows=8, first_block=4)
work = run_in_memory(
    made_up_task(20, 24, 30, 4), say_right, Evolve(settings), model, critic, max_calls=300, seed=5, before=before, journal=journal
)
finish = asyncio.run(work).finish
journal.append(RunEnded(finish.ending, finish.reason, time.time()))
journal.close()
"""


def test_killed_ten_times_it_ends_with_the_winner_of_the_run_that_was_not(tmp_path: Path) -> None:
    whole, model, _ = played()
    path, asked = tmp_path / "journal.jsonl", tmp_path / "asked"
    command = [sys.executable, "-c", SCRIPT, str(path), str(asked)]
    rng, kills, resumed = random.Random(0), 0, 0
    while kills < 10:
        size = path.stat().st_size if path.exists() else 0
        process = subprocess.Popen(command)
        while process.poll() is None and (not path.exists() or path.stat().st_size < size + 2000):
            time.sleep(0.002)
        time.sleep(rng.random() * 0.02)
        if process.poll() is None:
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
            kills, resumed = kills + 1, resumed + 1
        else:
            assert process.returncode == 0
            path.unlink()
            asked.unlink()
            resumed = 0
    assert subprocess.run(command, check=False).returncode == 0
    events = read_journal(path)
    settled = [e for e in events if isinstance(e, AttemptDone)]
    assert settled == decisions(whole)
    assert max(answered(events).values()) == 1
    assert sum(isinstance(e, RunResumed) for e in events) == resumed
    assert len(asked.read_text()) - model.asked <= 10
