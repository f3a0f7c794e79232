"""A scorer in processes of its own: real files, real processes, real kills."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from topout.config.task_file import PythonScorer
from topout.contracts import SlowScorer
from topout.domain import Example, Score, Scored, Unscored
from topout.engine.scoring import Scoring
from topout.errors import ScorerError
from topout.plugins.scorer_processes import ScorerProcesses
from topout.plugins.scorers import load_scorer
from topout.plugins.tasks import load_task
from topout.testing.provider import make_task

ROW = Example("7", {"text": "größe"}, {"wanted": ["a", 1]})


def scorer_file(folder: Path, body: str) -> Path:
    path = folder / "scorer.py"
    path.write_text("import os, pathlib, signal, time\n\ndef score(answer, expected, inputs):\n" + body)
    return path


def scored(path: Path, *answers: str, processes: int = 2) -> list[Score]:
    async def all_at_once() -> list[Score]:
        scorer = load_scorer(path, processes=processes)
        scoring = Scoring(scorer)
        try:
            return list(await asyncio.gather(*(scoring.of(answer, ROW) for answer in answers)))
        finally:
            scoring.close()

    return asyncio.run(all_at_once())


def test_scores_come_from_other_processes_with_feedback_and_parts(tmp_path: Path) -> None:
    path = scorer_file(
        tmp_path,
        "    print('not a score')\n"
        "    assert inputs == {'text': 'größe'} and expected == {'wanted': ['a', 1]}\n"
        f"    return {{'score': 0.5, 'feedback': f'{{answer}} ✓', 'pid': 1.0 * (os.getpid() != {os.getpid()})}}\n",
    )
    assert scored(path, "ja", "nein") == [Scored(0.5, "ja ✓", {"pid": 1.0}), Scored(0.5, "nein ✓", {"pid": 1.0})]


def test_no_more_processes_than_asked_for_are_started(tmp_path: Path) -> None:
    path = scorer_file(tmp_path, f"    pathlib.Path({str(tmp_path)!r}, f'pid-{{os.getpid()}}').touch()\n    return 1\n")
    assert scored(path, *"abcdefgh", processes=2) == [Scored(1.0)] * 8
    assert 1 <= len(list(tmp_path.glob("pid-*"))) <= 2


def test_a_process_that_is_killed_once_is_replaced_and_the_answer_is_scored(tmp_path: Path) -> None:
    mark = tmp_path / "died"
    path = scorer_file(
        tmp_path,
        f"    mark = pathlib.Path({str(mark)!r})\n"
        "    if answer == 'bad' and not mark.exists():\n        mark.touch()\n        os.kill(os.getpid(), signal.SIGKILL)\n    return 1\n",
    )
    assert scored(path, "good", "bad", "good") == [Scored(1.0)] * 3
    assert mark.exists()


def test_an_answer_that_kills_its_process_each_time_gets_no_score_and_harms_no_other(tmp_path: Path) -> None:
    path = scorer_file(tmp_path, "    if answer == 'bad':\n        os.kill(os.getpid(), signal.SIGKILL)\n    return 1\n")
    found = scored(path, "good", "bad", *["good"] * 6)
    lost = Unscored("the scorer's process died 2 times while it scored this answer (killed by SIGKILL)")
    assert found == [Scored(1.0), lost, *[Scored(1.0)] * 6]


def test_what_the_scorer_raises_arrives_with_its_place(tmp_path: Path) -> None:
    path = scorer_file(tmp_path, "    return 1 / 0\n")
    with pytest.raises(ScorerError, match=r"scorer\.py:4: score\(\) raised ZeroDivisionError: division by zero \(example '7'\)"):
        scored(path, "x")


def test_closing_ends_a_process_that_is_at_work(tmp_path: Path) -> None:
    path = scorer_file(tmp_path, f"    pathlib.Path({str(tmp_path / 'pid')!r}).write_text(str(os.getpid()))\n    time.sleep(600)\n")

    async def scene() -> Score:
        apart = ScorerProcesses(path)
        waiting = asyncio.create_task(asyncio.to_thread(apart, "x", ROW))
        deadline = time.monotonic() + 20
        while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
            assert time.monotonic() < deadline
            await asyncio.sleep(0.01)
        apart.close()
        return await waiting

    assert asyncio.run(scene()) == Unscored("the run was ending")
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


def test_processes_end_with_whoever_started_them(tmp_path: Path) -> None:
    path = scorer_file(tmp_path, "    return {'score': 1, 'feedback': str(os.getpid())}\n")
    code = (
        "import os, sys; from pathlib import Path; from topout.plugins.scorer_processes import ScorerProcesses; from topout.domain import Example\n"
        f"print(ScorerProcesses(Path({str(path)!r}))('a', Example('1', {{}}, '')).feedback, flush=True); os.kill(os.getpid(), 9)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env={**os.environ, "PYTHONPATH": ":".join(sys.path)}
    )
    child = int(done.stdout)
    deadline = time.monotonic() + 20
    while Path(f"/proc/{child}").exists() and Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()[0] != "Z":
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_task_says_in_how_many_processes_and_that_changes_no_fingerprint(tmp_path: Path) -> None:
    folder = make_task(tmp_path / "task", {"train": 8, "dev": 8, "holdout": 8})
    scorer_file(folder, "    return float(answer == expected)\n")
    toml = (folder / "task.toml").read_text()
    (folder / "task.toml").write_text(toml.replace('name = "label"', 'file = "scorer.py"'))
    plain = load_task(folder)
    (folder / "task.toml").write_text(toml.replace('name = "label"', 'file = "scorer.py"\nprocesses = 3'))
    apart = load_task(folder)
    assert isinstance(apart.scorer, SlowScorer) and apart.scorer.at_once == 3 and apart.scorer.apart is not None
    assert (apart.task.fingerprint, apart.holdout_fingerprint) == (plain.task.fingerprint, plain.holdout_fingerprint)


def test_threads_and_processes_are_not_both(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="keep one"):
        PythonScorer(file="scorer.py", threads=2, processes=2)


def test_a_program_that_the_scorer_runs_finds_nothing_on_its_standard_input(tmp_path: Path) -> None:
    """And does not wait for the next question, which only comes when this one is answered."""
    path = scorer_file(
        tmp_path,
        "    import subprocess, sys\n"
        "    read = subprocess.run([sys.executable, '-c', 'import sys; print(len(sys.stdin.read()))'], stdout=-1, timeout=20)\n"
        "    return 1.0 if read.stdout.strip() == b'0' else 0.0\n",
    )
    assert scored(path, "a", "b", processes=1) == [Scored(1.0)] * 2
