"""An optimizer of one's own that goes wrong, and runs that are taken up from another folder."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Topout = Callable[..., Any]

OWN = """
from pathlib import Path
from topout.contracts import Move, Stop
from topout.domain import Attempt


class Mine:
    lanes = 2

    def plan(self, number, history, rng):
        if number == 3:
            PLAN
        champion = history.pool[history.champion]
        return Move("shorten", (champion,), prompt=champion.candidate.prompt, calls=1) if number < 6 else Stop("enough")

    async def attempt(self, number, move, lab):
        if number == 2:
            ATTEMPT
        return Attempt(number, move.operator, (move.parents[0].candidate.id,), "rejected", "only a try")


def optimizer(settings):
    return Mine()
"""


def own(plan: str = "pass", attempt: str = "pass") -> str:
    Path("mine.py").write_text(OWN.replace("PLAN", plan).replace("ATTEMPT", attempt))
    return "mine.py"


@pytest.mark.parametrize(
    ("plan", "attempt", "said"),
    [
        ("raise ValueError('no such row')", "pass", "mine.py:12: plan(3) raised ValueError: no such row."),
        ("{}['gone']", "pass", "mine.py:12: plan(3) raised KeyError: 'gone'."),
        ("return 7", "pass", "mine.py: plan(3) returned 7, expected a Move or a Stop."),
        ("pass", "1 / 0", "mine.py:18: attempt(2) raised ZeroDivisionError: division by zero."),
        ("pass", "return None", "mine.py: attempt(2) returned None, expected an Attempt."),
        (
            "return Move('same', ())",
            "pass",
            "mine.py: plan(3): unknown operator 'same'. Valid: rewrite, merge, shorten, demos, switch.",
        ),
        (
            "pass",
            "return Attempt(2, 'shorten', (), 'reject')",
            "mine.py: attempt(2): unknown outcome 'reject'. Did you mean 'rejected'?",
        ),
        ("raise SystemExit(5)", "pass", "mine.py:12: plan(3) raised SystemExit: 5."),
    ],
)
def test_what_it_raises_is_one_line_with_file_and_line(topout: Topout, tiny_task: Path, plan: str, attempt: str, said: str) -> None:
    found = topout("optimize", tiny_task, "--recipe", own(plan, attempt), "--max-calls", "300", "-q")
    assert found.code == 2
    assert found.line.startswith(said)
    assert "All replies are kept" in found.line and "topout resume runs/" in found.line


def test_the_run_goes_on_when_the_cause_is_gone(topout: Topout, tiny_task: Path) -> None:
    recipe = own("assert Path('cause').exists() is False, 'cause'")
    Path("cause").touch()
    assert topout("optimize", tiny_task, "--recipe", recipe, "--max-calls", "300", "-q").code == 2
    (run,) = [path for path in Path("runs").iterdir() if not path.is_symlink()]
    assert json.loads((run / "journal.jsonl").read_text().splitlines()[-1])["event"] == "RunEnded"
    Path("cause").unlink()
    done = topout("resume", run, "-q")
    assert done.code == 0 and "finished: enough" in done.out


def test_an_error_of_ours_that_passes_through_it_stays_what_it_is(topout: Topout, tiny_task: Path) -> None:
    asked = "await lab.measure(move.parents[0].candidate, [__import__('topout').domain.Example('gone', {}, 'x')])"
    found = topout("optimize", tiny_task, "--recipe", own(attempt=asked), "--max-calls", "300", "-q")
    assert found.code == 2 and "the optimizer asked for 'gone', which is no train or dev row" in found.line
    assert "raised" not in found.line


def test_lanes_that_are_no_number_are_told_before_anything_is_asked(topout: Topout, tiny_task: Path) -> None:
    own()
    Path("mine.py").write_text(Path("mine.py").read_text().replace("lanes = 2", "lanes = None"))
    found = topout("optimize", tiny_task, "--recipe", "mine.py", "-q")
    assert found.code == 2 and found.line.startswith("mine.py: lanes = None: expected how many attempts are in flight")
    assert not Path("runs").exists()


@pytest.fixture
def stopped(topout: Topout, tiny_task: Path) -> Path:
    """A run that ended early, begun in this folder with relative paths and a recipe of its own."""
    Path("mine").mkdir()
    recipe = Path("mine") / "own.py"
    recipe.write_text(Path(own("assert not Path('cause').exists()")).read_text())
    Path("cause").touch()
    assert topout("optimize", "small", "--recipe", recipe, "--max-calls", "300", "-q").code == 2
    Path("cause").unlink()
    (run,) = [path for path in Path("runs").iterdir() if not path.is_symlink()]
    return run.absolute()


def test_a_run_is_taken_up_from_any_folder(topout: Topout, stopped: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere = tmp_path / "else" / "where"
    elsewhere.mkdir(parents=True)
    monkeypatch.chdir(elsewhere)
    done = topout("resume", stopped, "-q")
    assert done.code == 0 and "finished: enough" in done.out
    assert list(elsewhere.iterdir()) == []  # no second cache


def test_a_run_that_moved_with_all_that_it_needs_is_taken_up_too(
    topout: Topout, stopped: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    for name in ("runs", "small", "mine", ".topout"):
        shutil.move(tmp_path / name, other / name)
    monkeypatch.chdir("/")
    assert topout("resume", other / "runs" / stopped.name, "-q").code == 0


def test_nothing_that_is_written_names_this_machine(topout: Topout, stopped: Path, tmp_path: Path) -> None:
    assert topout("resume", stopped, "-q").code == 0
    assert topout("export", stopped, "--to", "text", "--out", "exported").code == 0
    for path in [*stopped.rglob("*"), *Path("exported").rglob("*")]:
        if path.is_file():
            assert str(tmp_path).encode() not in path.read_bytes(), path


def test_a_function_that_returns_no_optimizer_is_told_before_anything_is_asked(topout: Topout, tiny_task: Path) -> None:
    Path("mine.py").write_text("def optimizer(settings):\n    pass\n")
    found = topout("optimize", tiny_task, "--recipe", "mine.py", "-q")
    assert found.code == 2 and found.line.startswith("mine.py: optimizer(settings) returned None, expected your Optimizer.")
