"""The engine's own cost for each rollout is small and does not grow with what was tried before (benchmarks/engine_cost.py measures it in full)."""

from __future__ import annotations

import asyncio
import time

from topout.domain import AttemptDone
from topout.search.evolve import Evolve, EvolveSettings
from topout.testing.engine_room import run_in_memory
from topout.testing.fakes import FakeModel, fixed_accuracy, made_up_task, say_right, writing_critic


def cpu_ms_per_rollout(candidates: int) -> tuple[float, int]:
    keep_all = EvolveSettings(stay_z=-1e9)
    model = FakeModel(fixed_accuracy(0.6))
    begun = time.process_time()
    work = run_in_memory(
        made_up_task(50, 150, 30),
        say_right,
        Evolve(keep_all),
        model,
        FakeModel(writing_critic()),
        max_calls=150 * candidates + 500,
        exam_share=0.01,
    )
    events = asyncio.run(work).events
    kept = sum(isinstance(e, AttemptDone) and e.attempt.outcome == "kept" for e in events)
    return 1000 * (time.process_time() - begun) / model.asked, kept


def test_a_rollout_takes_less_than_three_tenths_of_a_millisecond_also_after_a_hundred_candidates() -> None:
    few = min(cpu_ms_per_rollout(10)[0] for _ in range(3))
    many, kept = min(cpu_ms_per_rollout(120) for _ in range(2))
    assert kept >= 100
    assert few < 0.3
    assert many < 0.3
    assert many < 2 * few
