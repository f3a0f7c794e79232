"""What a tab completes, and that it imports nothing heavy."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from topout.cli.completing import recipes, tasks

HEAVY = (
    "litellm",
    "pandas",
    "matplotlib",
    "scipy",
    "optuna",
    "dspy",
    "diskcache",
    "numpy",
    "topout.app",
)  # typer itself asks for pydantic


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a task, a recipe and two runs."""
    monkeypatch.chdir(tmp_path)
    for folder in ("tasks/tickets", "mine", "optimizers"):
        Path(folder).mkdir(parents=True)
    for path in ("tasks/tickets/task.toml", "mine/task.toml", "optimizers/own.py"):
        Path(path).touch()
    for name in ("20260101T000000Z-a", "20260102T000000Z-b", "evil\x1b[2J"):
        Path("runs", name).mkdir(parents=True)
        Path("runs", name, "journal.jsonl").touch()
    Path("runs/latest").symlink_to("20260102T000000Z-b")
    Path("runs/latest/candidates.csv").write_text("attempt,candidate\n-1,00c0ffee\n0,\n1,01c0ffee\n")
    return tmp_path


def completed(*words: str) -> list[str]:
    """What bash would be offered, by a process of its own that fails when something heavy was imported."""
    code = (
        f"import sys; heavy = set({HEAVY!r})\nfrom topout.cli import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\nassert not heavy & set(sys.modules), heavy & set(sys.modules)"
    )
    line = " ".join(["topout", *words])
    env = {**os.environ, "_TOPOUT_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(len(words))}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env, check=True)
    return done.stdout.split()


def test_runs_are_offered_newest_first() -> None:
    assert completed("show", "''") == ["latest", "20260102T000000Z-b", "20260101T000000Z-a"]
    assert completed("resume", "202601") == ["20260102T000000Z-b", "20260101T000000Z-a"]


def test_candidates_of_the_run_that_was_named_are_offered() -> None:
    assert completed("diff", "latest", "0") == ["00c0ffee", "01c0ffee"]
    assert completed("show", "latest", "--candidate", "01") == ["01c0ffee"]


def test_tasks_are_folders_with_a_task_file() -> None:
    assert "tasks/tickets" in tasks("ta") and "tasks/support-tickets" in tasks("ta")
    assert tasks("mi") == ["mine"]
    assert tasks("tasks/ti") == ["tasks/tickets"]


def test_recipes_are_names_and_paths() -> None:
    assert {"own", "evolve", "quick"} <= set(recipes(""))
    assert recipes("optimizers/") == ["optimizers/own.py"]


def test_what_cannot_be_read_offers_nothing() -> None:
    assert completed("diff", "gone", "0") == []
    assert tasks("no/such/folder/") == [] and recipes("no/such/") == []
