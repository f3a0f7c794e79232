"""A file `stop` in a run's folder ends the run as Ctrl-C does, whoever wrote it."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from topout.app import load_run
from topout.domain import RunEnded
from topout.store.journal import read_journal

Topout = Callable[..., Any]
Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def steady(providers: Callable[..., Any]) -> Iterator[Any]:
    """A provider that takes 20 ms a call."""
    with providers(delay_s=0.02) as served:
        yield served


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 180
    while not condition():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.01)


def begun(folder: Path) -> Path | None:
    return next(iter(folder.glob("2*")), None)


def test_a_stop_file_ends_a_run_cleanly_and_it_goes_on_later(small_task: Path, steady: Any, topout: Topout, start: Start) -> None:
    process = start("optimize", small_task, *steady.words, "--max-calls", 300, "--concurrency", 8)
    wait_for(lambda: steady.arrived > 80)
    folder = Path("runs/latest").resolve()
    (folder / "stop").touch()
    out, err = process.communicate(timeout=120)
    assert process.returncode == 130 and "Traceback" not in err
    assert "topout resume runs/latest" in out
    assert not (folder / "stop").exists()
    last = read_journal(folder / "journal.jsonl")[-1]
    assert isinstance(last, RunEnded) and (last.ending, last.reason) == ("stopped", "the run was asked to stop")
    (folder / "stop").touch()  # nobody was there to heed it: it does not stop the next session
    assert topout("resume", "latest", "-q").code == 0
    assert not (folder / "stop").exists()
    view = load_run("latest")
    assert view.findings.ended is not None and view.findings.ended.ending == "budget"
    assert sum(role.paid_calls for role in view.findings.spend.values()) == len(steady.keys) == steady.arrived


def test_a_stop_before_the_baseline_is_measured_names_what_to_resume(small_task: Path, steady: Any, start: Start) -> None:
    process = start("optimize", small_task, *steady.words, "--max-calls", 300, "--concurrency", 1, "-q")
    wait_for(lambda: steady.arrived > 3)
    folder = begun(Path("runs"))
    assert folder is not None
    (folder / "stop").touch()
    _, err = process.communicate(timeout=120)
    assert process.returncode == 130
    assert err.startswith("topout: stopped before the baseline was measured") and "`topout resume runs/" in err
