"""The throughput benchmark still runs, and what it measures is sane. (The figures themselves: python -m benchmarks.throughput.)"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks.throughput.load import Load, Measured
from benchmarks.throughput.ours import at_the_seam, through_litellm
from benchmarks.throughput.rival import Setup, gepa_version, rival
from benchmarks.throughput.table import Row, head, line

TINY = Load(calls=240, latency_s=0.005, critic_s=0.1, train=20, dev=20, holdout=30)


def test_topout_keeps_its_workers_busy_enough() -> None:
    measured = at_the_seam(TINY, 0, recipe="fast")
    assert 100 <= measured.task_calls + measured.critic_calls <= 240
    assert measured.proposals >= 2
    assert measured.wall_s < 15 * TINY.ideal_s
    assert measured.wall_s < measured.task_calls * TINY.latency_s + (measured.critic_calls + 1) * TINY.critic_s


def test_more_calls_in_all_may_be_given_than_the_load_says() -> None:
    assert at_the_seam(TINY, 0, lanes=8, max_calls=400).task_calls > 200


@pytest.mark.skipif(gepa_version() is None, reason="gepa is not installed here")
def test_gepa_runs_under_the_same_load_and_more_workers_are_faster() -> None:
    alone = rival(TINY, 0, Setup())
    tuned = rival(TINY, 0, Setup(workers=64, at_once=8, tuned=True))
    assert alone.task_calls >= 240
    assert tuned.task_calls >= 240
    assert tuned.wall_s < alone.wall_s


@pytest.mark.slow
def test_the_same_run_goes_through_litellm_and_a_real_server() -> None:
    seam, wire = at_the_seam(TINY, 0, recipe="fast"), through_litellm(TINY, 0)
    assert (wire.task_calls, wire.critic_calls, wire.proposals) == (seam.task_calls, seam.critic_calls, seam.proposals)


def test_a_row_tells_ratios_to_the_ideal_and_to_the_first_row() -> None:
    load = Load()
    assert load.ideal_s == pytest.approx(1.78125)
    ours = Row("topout", [Measured(3.5625, 0.05, 800, 9, 14)])
    other = Row("other", [Measured(7.125, 0.1, 1000, 20, 20), Measured(7.125, 0.1, 1000, 20, 20)])
    assert line(load, ours, ours).split() == ["topout", "3.56", "2.0", "3.2", "1.0", "800", "4.45", "9", "14", "21%", "0.06"]
    assert line(load, other, ours).split() == [
        "other",
        "7.12",
        "7.12-7.12",
        "4.0",
        "5.5",
        "2.0",
        "1000",
        "7.12",
        "20",
        "20",
        "15%",
        "0.10",
    ]
    assert len(head("")) == len(line(load, ours, ours))
