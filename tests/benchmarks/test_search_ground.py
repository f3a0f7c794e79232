"""The measuring ground's own tools: its clock, its tables and the maker of intent tasks."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks.search import intents
from benchmarks.search.clock import Slow, run_jumping
from benchmarks.search.measuring import Job, Measured
from benchmarks.search.tables import print_tables
from topout.domain import Message, Request
from topout.plugins.tasks import load_task
from topout.testing.fakes import FakeModel


def test_a_clock_that_jumps_waits_for_nobody() -> None:
    async def nap() -> float:
        await asyncio.gather(asyncio.sleep(5000), asyncio.sleep(7000))
        return asyncio.get_running_loop().time()

    began = time.monotonic()
    assert run_jumping(nap()) == pytest.approx(7000)
    assert time.monotonic() - began < 60


def test_a_slow_model_serves_so_many_at_once() -> None:
    async def three() -> float:
        model = Slow(FakeModel(lambda request: "yes"), 2.0, 2)
        await asyncio.gather(*(model.complete(Request("m", (Message("user", "?"),))) for _ in range(3)))
        assert model.calls == 3
        return asyncio.get_running_loop().time()

    assert run_jumping(three()) == pytest.approx(4.0)


def test_an_intent_task_has_all_of_train_and_test_and_some_dev_rows_of_each_intent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, each in (("train", 3), ("validation", 4), ("test", 2)):
        rows = [{"text": f"{name} {label} {i}", "intent": label} for label in ("pay", "ask") for i in range(each)]
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    monkeypatch.setattr(sys, "argv", ["intents", str(tmp_path), str(tmp_path / "made"), "--dev", "2"])
    intents.main()
    task = load_task(tmp_path / "made").task
    assert [len(task.rows(split)) for split in ("train", "dev", "holdout")] == [6, 4, 4]
    assert [row.expected for row in task.rows("dev")] == ["pay", "pay", "ask", "ask"]
    assert "- ask\n- pay" in task.baseline.components[0].text


def test_a_table_tells_how_far_the_first_is_ahead_with_as_many_calls_and_with_those_of_the_budget_before(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def measured(name: str, seed: int, *quality: float) -> Measured:
        return Measured(Job("plain", seed, name, (100, 200)), 0.4, 0.9, quality, 0.5, 0.5, 50, 200, ())

    print_tables([measured(name, seed, *q) for seed in (0, 1) for name, q in (("a", (0.6, 0.7)), ("b", (0.5, 0.55)))])
    lines = capsys.readouterr().out.splitlines()
    ahead = next(line for line in lines if "ahead by" in line).split()
    before = next(line for line in lines if "budget before" in line).split()
    assert ahead[5:9] == ["+10.0", "±0.0", "+15.0", "±0.0"]
    assert before[4:6] == ["+5.0", "±0.0"]
