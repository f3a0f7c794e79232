"""What the engine itself costs: CPU per rollout and peak memory, for 10, 100 and 1,000 candidates on 500 dev rows.

    python benchmarks/engine_cost.py [candidates ...]

The model answers at once, every challenger is kept (the pool grows as fast as it can), and the journal is a real one on disk. Each size runs in a
process of its own, one after the other; compare the ratios, not the milliseconds, across machines: `fake` is what the fake model and the scorer
take by themselves for as many calls.
"""

from __future__ import annotations

import asyncio
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from topout.domain import Reply, Request, RunStarted
from topout.search.evolve import Evolve, EvolveSettings
from topout.store.journal import JournalFile
from topout.testing.engine_room import run_in_memory
from topout.testing.fakes import FakeModel, fixed_accuracy, made_up_task, say_right, writing_critic
from topout.text.rendering import renderer

DEV = 500
SIZES = (10, 100, 1000)


def measured(candidates: int) -> dict[str, float]:
    """One run of about so many candidates; CPU seconds are those of this process from the first event to the last."""
    settings = EvolveSettings(stay_z=-1e9, word_cap=10**6)
    task, model = made_up_task(200, DEV, 30), FakeModel(fixed_accuracy(0.6))
    reads = 200 * candidates // 4
    with tempfile.TemporaryDirectory() as folder:
        journal = JournalFile(Path(folder) / "journal.jsonl").open()
        journal.append(RunStarted(1, "bench", {}, {}, time.time()))
        base_mb = peak_mb()
        begun = time.process_time()
        work = run_in_memory(
            task,
            say_right,
            Evolve(settings),
            model,
            FakeModel(writing_critic()),
            max_calls=DEV + DEV * candidates + reads + 9 * 30,
            exam_share=0.01,
            journal=journal,
        )
        asyncio.run(work)
        cpu_s = time.process_time() - begun
        journal.close()
        peak = peak_mb()
        with (Path(folder) / "journal.jsonl").open() as lines:
            kept = sum('"outcome":"kept"' in line for line in lines)
    return {
        "kept": kept,
        "rollouts": model.asked,
        "ms": 1000 * cpu_s / model.asked,
        "fake_ms": fake_alone(),
        "base_mb": base_mb,
        "peak_mb": peak,
    }


def fake_alone(calls: int = 20_000) -> float:
    """CPU milliseconds per call of the fakes without an engine."""
    task, model = made_up_task(1, DEV, 1), FakeModel(fixed_accuracy(0.6))
    render = renderer(task.baseline)

    async def ask() -> None:
        for number in range(calls):
            example = task.rows("dev")[number % DEV]
            reply = await model.complete(Request("fake", render(example.inputs)))
            assert isinstance(reply, Reply)
            say_right(reply.text, example)

    begun = time.process_time()
    asyncio.run(ask())
    return 1000 * (time.process_time() - begun) / calls


def peak_mb() -> float:
    """Peak resident memory of this process."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main(sizes: list[int]) -> None:
    """Measure each size in a process of its own and print a table."""
    print(
        f"{'candidates':>10} {'kept':>6} {'rollouts':>9} {'ms/rollout':>11} {'ratio':>6} {'fake ms':>8} {'peak MB':>8} {'B/rollout':>10}"
    )
    first = 0.0
    for size in sizes:
        out = subprocess.run([sys.executable, __file__, "--one", str(size)], check=True, capture_output=True, text=True).stdout
        row = json.loads(out)
        first = first or row["ms"]
        per_rollout = (row["peak_mb"] - row["base_mb"]) * 2**20 / row["rollouts"]
        print(
            f"{size:>10} {row['kept']:>6} {row['rollouts']:>9} {row['ms']:>11.4f} {row['ms'] / first:>6.2f} {row['fake_ms']:>8.4f} "
            f"{row['peak_mb']:>8.0f} {per_rollout:>10.0f}",
            flush=True,
        )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        print(json.dumps(measured(int(sys.argv[2]))))
    else:
        main([int(size) for size in sys.argv[1:]] or list(SIZES))
