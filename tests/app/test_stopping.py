"""Ctrl-C, two processes at one run, a changed task, a full disk: a clear line, nothing lost."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from topout.app import load_run
from topout.domain import RunEnded
from topout.store.journal import read_journal
from topout.store.layout import RunFolder

Topout = Callable[..., Any]
Start = Callable[..., "subprocess.Popen[str]"]


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 180
    while not condition():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.005)


@pytest.fixture
def steady(providers: Callable[..., Any]) -> Iterator[Any]:
    """A provider that takes 20 ms a call."""
    with providers(delay_s=0.02) as served:
        yield served


def test_ctrl_c_stops_cleanly_with_a_summary_and_the_run_goes_on_later(
    small_task: Path, steady: Any, topout: Topout, start: Start
) -> None:
    words = [small_task, *steady.words, "--max-calls", 200, "--concurrency", 8]
    process = start("optimize", *words)
    wait_for(lambda: steady.arrived > 80)
    folder = Path("runs/latest").resolve()
    other = topout("resume", "latest", "-q")
    assert other.code == 4 and f"process {process.pid}" in other.line and str(folder) in other.line
    assert topout("show", "latest").code == 0
    process.send_signal(signal.SIGINT)
    began = time.monotonic()
    out, err = process.communicate(timeout=120)
    print(f"stopped {time.monotonic() - began:.2f} s after Ctrl-C")
    assert process.returncode == 130
    assert "stopping: waiting for the calls in flight" in err and "Traceback" not in err
    assert "Held-out score" in out and "stopped" in out and "topout resume runs/latest" in out
    last = read_journal(folder / "journal.jsonl")[-1]
    assert isinstance(last, RunEnded) and last.ending == "stopped"
    assert topout("resume", "latest", "-q").code == 0
    view = load_run("latest")
    assert view.findings.ended is not None and view.findings.ended.ending == "budget"
    assert sum(role.paid_calls for role in view.findings.spend.values()) == len(steady.keys) == steady.arrived


def interrupt_when(condition: Callable[[], bool]) -> None:
    """Ctrl-C for this process, once the condition holds."""

    def press() -> None:
        try:
            wait_for(condition)
        finally:
            os.kill(os.getpid(), signal.SIGINT)  # also when it never came: a run that nobody stops would hang the tests

    threading.Thread(target=press, daemon=True).start()


def test_ctrl_c_before_the_baseline_is_measured_names_what_to_resume(small_task: Path, steady: Any, topout: Topout) -> None:
    interrupt_when(lambda: steady.arrived > 3)
    done = topout("optimize", small_task, *steady.words, "--concurrency", 1, "--quiet")
    assert done.code == 130 and done.out == ""
    assert done.line.startswith("stopped before the baseline was measured") and "`topout resume runs/" in done.line


def test_ctrl_c_in_an_evaluation_tells_what_was_measured_so_far(small_task: Path, steady: Any, topout: Topout) -> None:
    interrupt_when(lambda: steady.arrived > 10)
    done = topout("evaluate", small_task, *steady.words[:2], *steady.words[4:], "--concurrency", 1)
    assert (
        done.code == 130
        and "Score on holdout" in done.out
        and " stopped (the run was asked to stop). They count neither" in " ".join(done.out.split())
    )


def test_an_evaluation_that_money_cut_short_says_so(small_task: Path, provider: Any, prices: list[str], topout: Topout) -> None:
    words = ["evaluate", small_task, *provider.words[:2], *provider.words[4:], *prices[:2], "--max-cost", 1, "-q"]
    done = topout(*words)
    assert done.code == 0 and provider.usd <= 1
    assert f"n = {provider.arrived}" in done.out and f"{60 - provider.arrived} money. They count neither" in done.out


def test_a_run_that_has_finished_is_shown_again_when_it_is_resumed(tiny_task: Path, provider: Any, topout: Topout) -> None:
    assert topout("optimize", tiny_task, *provider.words, "--max-calls", 140, "-q").code == 0
    arrived, journal = provider.arrived, Path("runs/latest/journal.jsonl").read_bytes()
    done = topout("resume", "latest")
    assert done.code == 0 and "Held-out score" in done.out
    assert provider.arrived == arrived and Path("runs/latest/journal.jsonl").read_bytes() == journal


def cut_short(task: Path, provider: Any, prices: list[str], topout: Topout) -> None:
    """A run in runs/latest that money ended."""
    assert topout("optimize", task, *provider.words, *prices, "--max-cost", 2, "--max-calls", 220, "-q").code == 0


def test_a_resumed_run_shows_earlier_scores_from_its_first_line(
    small_task: Path, provider: Any, prices: list[str], topout: Topout
) -> None:
    cut_short(small_task, provider, prices, topout)
    first = topout("resume", "latest", "--max-cost", 100).err.splitlines()[0]
    assert "; best on dev " in first and "n = 30 (selected on these rows); held out " in first


def test_a_changed_task_is_not_taken_up_again(small_task: Path, provider: Any, prices: list[str], topout: Topout) -> None:
    cut_short(small_task, provider, prices, topout)
    data = small_task / "data" / "dev.jsonl"
    lines = data.read_text().splitlines(keepends=True)
    data.write_text("".join(lines[:-1]))
    done = topout("resume", "latest", "--max-cost", 100)
    assert done.code == 4 and "the task changed since this run began" in done.line and "Start a new run" in done.line
    data.write_text("".join(lines))
    assert topout("resume", "latest", "--max-cost", 100, "-q").code == 0


def test_a_changed_recipe_is_not_taken_up_again(small_task: Path, provider: Any, prices: list[str], topout: Topout) -> None:
    recipe = Path("mine.toml")
    recipe.write_text('optimizer = "evolve"\nmax_calls = 220\n')
    words = [small_task, *provider.words, *prices, "--recipe", recipe]
    assert topout("optimize", *words, "--max-cost", 2, "-q").code == 0
    recipe.write_text('optimizer = "evolve"\nmax_calls = 220\n[settings]\nlanes = 2\n')
    done = topout("resume", "latest", "--max-cost", 100)
    assert done.code == 4 and "the recipe changed since this run began" in done.line


def test_a_run_that_somebody_else_holds_is_left_alone(small_task: Path, provider: Any, prices: list[str], topout: Topout) -> None:
    cut_short(small_task, provider, prices, topout)
    lock = RunFolder(Path("runs/latest").resolve()).lock()
    done = topout("resume", "latest", "--max-cost", 100)
    lock.release()
    assert done.code == 4 and f"process {os.getpid()}" in done.line


@pytest.mark.parametrize("damage", ["{broken\n", '{"event": "Unheard"}\n'])
def test_a_damaged_journal_is_told_with_its_line(
    small_task: Path, provider: Any, prices: list[str], topout: Topout, damage: str
) -> None:
    cut_short(small_task, provider, prices, topout)
    journal = Path("runs/latest/journal.jsonl")
    lines = journal.read_text().splitlines(keepends=True)
    journal.write_text("".join([*lines[:9], damage, *lines[10:]]))
    for verb in ("resume", "show", "report"):
        done = topout(verb, "latest")
        assert done.code == 4 and "journal.jsonl:10: not an event" in done.line and "Restore the file" in done.line


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 200 kB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    options = ["-t", "tmpfs", "-o", "size=200k", "tmpfs", str(folder)]
    mounted = subprocess.run(["mount", *options], capture_output=True, text=True, check=False)
    if mounted.returncode:
        pytest.skip(f"no small disk can be mounted here: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=False)


def test_a_full_disk_under_the_run_keeps_what_was_written_and_the_run_goes_on_elsewhere(
    small_task: Path, provider: Any, topout: Topout, small_disk: Path
) -> None:
    subprocess.run(["mount", "-o", "remount,size=100k", str(small_disk)], check=True)
    words = [small_task, *provider.words, "--max-calls", 400]
    done = topout("optimize", *words, "--runs-dir", small_disk / "runs", "-q")
    assert done.code == 2 and "no space left on the disk" in done.line and "`topout resume" in done.line
    folder = next((small_disk / "runs").glob("2*"))
    assert len(read_journal(folder / "journal.jsonl")) > 50
    before = provider.arrived
    subprocess.run(["mount", "-o", "remount,size=40m", str(small_disk)], check=True)
    assert topout("resume", folder, "-q").code == 0
    print(f"the disk was full after {before} calls; {provider.arrived} in all, {len(provider.keys)} distinct")
    assert provider.arrived == len(provider.keys)


def test_a_full_disk_under_the_cache_is_one_line_and_keeps_the_run(
    small_task: Path, provider: Any, topout: Topout, small_disk: Path
) -> None:
    subprocess.run(["mount", "-o", "remount,size=400k", str(small_disk)], check=True)
    words = [small_task, *provider.words, "--max-calls", 400]
    done = topout("optimize", *words, "--cache-dir", small_disk / "cache", "-q")
    assert done.code == 2 and "cache.db: cannot " in done.line and "space" in done.line
    before = provider.arrived
    subprocess.run(["mount", "-o", "remount,size=40m", str(small_disk)], check=True)
    assert topout("resume", "latest", "-q").code == 0
    print(f"the disk was full after {before} calls; {provider.arrived} in all, {len(provider.keys)} distinct")
    assert provider.arrived <= len(provider.keys) + 64
