"""The exam of optimizers: the shipped ones pass it, and each promise that is broken is named."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from topout.contracts import History, Lab, Move, Optimizer, Stop
from topout.domain import Attempt, Demo, Example
from topout.plugins.optimizers import load_recipe
from topout.search.bootstrap import Bootstrap, BootstrapSettings
from topout.search.evolve import Evolve, EvolveSettings
from topout.search.fewshot import Fewshot, FewshotSettings
from topout.testing.conformance import check_optimizer

OPTIMIZERS = Path(__file__).parents[2] / "optimizers"
SMALL = EvolveSettings(lanes=6, read_rows=8, first_block=4)
SHIPPED: dict[str, Callable[[], Optimizer]] = {
    "evolve": lambda: Evolve(SMALL),
    "evolve with one lane": lambda: Evolve(replace(SMALL, lanes=1)),
    "fewshot": lambda: Fewshot(FewshotSettings(lanes=4, demo_sets=6, max_demos=8, instructions=3, read_rows=8, first_block=4)),
    "bootstrap": lambda: Bootstrap(BootstrapSettings(lanes=4, max_bootstrapped=6, max_labelled=4, read_rows=8, first_block=4)),
    "gepa": lambda: load_recipe(str(OPTIMIZERS / "gepa.toml")).optimizer,
    "mipro": lambda: load_recipe(str(OPTIMIZERS / "mipro.toml")).optimizer,
    "hillclimb": lambda: load_recipe(str(OPTIMIZERS / "hillclimb.py")).optimizer,
}


@pytest.mark.parametrize("name", SHIPPED)
def test_the_shipped_optimizers_pass(name: str) -> None:
    check_optimizer(SHIPPED[name])


class Remembering(Evolve):
    """Plans by its own count of plans."""

    def __init__(self) -> None:
        super().__init__(SMALL)
        self.count = 0

    def plan(self, number: int, history: History, rng: random.Random) -> Move | Stop:
        self.count += 1
        return super().plan(number, history, random.Random(self.count))


class Rushing(Evolve):
    """Decides by how many of its attempts are under way."""

    under_way = 0

    async def attempt(self, number: int, move: Move, lab: Lab) -> Attempt:
        self.under_way += 1
        done = await super().attempt(number, move, lab)
        self.under_way -= 1
        return replace(done, reason=f"{self.under_way} others were under way")


class Peeking(Evolve):
    """Asks for a row of the holdout."""

    async def attempt(self, number: int, move: Move, lab: Lab) -> Attempt:
        await lab.measure(move.parents[0].candidate, [Example("holdout-3", {"text": "x"}, "right")])
        return await super().attempt(number, move, lab)


class Copying(Evolve):
    """Shows a dev row as a demo."""

    def plan(self, number: int, history: History, rng: random.Random) -> Move | Stop:
        row = history.task.rows("dev")[number]
        prompt = history.pool[0].candidate.prompt.with_demos((Demo(row.inputs, "right", row.id),))
        return Move("demos", (history.pool[0],), prompt=prompt, calls=40)


class Thawing(Evolve):
    """Edits what is frozen."""

    def plan(self, number: int, history: History, rng: random.Random) -> Move | Stop:
        prompt = history.pool[0].candidate.prompt.with_text("system", f"Answer {number}.")
        return Move("rewrite", (history.pool[0],), prompt=prompt, calls=4, more=36)


class Hasty(Evolve):
    """Keeps what it has measured on four rows."""

    async def attempt(self, number: int, move: Move, lab: Lab) -> Attempt:
        done = await super().attempt(number, move, lab)
        return replace(done, outcome="kept") if done.candidate else done


class Endless(Evolve):
    """Tries the baseline again and again."""

    def plan(self, number: int, history: History, rng: random.Random) -> Move | Stop:
        return Move("demos", (history.pool[0],), prompt=history.pool[0].candidate.prompt, calls=4)


class Crashing(Evolve):
    """Does not expect a row without an answer."""

    async def attempt(self, number: int, move: Move, lab: Lab) -> Attempt:
        rollouts = await lab.measure(move.parents[0].candidate, lab.task.rows("dev"))
        if any(r.failure for r in rollouts or ()):
            raise ZeroDivisionError("no score")
        return await super().attempt(number, move, lab)


class Idle(Evolve):
    """Has nothing to do."""

    def plan(self, number: int, history: History, rng: random.Random) -> Move | Stop:
        return Stop("nothing to do")


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (Remembering, "came out differently for equal arguments: it must be pure"),
        (lambda: Rushing(SMALL), "the run depends on which reply comes first"),
        (lambda: Peeking(SMALL), "it asked for the row holdout-3, which is no train or dev row"),
        (lambda: Copying(SMALL), "the demo 'dev-0' is no train row"),
        (lambda: Thawing(SMALL), "the frozen component 'system' was changed"),
        (lambda: Hasty(SMALL), "it keeps a candidate that was measured on 4 of the 30 dev rows of its move"),
        (lambda: Endless(SMALL), "it does not end: after 5000 plans"),
        (lambda: Crashing(SMALL), "it raised ZeroDivisionError: no score"),
        (lambda: Idle(SMALL), "it stopped before it had tried anything"),
        (lambda: NoLanes(SMALL), "lanes is 0: at least one attempt must be in flight"),
    ],
)
def test_a_broken_promise_is_named(make: Callable[[], Optimizer], sentence: str) -> None:
    with pytest.raises(AssertionError) as caught:
        check_optimizer(make)
    assert sentence in str(caught.value)


class NoLanes(Evolve):
    """Leaves nothing in flight."""

    @property
    def lanes(self) -> int:
        return 0
