"""Where rows are answered: in this process, or on a cluster (`--executor`)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from topout.app.judges import judging
from topout.app.planning import calls_of
from topout.app.workbench import Workbench
from topout.config.databases import is_database
from topout.contracts import Executor, Judge
from topout.domain import Event, Example, Prompt
from topout.engine.harness import Seat
from topout.engine.local import LocalExecutor
from topout.models.embedded.fitness import Fitness
from topout.models.gateway import Gateway
from topout.plugins.tasks import TaskFolder

if TYPE_CHECKING:
    from topout.cluster.parcels import Setup

__all__ = ["opened"]

DEPTH = 64
"""So many rows a worker has under way at least, when there are so many: what waits for a model costs no processor."""

JUDGE_BYTES = 4000
"""What a rubric is taken to have at first; a worker that finds more asks for more."""


def opened(
    workbench: Workbench,
    folder: TaskFolder,
    run: str,
    events: Iterable[Event] = (),
    probe: int | None = None,
    *,
    one_purse: bool = False,
) -> tuple[Gateway, Executor]:
    """The gateway of a session and what answers its rows, as the settings say. With `one_purse` nothing is kept apart for the exam.

    Raises UserError when the cluster's package is missing or no cluster answers."""
    settings = workbench.settings
    if settings.executor != "local":
        return on_cluster(workbench, folder, run, events, probe, one_purse)
    gateway = workbench.open(run, events, probe)
    seat = Seat(Fitness(gateway), settings.model)
    exam_seat = seat if one_purse else Seat(gateway.purse("exam"), settings.model)
    judge = judging(settings, folder, gateway, one_purse=one_purse)
    return gateway, LocalExecutor(folder.task, folder.scorer, seat, exam_seat, folder.program, judge)


def on_cluster(
    workbench: Workbench, folder: TaskFolder, run: str, events: Iterable[Event], probe: int | None, one_purse: bool
) -> tuple[Gateway, Executor]:
    """Workers on Ray, and the gateway of this process (the critic's) under the same limits."""
    from topout.cluster.executor import ClusterExecutor
    from topout.cluster.gate import SharedLimits
    from topout.cluster.ray_crew import RayCluster, RayCrew
    from topout.models.limits import OwnLimits

    settings = workbench.settings
    cluster = RayCluster(settings.executor.partition(":")[2], settings.concurrency)
    limits = SharedLimits(cluster.door, "driver", OwnLimits(settings.concurrency))
    gateway = workbench.open(run, events, probe, limits=limits)
    judge = folder.scorer.calls if isinstance(folder.scorer, Judge) else 0
    answers = calls_of(folder)
    crew = RayCrew(cluster, setup_of(workbench, folder, run), max(DEPTH, 2 * settings.concurrency // cluster.processors()))
    executor = ClusterExecutor(
        crew,
        workbench.ledger,
        answers,
        price_of(workbench, folder, lambda prompt: answers(prompt) - judge),
        workbench.charged,
        workbench.elsewhere,
        settings.model,
        one_purse,
    )
    loop = asyncio.get_running_loop()
    workbench.on_stop(lambda: loop.call_soon_threadsafe(executor.stop))
    return gateway, executor


def setup_of(workbench: Workbench, folder: TaskFolder, run: str) -> Setup:
    """What workers are built from. Paths are absolute: a worker may have been started anywhere."""
    from topout.cluster.parcels import Setup

    settings, ledger = workbench.settings, workbench.ledger
    left, search = ledger.time_left_s("exam"), ledger.time_left_s("search")
    return Setup(
        folder=str(folder.folder.resolve()),
        fingerprint=folder.task.fingerprint,
        run=run,
        model=settings.model,
        judge=settings.judge,
        api_bases=workbench.api_bases,
        prices=settings.prices,
        timeout_s=settings.timeout,
        cache=settings.cache_dir if is_database(settings.cache_dir) else str(Path(settings.cache_dir).resolve()),
        capped=ledger.is_capped,
        paid_only=settings.paid_only,
        time_left_s=left,
        exam_time_s=(left or 0.0) - (search or 0.0),
    )


def price_of(
    workbench: Workbench, folder: TaskFolder, calls: Callable[[Prompt], int]
) -> Callable[[Prompt, Sequence[Example]], float]:
    """What an answer is likely to cost at most: a token for every byte of prompt and row, and all the output that is allowed. A guess for programs and
    judges, which make their own prompts: a worker for which it does not suffice comes back for more."""
    settings, task, judge = workbench.settings, folder.task, folder.scorer

    def price(prompt: Prompt, rows: Sequence[Example]) -> float:
        parts = sum(size(one.text) for one in prompt.components)
        shown = sum(size(demo.output) + sum(map(size, demo.inputs.values())) for demo in prompt.demos)
        row = max(sum(map(size, example.inputs.values())) for example in rows)
        asked = parts + shown + row + 64 * (4 + 2 * len(prompt.demos)) + prompt.retrieved * (2 * row + 128)
        usd = calls(prompt) * workbench.prices.require(settings.model).cost(asked, task.max_output_tokens)
        if isinstance(judge, Judge):
            told = JUDGE_BYTES + 2 * row + 4 * task.max_output_tokens
            usd += judge.calls * workbench.prices.require(settings.judge).cost(told, judge.max_output_tokens)
        return usd

    return price


def size(text: str) -> int:
    """Bytes of UTF-8."""
    return len(text.encode("utf-8", "surrogatepass"))
