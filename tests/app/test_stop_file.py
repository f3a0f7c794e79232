"""A file `stop` in a run's folder ends the run as Ctrl-C does, whoever wrote it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from topout.app import load_run
from topout.domain import RunEnded
from topout.store.journal import read_journal

Topout = Callable[..., Any]


@pytest.fixture
def steady(providers: Callable[..., Any]) -> Iterator[Any]:
    """A provider that takes 20 ms a call."""
    with providers(delay_s=0.02) as served:
        yield served


def stop_when(condition: Callable[[], bool]) -> None:
    """Another program that writes the file into the folder of the run here, once the condition holds."""

    def write() -> None:
        deadline = time.monotonic() + 180
        while not condition() and time.monotonic() < deadline:
            time.sleep(0.005)
        (folder,) = Path("runs").resolve().glob("2*")
        (folder / "stop").touch()  # also when it never came: a run that nobody stops would hang the tests

    threading.Thread(target=write, daemon=True).start()


def test_a_stop_file_ends_a_run_cleanly_and_it_goes_on_later(small_task: Path, steady: Any, topout: Topout) -> None:
    stop_when(lambda: steady.arrived > 80)
    done = topout("optimize", small_task, *steady.words, "--max-calls", 200, "--concurrency", 8)
    assert done.code == 130 and "Traceback" not in done.err
    assert "topout resume runs/latest" in done.out
    folder = Path("runs/latest").resolve()
    assert not (folder / "stop").exists()
    last = read_journal(folder / "journal.jsonl")[-1]
    assert isinstance(last, RunEnded) and (last.ending, last.reason) == ("stopped", "the run was asked to stop")
    (folder / "stop").touch()  # nobody was there to heed it: it does not stop the next session
    assert topout("resume", "latest", "-q").code == 0
    assert not (folder / "stop").exists()
    view = load_run("latest")
    assert view.findings.ended is not None and view.findings.ended.ending == "budget"
    assert sum(role.paid_calls for role in view.findings.spend.values()) == len(steady.keys) == steady.arrived


def test_a_stop_before_the_baseline_is_measured_names_what_to_resume(small_task: Path, steady: Any, topout: Topout) -> None:
    stop_when(lambda: steady.arrived > 3)
    done = topout("optimize", small_task, *steady.words, "--max-calls", 300, "--concurrency", 1, "-q")
    assert done.code == 130
    assert done.line.startswith("stopped before the baseline was measured") and "`topout resume runs/" in done.line
