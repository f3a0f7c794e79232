"""A run of very many simulated rollouts through the real engine and journal, then the same journal resumed and reported. Each stage is a process of its own.

The worst case for memory: every member joins the pool and was measured on every dev row, right or wrong by chance. Replies carry a key each, as those of a
gateway do; nothing else of them is long, so bytes of long answers come on top.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from topout.domain import Json, Reply, Request, RunEnded, RunStarted, Usage
from topout.engine.exam import ExamPlan, plan_exam
from topout.plateau.curve import checkpoints
from topout.search.evolve import Evolve, EvolveSettings
from topout.store.journal import JournalFile, read_journal
from topout.testing.engine_room import run_in_memory
from topout.testing.fakes import FakeModel, fixed_accuracy, made_up_task, say_right, writing_critic

__all__ = ["measure", "stage"]

TRAIN, HOLDOUT = 200, 200
DEV = 1000
SHARE = 0.02
SETTINGS = EvolveSettings(stay_z=-1e9, word_cap=10**6)


class Keyed:
    """A model that answers at once, each reply with a key and tokens of its own. `silent` refuses to be asked."""

    def __init__(self, silent: bool = False) -> None:
        self._answer = fixed_accuracy(0.6)
        self._silent = silent
        self.asked = 0

    async def complete(self, request: Request) -> Reply:
        if self._silent:
            raise AssertionError("a rollout that the journal holds was asked again")
        self.asked += 1
        text = request.messages[-1].content
        key = hashlib.sha256(f"{self.asked}/{text}".encode()).hexdigest()
        return Reply(
            self._answer(request),
            usage=Usage(len(text) // 4 + 20, 3),
            cost_usd=0.00002 + self.asked * 1e-12,
            latency_s=0.2,
            key=key,
        )


def plan(rollouts: int) -> tuple[int, ExamPlan]:
    """The limit of calls for about so many rollouts, and what it means for the exam."""
    calls = rollouts + rollouts // 100
    return calls, plan_exam(made_up_task(TRAIN, DEV, HOLDOUT), calls, SHARE)


def run(folder: Path, rollouts: int) -> dict[str, float]:
    """The run itself."""
    calls, exam = plan(rollouts)
    task, model = made_up_task(TRAIN, DEV, HOLDOUT), Keyed()
    folder.mkdir(parents=True)
    journal = JournalFile(folder / "journal.jsonl").open()
    marks = checkpoints(exam.search, DEV, most=exam.sittings)
    manifest: dict[str, Json] = {
        "task": task.name,
        "topout": "0",
        "recipe": "evolve",
        "optimizer": "evolve",
        "checkpoints": list(marks),
        "levers": ["instructions", "demos"],
        "splits": {"train": TRAIN, "dev": DEV, "holdout": HOLDOUT},
        "exam": {
            "search": exam.search,
            "champions": exam.champions,
            "repeats": exam.repeats,
            "alone": exam.alone,
            "critiques": exam.critiques,
        },
    }
    settings: dict[str, Json] = {
        "task": "made-up",
        "model": "fake/task",
        "critic": "fake/critic",
        "delta": 0.02,
        "seed": 0,
        "recipe": "evolve",
    }
    journal.append(RunStarted(1, "scale", settings, manifest, time.time()))
    work = run_in_memory(
        task,
        say_right,
        Evolve(SETTINGS),
        model,
        FakeModel(writing_critic()),
        max_calls=calls,
        exam_share=SHARE,
        plan=exam,
        journal=journal,
    )
    finish = asyncio.run(work).finish
    journal.append(RunEnded(finish.ending, finish.reason, time.time()))
    journal.close()
    return {"rollouts": model.asked, "journal_mb": (folder / "journal.jsonl").stat().st_size / 2**20}


def resume(folder: Path, rollouts: int) -> dict[str, float]:
    """The way through a journal that ends just before its last event: read, replayed, nothing asked."""
    calls, exam = plan(rollouts)
    began = time.monotonic()
    before = read_journal(folder / "journal.jsonl")[:-1]
    read_s = time.monotonic() - began
    task, model = made_up_task(TRAIN, DEV, HOLDOUT), Keyed(silent=True)
    work = run_in_memory(
        task,
        say_right,
        Evolve(SETTINGS),
        model,
        FakeModel(writing_critic()),
        max_calls=calls,
        exam_share=SHARE,
        plan=exam,
        before=before,
    )

    async def through() -> None:
        await work  # what a task returns is spelled out by asyncio.run, all of it

    asyncio.run(through())
    return {"read_s": read_s}


def report(folder: Path, rollouts: int) -> dict[str, float]:
    """`topout report`."""
    from topout.cli import main

    code = main(["report", str(folder), "--runs-dir", str(folder.parent)])
    tables = sum(path.stat().st_size for path in folder.glob("rollouts.*"))
    return {"code": code, "tables_mb": tables / 2**20}


STAGES: dict[str, Callable[[Path, int], dict[str, float]]] = {"run": run, "resume": resume, "report": report}


def stage(name: str, folder: Path, rollouts: int) -> None:
    """One stage in this process; its figures as the last line of the output."""
    began, before = time.monotonic(), peak_mb()
    found = STAGES[name](folder, rollouts)
    cpu = resource.getrusage(resource.RUSAGE_SELF)
    print()
    print(
        json.dumps(
            {**found, "s": time.monotonic() - began, "cpu_s": cpu.ru_utime + cpu.ru_stime, "base_mb": before, "peak_mb": peak_mb()}
        )
    )


def peak_mb() -> float:
    """Peak resident memory of this process."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measure(folder: Path, rollouts: int, stages: list[str]) -> None:
    """All stages after each other, as a table."""
    place = folder / "runs" / "20260101T000000Z-made-up-evolve-scale"
    print(f"{'stage':<8} {'rollouts':>10} {'seconds':>8} {'CPU s':>8} {'peak MB':>8} {'B/rollout':>10}  more", flush=True)
    for name in stages:
        words = [sys.executable, "-m", "benchmarks.scale", "--stage", name, str(place), "--rollouts", str(rollouts)]
        out = subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True).stdout
        row = json.loads(out.splitlines()[-1])
        more = ", ".join(
            f"{key} {row[key]:,.1f}" for key in row if key not in ("s", "cpu_s", "peak_mb", "base_mb", "code", "rollouts")
        )
        per = (row["peak_mb"] - row["base_mb"]) * 2**20 / rollouts
        print(
            f"{name:<8} {rollouts:>10,} {row['s']:>8.1f} {row['cpu_s']:>8.1f} {row['peak_mb']:>8,.0f} {per:>10,.0f}  {more}",
            flush=True,
        )
