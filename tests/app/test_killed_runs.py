"""kill -9 at random moments, then `topout resume`: the same run in the end, and no reply bought twice beyond those in flight."""

from __future__ import annotations

import random
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from topout.app import load_run
from topout.domain import Critiqued, Event, RolloutDone, RunResumed
from topout.report.findings import Findings
from topout.store.journal import read_journal

Topout = Callable[..., Any]
Start = Callable[..., "subprocess.Popen[str]"]


def paid_keys(events: list[Event]) -> Counter[str]:
    """How often each request was journaled as paid."""
    calls = [e.rollout if isinstance(e, RolloutDone) else e for e in events if isinstance(e, RolloutDone | Critiqued)]
    return Counter(call.key for call in calls if call.paid and call.failure is None)


def outcome(found: Findings) -> dict[str, object]:
    """What two runs that are the same must agree on."""
    return {
        "winner": found.winner.id,
        "attempts": [(d.attempt, d.calls, d.task_calls, d.champion) for d in found.attempts],
        "curve": found.curve,
        "holdout": found.holdout,
        "verdict": found.verdict,
    }


def journal_of(runs: Path) -> Path | None:
    return next(iter(runs.glob("*/journal.jsonl")), None)


def kill_and_resume(
    start: Start, words: list[object], kills: int, seed: int, arrived: Callable[[], int], between: tuple[int, int]
) -> tuple[Path, int]:
    """Start a run and kill it as soon as some more requests have arrived, again and again, then let it finish. Its folder, and how often it was killed."""
    rng = random.Random(seed)
    runs = Path("killed-runs")
    done = 0
    process = start("optimize", *words, "--runs-dir", runs, "-q")
    for _ in range(kills):
        target = arrived() + rng.randint(*between)
        deadline = time.monotonic() + 60
        while process.poll() is None and arrived() < target and time.monotonic() < deadline:
            time.sleep(0.001)
        if process.poll() is not None:
            break
        time.sleep(rng.random() * 0.02)
        process.send_signal(signal.SIGKILL)
        process.wait()
        done += 1
        journal = journal_of(runs)
        fresh = journal is None or not journal.read_bytes().count(b"\n")
        process = start(*(["optimize", *words] if fresh else ["resume", journal.parent]), "--runs-dir", runs, "-q")  # type: ignore[union-attr]
    _, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    journal = journal_of(runs)
    assert journal is not None
    return journal.parent, done


def same_run_after_kills(
    task: Path, provider: Any, topout: Topout, start: Start, kills: int, calls: int, seed: int, concurrency: int = 1
) -> None:
    words = [task, *provider.words, "--max-calls", calls, "--concurrency", concurrency]
    whole = topout("optimize", *words, "--runs-dir", "whole", "--cache-dir", "whole-cache", "-q")
    assert whole.code == 0
    uninterrupted = load_run("latest", "whole")
    bought = paid_keys(read_journal(uninterrupted.folder / "journal.jsonl"))
    before, keys = provider.arrived, set(provider.keys)
    assert before == len(keys) == bought.total()

    provider.keys.clear()
    between = (2, max(3, 2 * calls // (3 * kills)))
    folder, killed = kill_and_resume(
        start, [*words, "--cache-dir", "killed-cache"], kills, seed, lambda: int(provider.arrived) - before, between
    )
    events = read_journal(folder / "journal.jsonl")
    again, arrived = paid_keys(events), provider.arrived - before
    print(
        f"{killed} kills, {sum(isinstance(e, RunResumed) for e in events)} resumes: {arrived} requests arrived, {len(provider.keys)} distinct; "
        f"journal: {again.total()} paid, uninterrupted: {bought.total()}"
    )
    in_flight = 2 * concurrency  # the task model's and the critic's
    assert killed >= kills - 1
    assert max(again.values()) == 1
    assert again == bought
    assert provider.keys == keys
    assert arrived <= len(keys) + killed * in_flight
    assert outcome(load_run(folder).findings) == outcome(uninterrupted.findings)


def test_a_run_that_is_killed_and_resumed_ends_as_if_it_had_never_been(
    tiny_task: Path, slow_provider: Any, topout: Topout, start: Start
) -> None:
    same_run_after_kills(tiny_task, slow_provider, topout, start, kills=2, calls=220, seed=1)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [2, 3])
def test_ten_kills_buy_nothing_twice_beyond_what_was_in_flight(
    small_task: Path, slow_provider: Any, topout: Topout, start: Start, seed: int
) -> None:
    same_run_after_kills(small_task, slow_provider, topout, start, kills=10, calls=700, seed=seed)


@pytest.mark.slow
def test_many_calls_in_flight_at_a_kill_are_bounded_too(small_task: Path, slow_provider: Any, topout: Topout, start: Start) -> None:
    same_run_after_kills(small_task, slow_provider, topout, start, kills=10, calls=700, seed=4, concurrency=8)


@pytest.mark.slow
def test_the_embedded_reader_is_asked_nothing_twice_over_ten_kills(small_task: Path, topout: Topout, start: Start) -> None:
    words = [small_task, "--max-calls", 900, "--concurrency", 1]
    assert topout("optimize", *words, "--runs-dir", "whole", "--cache-dir", "whole-cache", "-q").code == 0
    uninterrupted = load_run("latest", "whole")
    runs = Path("killed-runs")

    def lines() -> int:
        journal = journal_of(runs)
        return journal.read_bytes().count(b"\n") if journal else 0

    folder, killed = kill_and_resume(start, [*words, "--cache-dir", "killed-cache"], 10, 5, lines, (5, 70))
    events = read_journal(folder / "journal.jsonl")
    again, bought = paid_keys(events), paid_keys(read_journal(uninterrupted.folder / "journal.jsonl"))
    print(f"{killed} kills: journal: {again.total()} paid, uninterrupted: {bought.total()}")
    assert killed == 10 and max(again.values()) == 1 and again == bought
    assert outcome(load_run(folder).findings) == outcome(uninterrupted.findings)
