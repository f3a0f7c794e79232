"""Where rows are answered and scored: `python -m benchmarks.executors [--rows 60] [--rounds 9] [--only scorer|model]`.

1. A scorer that burns 20 ms of processor time an answer, replies from the cache: threads, a process pool, and Ray with a worker for each processor (left out
   when Ray is not installed). All are open side by side and take the same block in turns.
2. A model that takes 50 ms on loopback, 64 at once, and a scorer that takes nothing: this process against Ray. Processor time is that of the thread that runs the loop of the driver.
Rows a second are those of the best round, which says most of what the executor can do where others use the processors too; the median stands beside it.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import secrets
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).parents[2]))

from topout.app.executing import opened
from topout.app.running import checked_settings
from topout.app.workbench import Workbench
from topout.contracts import Block, Executor
from topout.domain import Candidate, Scored, Split
from topout.models.gateway import Gateway
from topout.plugins.tasks import TaskFolder, load_task
from topout.testing.provider import Provider, make_task
from topout.text.fingerprints import prompt_id

BURN_S = 0.02
LATENCY_S = 0.05
AT_ONCE = 64
BURNING = f"""import time

def score(answer, expected, inputs):
    end = time.thread_time() + {BURN_S}
    while time.thread_time() < end:
        sum(range(200))
    return float(answer == expected)
"""


@dataclass
class Site:
    """One way to execute, open."""

    name: str
    folder: TaskFolder
    gateway: Gateway
    executor: Executor
    ready_s: float = 0.0
    wall_s: list[float] = field(default_factory=list)
    cpu_s: list[float] = field(default_factory=list)


def at(name: str, task: Path, executor: str, words: dict[str, object], cache: Path) -> Site:
    """Open it. A model is asked by its own name, so that the sites share the cache only where they are meant to."""
    folder = load_task(task)
    settings = checked_settings(task=str(task), executor=executor, cache_dir=str(cache), concurrency=AT_ONCE, **words)
    gateway, runs = opened(Workbench(settings), folder, f"bench-{secrets.token_hex(3)}", one_purse=True)
    return Site(name, folder, gateway, runs)


async def answer(site: Site, rows: int, sample: int) -> None:
    """The first rows of dev with the task's own prompt, all of them scored."""
    task = site.folder.task
    candidate = Candidate(prompt_id(task.baseline), task.baseline)
    split: Split = "dev"
    block = Block(candidate, tuple((example, split) for example in task.rows("dev")[:rows]), sample)
    for found in await asyncio.gather(*site.executor.answer(block)):
        if found.rollout is None or not isinstance(found.rollout.score, Scored):
            raise SystemExit(f"{site.name}: a row was not scored: {found}")


async def in_turns(sites: list[Site], rows: int, rounds: int, fresh: bool) -> None:
    """Each site once to get ready, then all of them in each round."""
    try:
        for site in sites:
            began = time.perf_counter()
            await answer(site, min(rows, 16), 0)
            site.ready_s += time.perf_counter() - began
        for turn in range(1, rounds + 1):
            for site in sites:
                wall, cpu = time.perf_counter(), time.thread_time()
                await answer(site, rows, turn if fresh else 0)
                site.wall_s.append(time.perf_counter() - wall)
                site.cpu_s.append(time.thread_time() - cpu)
    finally:
        for site in sites:
            await site.executor.close()
            await site.gateway.aclose()


def told(sites: list[Site], rows: int) -> None:
    """A line a site."""
    first = min(sites[0].wall_s)
    print(f"  {'':28}{'rows/s':>9}{'x the first':>13}{'median rows/s':>15}{'loop CPU ms/row':>17}{'ready after s':>15}")
    for site in sites:
        best, median, cpu = min(site.wall_s), statistics.median(site.wall_s), statistics.median(site.cpu_s)
        print(
            f"  {site.name:28}{rows / best:9.1f}{first / best:13.2f}{rows / median:15.1f}{1000 * cpu / rows:17.2f}{site.ready_s:15.1f}",
            flush=True,
        )


def with_scorer(task: Path, how: str) -> Path:
    (task / "scorer.py").write_text(BURNING)
    (task / "task.toml").write_text((task / "task.toml").read_text().replace('name = "label"', f'file = "scorer.py"\n{how}'))
    return task


def made(folder: Path, rows: int) -> Path:
    return make_task(folder, {"train": 8, "dev": rows, "holdout": 8})


def scorer_part(rows: int, rounds: int, where: Path, with_ray: bool) -> None:
    processors = os.cpu_count() or 1
    words: dict[str, object] = {"model": "embedded/reader", "critic": "embedded/critic"}
    cache = where / "scorer-cache"

    async def run() -> list[Site]:
        warm = at("warm", made(where / "warm", rows), "local", words, cache)
        await in_turns([warm], rows, 1, fresh=False)
        threads = with_scorer(made(where / "threads", rows), f"threads = {processors}")
        apart = with_scorer(made(where / "processes", rows), f"processes = {processors}")
        sites = [
            at(f"local, {processors} threads", threads, "local", words, cache),
            at(f"local, {processors} processes", apart, "local", words, cache),
        ]
        if with_ray:
            began = time.perf_counter()
            sites.append(at(f"Ray, {processors} workers", threads, "ray", words, cache))
            sites[-1].ready_s = time.perf_counter() - began
        await in_turns(sites, rows, rounds, fresh=False)
        return sites

    print(
        f"a scorer of {1000 * BURN_S:.0f} ms of processor time, {rows} rows, {processors} processors, replies from the cache, {rounds} rounds"
    )
    told(asyncio.run(run()), rows)


def model_part(rows: int, rounds: int, where: Path, with_ray: bool) -> None:
    with Provider(delay_s=LATENCY_S) as provider:
        words: dict[str, object] = {"model": "openai/reader", "critic": "openai/critic", "api_base": provider.server.url}
        task = made(where / "model", rows)

        async def run() -> list[Site]:
            sites = [at("local", task, "local", words, where / "local-cache")]
            if with_ray:
                began = time.perf_counter()
                sites.append(at(f"Ray, {os.cpu_count()} workers", task, "ray", words, where / "ray-cache"))
                sites[-1].ready_s = time.perf_counter() - began
            await in_turns(sites, rows, rounds, fresh=True)
            return sites

        print(f"a model of {1000 * LATENCY_S:.0f} ms on loopback, {AT_ONCE} at once, {rows} rows, {rounds} rounds")
        told(asyncio.run(run()), rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--only", choices=("scorer", "model"))
    given = parser.parse_args()
    with_ray = find_spec("ray") is not None
    if not with_ray:
        print("Ray is not installed (pip install 'topout[ray]'): without it")
    with tempfile.TemporaryDirectory(prefix="topout-executors-") as folder:
        for part, run in (("scorer", scorer_part), ("model", model_part)):
            if given.only in (None, part):
                run(given.rows, given.rounds, Path(folder), with_ray)


if __name__ == "__main__":
    main()
