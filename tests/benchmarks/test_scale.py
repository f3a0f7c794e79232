"""The benchmark of scale keeps its own promises: what is simulated is written down once, and a run's journal is resumed without asking."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.scale.rollouts import resume, run
from benchmarks.scale.scheduler import Fleet, simulate


@pytest.mark.parametrize("lanes", [1, 16])
def test_a_fleet_whose_workers_and_driver_die_writes_every_rollout_down_once(lanes: int) -> None:
    found = simulate(Fleet(20_000, workers=8, lanes=lanes, life_s=60.0, dev_rows=500, driver_kills=2))
    assert sum(found.journal) == 20_000
    assert found.deaths > 5
    assert 0 < found.twice <= found.again < 20_000


def test_a_fleet_that_nothing_happens_to_sends_nothing_twice_and_is_held_up_by_the_slowest_part() -> None:
    quiet = Fleet(50_000, workers=64, lanes=256, life_s=1e12, driver_kills=0, rate=500.0)
    found = simulate(quiet)
    assert (found.again, found.twice, found.dropped, found.deaths) == (0, 0, 0, 0)
    assert 400 < 50_000 / found.seconds <= 500
    slow = simulate(
        Fleet(50_000, workers=64, lanes=256, life_s=1e12, driver_kills=0, rate=1e9, gate_call_s=1e-6, driver_row_s=1e-3)
    )
    assert 0.85 < slow.driver_s / slow.seconds <= 1.0


def test_a_run_of_the_benchmark_resumes_from_its_journal_without_asking(tmp_path: Path) -> None:
    made = run(tmp_path / "run", 3000)
    assert 2500 < made["rollouts"] < 3300
    assert resume(tmp_path / "run", 3000)["read_s"] > 0
