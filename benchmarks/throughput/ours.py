"""topout under the load: with fakes at the Model seam, and through gateway and litellm against a server on loopback."""

from __future__ import annotations

import asyncio
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.search.clock import run_jumping
from benchmarks.throughput.load import Load, Measured, Stopwatch
from benchmarks.throughput.serving import served
from topout.config.recipe import Recipe
from topout.contracts import Model
from topout.domain import AttemptDone, Critiqued, Failure, Message, Reply, Request, RolloutDone
from topout.models.addresses import Addresses
from topout.models.cache import ReplyCache
from topout.models.event_loop import run_blocking
from topout.models.gateway import Gateway
from topout.models.ledger import Budget, Ledger
from topout.models.litellm_transport import LitellmTransport
from topout.models.prices import Prices
from topout.plugins.optimizers import load_recipe
from topout.search.evolve import Evolve
from topout.testing.engine_room import run_in_memory
from topout.testing.fakes import FakeModel, say_right

__all__ = ["at_the_seam", "shipped_lanes", "through_litellm", "timed"]

REPOSITORY = Path(__file__).parents[2]


def shipped(name: str, lanes: int | None = None) -> tuple[Evolve, Recipe]:
    """A shipped recipe's optimizer, with another number of lanes if given, and the recipe."""
    loaded = load_recipe(name, REPOSITORY)
    assert isinstance(loaded.optimizer, Evolve)
    settings = loaded.optimizer.settings
    return Evolve(replace(settings, lanes=lanes or settings.lanes)), loaded.recipe


def shipped_lanes(name: str) -> int:
    return shipped(name)[0].lanes


def at_the_seam(
    load: Load, seed: int, lanes: int | None = None, max_calls: int | None = None, recipe: str = "evolve", jump: bool = False
) -> Measured:
    """A whole run, exam included, of a shipped recipe; `max_calls` (default: the load's) counts all calls of all roles. With `jump`
    on a clock that waits for nothing, and on which processor time counts for nothing."""
    model = FakeModel(load.answers(seed), load.latency_s, load.workers)
    critic = FakeModel(load.critic(), load.critic_s, load.workers)
    work = timed(load, seed, model, critic, lanes, max_calls, recipe)
    return run_jumping(work) if jump else asyncio.run(work)


async def timed(
    load: Load, seed: int, model: Model, critic: Model, lanes: int | None, max_calls: int | None, recipe: str = "evolve"
) -> Measured:
    optimizer, told = shipped(recipe, lanes)
    task = load.task()
    watch = Stopwatch(asyncio.get_running_loop().time)
    work = run_in_memory(
        task,
        say_right,
        optimizer,
        model,
        critic,
        max_calls=max_calls or load.calls,
        exam_share=told.exam_share,
        seed=seed,
        opening_rows=told.opening_rows,
    )
    events = (await work).events
    kinds = [type(event) for event in events]
    return watch.stop(kinds.count(RolloutDone), kinds.count(Critiqued), kinds.count(AttemptDone) - 1)


def through_litellm(load: Load, seed: int, provider: str = "openai") -> Measured:
    """The same through topout's gateway (cache on disk, ledger, limits) and litellm, against a server in a process of its own, on topout's
    long-lived event loop.

    One call goes ahead: what litellm takes to import and to open its client is not timed.
    """
    with served(load, seed) as url, tempfile.TemporaryDirectory() as folder:
        return run_blocking(over_the_wire(load, seed, gateway_to(url, Path(folder), load.workers), provider), lambda: None)


async def over_the_wire(load: Load, seed: int, gateway: Gateway, provider: str) -> Measured:
    warm = await gateway.complete(Request(f"{provider}/task", (Message("user", "ready?"),)))
    assert isinstance(warm, Reply), warm
    try:
        return await timed(load, seed, Named(gateway, f"{provider}/task"), Named(gateway, f"{provider}/critic"), None, None, "fast")
    finally:
        await gateway.aclose()


def gateway_to(url: str, folder: Path, workers: int) -> Gateway:
    """A gateway as a run has it, without limits of money or time."""
    addresses = Addresses(url)
    return Gateway(
        LitellmTransport(addresses),
        ReplyCache.open(folder),
        Ledger(Budget()),
        Prices({}, addresses),
        addresses,
        run="throughput",
        max_in_flight=workers,
    )


@dataclass(frozen=True, slots=True)
class Named:
    """A model under the name that the server knows."""

    gateway: Gateway
    name: str

    async def complete(self, request: Request) -> Reply | Failure:
        return await self.gateway.complete(replace(request, model=self.name))
