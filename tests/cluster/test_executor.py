"""Blocks over workers in this process: real workers, real HTTP, and workers that die when they are told to. Ray itself: test_ray.py."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from topout.cluster.executor import ClusterExecutor, Hand, LostError
from topout.cluster.gate import Gate, Note, Place
from topout.cluster.parcels import Bill, Parcel, Returned, Setup
from topout.cluster.worker import Worker
from topout.contracts import Answered, Block
from topout.domain import Candidate, Example, Prompt, Rollout, Scored, Split, Unscored, Usage
from topout.errors import ScorerError, UserError
from topout.models.ledger import Budget, Ledger
from topout.plugins.tasks import load_task
from topout.testing.provider import Provider, make_task
from topout.text.fingerprints import prompt_id

PRICE = ("openai/reader=1000,10",)


@dataclass
class Here:
    gate: Gate

    async def place(self, holder: str, model: str) -> Place:
        return await self.gate.place(holder, model)

    async def turn(self, holder: str, key: str) -> bool:
        return await self.gate.turn(holder, key)

    def tell(self, holder: str, notes: Sequence[Note]) -> None:
        self.gate.tell(holder, notes)


Fate = Callable[[Parcel, int], bool]


@dataclass
class CrewHere:
    """Workers in this process. `dies` says of a parcel and its number whether the worker dies after it had bought the answers."""

    setup: Setup
    size: int = 2
    dies: Fate = lambda parcel, number: False
    sent: list[Parcel] = field(default_factory=list)
    gate: Gate = field(default_factory=lambda: Gate(8))
    workers: list[Worker] = field(default_factory=list)
    born: int = 0

    @asynccontextmanager
    async def hand(self, rows: int) -> AsyncIterator[Hand]:
        while len(self.workers) < self.size:
            self.born += 1
            self.workers.append(Worker(self.setup, f"w{self.born}", Here(self.gate)))
        yield OneHand(self, self.workers[len(self.sent) % self.size])

    async def stop(self) -> None:
        for worker in self.workers:
            worker.stop()

    async def close(self, grace_s: float) -> float:
        return sum([await worker.close(grace_s) for worker in self.workers])


@dataclass
class OneHand:
    crew: CrewHere
    worker: Worker

    async def answer(self, parcel: Parcel) -> Returned:
        self.crew.sent.append(parcel)
        number = len(self.crew.sent)
        returned = await self.worker.answer(parcel)
        if self.crew.dies(parcel, number):
            if self.worker in self.crew.workers:
                self.crew.workers.remove(self.worker)
            raise LostError("killed")
        return returned


@dataclass
class Scene:
    """A task, a provider and a crew."""

    folder: Path
    provider: Provider
    setup: Setup
    candidate: Candidate
    rows: tuple[tuple[Example, Split], ...]

    def crew(self, dies: Fate = lambda parcel, number: False, **changes: object) -> CrewHere:
        return CrewHere(replace(self.setup, **changes), dies=dies)  # type: ignore[arg-type]

    def executor(self, crew: CrewHere, ledger: Ledger | None = None) -> ClusterExecutor:
        return ClusterExecutor(crew, ledger or Ledger(), lambda _: 1, dear, frozenset(), {}, "openai/reader")


def dear(prompt: Prompt, rows: Sequence[Example]) -> float:
    return 0.2


@pytest.fixture
def scene(tmp_path: Path) -> object:
    folder = make_task(tmp_path / "task", {"train": 8, "dev": 24, "holdout": 8})
    with Provider() as provider:
        task = load_task(folder).task
        setup = Setup(
            folder=str(folder),
            fingerprint=task.fingerprint,
            run="r1",
            model="openai/reader",
            judge="",
            api_bases={"openai/reader": provider.server.url},
            prices=PRICE,
            timeout_s=20.0,
            cache=str(tmp_path / "cache"),
            capped=False,
            paid_only=False,
            time_left_s=None,
            exam_time_s=0.0,
        )
        rows = tuple((example, "dev") for example in task.rows("dev"))
        yield Scene(folder, provider, setup, Candidate(prompt_id(task.baseline), task.baseline), rows)  # type: ignore[arg-type]


async def all_of(executor: ClusterExecutor, block: Block) -> list[Answered]:
    try:
        return [await row for row in executor.answer(block)]
    finally:
        await executor.close()


def test_rows_come_back_in_order_each_bought_once(scene: Scene) -> None:
    ledger = Ledger()
    crew = scene.crew()
    found = asyncio.run(all_of(scene.executor(crew, ledger), Block(scene.candidate, scene.rows)))
    rollouts = [one.rollout for one in found if one.rollout is not None]
    assert [one.example for one in rollouts] == [example.id for example, _ in scene.rows]
    assert all(isinstance(one.score, Scored) and one.paid and one.key for one in rollouts)
    assert scene.provider.arrived == len(scene.provider.keys) == 24
    assert len(crew.sent) > 2
    total = ledger.snapshot().total
    assert (total.calls, total.paid_calls) == (24, 24)
    assert total.paid_usd == pytest.approx(scene.provider.usd)


def test_what_a_dead_worker_had_bought_is_not_bought_again(scene: Scene) -> None:
    ledger = Ledger()
    crew = scene.crew(lambda parcel, number: number in (2, 3))
    found = asyncio.run(all_of(scene.executor(crew, ledger), Block(scene.candidate, scene.rows)))
    assert all(one.rollout is not None and one.rollout.paid for one in found)
    assert scene.provider.arrived == 24
    assert ledger.snapshot().total.paid_usd == pytest.approx(scene.provider.usd)
    assert crew.born == 4


def test_a_row_that_no_worker_survives_gets_no_score_and_the_others_do(scene: Scene) -> None:
    poison = scene.rows[5][0].id
    crew = scene.crew(lambda parcel, _: any(example.id == poison for example, _ in parcel.block.rows))
    found = asyncio.run(all_of(scene.executor(crew), Block(scene.candidate, scene.rows)))
    lost = [one.rollout for one in found if one.rollout is not None and isinstance(one.rollout.score, Unscored)]
    assert [(one.example, one.failure) for one in lost] == [(poison, "outage")]
    assert lost[0].score == Unscored("outage: 3 workers died while they answered this row (killed)")
    assert sum(one.rollout is not None for one in found) == 24


def test_no_more_money_leaves_than_there_is_and_the_run_is_told_why(scene: Scene) -> None:
    whole = 24 * 0.03  # about what all rows cost
    ledger = Ledger(Budget(max_cost_usd=whole / 2))
    crew = scene.crew(capped=True)
    found = asyncio.run(all_of(scene.executor(crew, ledger), Block(scene.candidate, scene.rows)))
    halted = [one.halted for one in found if one.halted is not None]
    assert halted and all(one.kind == "budget" and one.message.startswith("money: $") for one in halted)
    assert 0 < scene.provider.usd <= whole / 2
    spend = ledger.snapshot()
    assert spend.total.paid_usd == pytest.approx(scene.provider.usd)
    assert spend.promised_usd == 0


def test_a_grant_that_does_not_suffice_is_followed_by_a_larger_one(scene: Scene) -> None:
    ledger = Ledger(Budget(max_cost_usd=1000.0))
    crew = scene.crew(capped=True)
    executor = ClusterExecutor(crew, ledger, lambda _: 1, lambda *_: 0.001, frozenset(), {}, "openai/reader")
    found = asyncio.run(all_of(executor, Block(scene.candidate, scene.rows)))
    assert all(one.rollout is not None and one.rollout.paid for one in found)
    assert scene.provider.arrived == 24
    assert ledger.snapshot().total.paid_usd == pytest.approx(scene.provider.usd)


def test_a_stop_brings_all_rows_back(scene: Scene) -> None:
    scene.provider.delay_s = 0.2

    async def stopped() -> list[Answered]:
        executor = scene.executor(scene.crew())
        rows = executor.answer(Block(scene.candidate, scene.rows))
        await asyncio.sleep(0.1)
        executor.stop()
        found = [await row for row in rows]
        await executor.close()
        return found

    found = asyncio.run(stopped())
    assert {one.halted.kind for one in found if one.halted is not None} == {"stopped"}
    assert len(found) == 24


def test_rows_for_which_no_worker_is_left_come_back_as_stopped(scene: Scene) -> None:
    class Ended(CrewHere):
        @asynccontextmanager
        async def hand(self, rows: int) -> AsyncIterator[Hand]:
            raise LostError("the workers were ended")
            yield

    found = asyncio.run(all_of(scene.executor(Ended(scene.setup)), Block(scene.candidate, scene.rows[:3])))
    assert [one.halted.kind for one in found if one.halted is not None] == ["stopped"] * 3


def test_what_the_users_scorer_raises_arrives_in_its_own_words(scene: Scene) -> None:
    toml = (scene.folder / "task.toml").read_text().replace('name = "label"', 'file = "scorer.py"')
    first = load_task(scene.folder).task.rows("train")[0].inputs["text"]
    (scene.folder / "scorer.py").write_text(
        f"FIRST = {first!r}\ndef score(answer, expected, inputs):\n    return 1 if inputs['text'] == FIRST else odd\n"
    )
    (scene.folder / "task.toml").write_text(toml)
    crew = scene.crew(fingerprint=load_task(scene.folder).task.fingerprint)
    with pytest.raises(ScorerError, match=r"scorer\.py:3: score\(\) raised NameError"):
        asyncio.run(all_of(scene.executor(crew), Block(scene.candidate, scene.rows)))


def test_a_worker_that_finds_another_task_refuses(scene: Scene) -> None:
    with pytest.raises(UserError, match="a worker finds another task there"):
        Worker(replace(scene.setup, fingerprint="other"), "w", Here(Gate(1)))


def test_a_reply_that_two_rows_share_is_paid_once() -> None:
    bill = Bill("task", "key", Usage(10, 5), 0.01, True)

    def rollout(example: Example, split: Split) -> Answered:
        return Answered(Rollout("c", example.id, split, 0, "yes", Scored(1.0), 10, 5, 0.01, key="key"))

    class Twice(OneHand):
        async def answer(self, parcel: Parcel) -> Returned:
            return Returned(tuple((rollout(*row), (bill,)) for row in parcel.block.rows))

    class Crew(CrewHere):
        @asynccontextmanager
        async def hand(self, rows: int) -> AsyncIterator[Hand]:
            yield Twice(self, None)  # type: ignore[arg-type]

    ledger = Ledger()
    executor = ClusterExecutor(Crew(None), ledger, lambda _: 1, dear, frozenset(), {}, "openai/reader")  # type: ignore[arg-type]
    rows: tuple[tuple[Example, Split], ...] = ((Example("1", {}, ""), "dev"), (Example("2", {}, ""), "dev"))
    found = asyncio.run(all_of(executor, Block(Candidate("c", Prompt(())), rows)))
    assert [one.rollout.paid for one in found if one.rollout is not None] == [True, False]
    assert ledger.snapshot().total.paid_usd == pytest.approx(0.01)
    assert ledger.snapshot().total.cost_usd == pytest.approx(0.02)
