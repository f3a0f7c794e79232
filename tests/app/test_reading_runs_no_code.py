"""Whoever reads a run, or the replies that it kept, runs no code of its task or its recipe: each file here would leave a mark."""

from __future__ import annotations

import re
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from topout.cli import main
from topout.testing.provider import make_task

Topout = Callable[..., Any]

MARKED = "from pathlib import Path\nPath({mark!r}).open('a').write('{name} ran\\n')\n"
SCORER = "def score(answer, expected, inputs):\n    return float(answer.strip() == expected)\n"
PROGRAM = "async def run(example, prompts, model):\n    return await model.ask('system', text=example['text'])\n"
OPTIMIZER = """
from topout.contracts import Move, Stop
from topout.domain import Attempt

class Mine:
    lanes = 1

    def plan(self, number, history, rng):
        champion = history.pool[history.champion]
        return Stop("enough") if number == 2 else Move("shorten", (champion,), prompt=champion.candidate.prompt, calls=1)

    async def attempt(self, number, move, lab):
        return Attempt(number, move.operator, (move.parents[0].candidate.id,), "rejected", "only a try")

def optimizer(settings):
    return Mine()
"""
PROMPT = "--- system: system ---\nChoose one of:\n\n- fruit\n- music\n- tool\n- weather\n\nAnswer with the word only.\n"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two runs of a task that has a scorer, a program and an optimizer of its own; all three ran."""
    folder = tmp_path_factory.mktemp("read")
    task = make_task(folder / "task", {"train": 12, "dev": 12, "holdout": 30})
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        mark = folder / "mark"
        for path, text in ((task / "scorer.py", SCORER), (task / "program.py", PROGRAM), (folder / "mine.py", OPTIMIZER)):
            path.write_text(MARKED.format(mark=str(mark), name=path.name) + text)
        toml = (task / "task.toml").read_text().replace('name = "label"', 'file = "scorer.py"')
        (task / "task.toml").write_text(f"{toml}[program]\ncalls = 1\n")
        (task / "prompt.md").write_text(PROMPT)
        for seed in (1, 2):
            assert main(["optimize", str(task), "--recipe", "mine.py", "--max-calls", "200", "--seed", str(seed), "-q"]) == 0
        assert set(mark.read_text().splitlines()) == {"scorer.py ran", "program.py ran", "mine.py ran"}
        mark.unlink()
    return folder


RUN = "latest"
READING = [
    ["runs"],
    ["runs", "--json"],
    ["show", RUN],
    ["show", RUN, "--json"],
    ["diff", RUN],
    ["report", RUN],
    ["plot", RUN, "--out", "plot.svg"],
    ["verdict", "--from", "csv:log.csv", "--dev-n", "50"],
    ["export", RUN, "--to", "text", "--out", "out"],
    ["cache", "stats"],
    ["cache", "verify"],
    ["cache", "prune", "--damaged"],
    ["cache", "export", "--out", "cache.jsonl"],
]


@pytest.mark.parametrize("words", READING, ids=" ".join)
def test_a_verb_that_reads_runs_no_code(place: Path, topout: Topout, monkeypatch: pytest.MonkeyPatch, words: list[str]) -> None:
    monkeypatch.chdir(place)
    (place / "log.csv").write_text("calls,dev\n" + "".join(f"{10 * n},{0.5 + n / 100}\n" for n in range(1, 20)))
    done = topout(*words)
    assert done.code == 0, done.err
    assert done.out
    assert not (place / "mark").exists()


def test_comparing_two_runs_runs_no_code(place: Path, topout: Topout, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place)
    names = sorted(path.name for path in (place / "runs").iterdir() if not path.is_symlink())
    done = topout("compare", *names)
    assert done.code == 0, done.err
    assert all(name.split("-")[-1][:6] in done.out for name in names)
    assert not (place / "mark").exists()


def test_watching_a_run_runs_no_code(place: Path, start: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place)
    process = start("watch", RUN, "--no-open")
    for line in process.stdout:
        found = re.search(r"http://127\.0\.0\.1:\d+\S*", line)
        if found:
            page = urllib.request.urlopen(found[0], timeout=20).read().decode()
            break
    assert "<html" in page and "small" in page
    assert not (place / "mark").exists()
