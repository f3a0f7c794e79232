"""What topout costs around a program: CPU of its harness, gateway and cache, against the same DSPy module called directly.

Both ask an OpenAI-compatible server on loopback, in a process of its own, that answers at once, so what is measured is the clients' CPU. Cold: every reply is
bought and kept. Warm: every reply is in topout's cache, as after a resumed or repeated run, or where candidates share steps; DSPy's own cache is off throughout.

What an HTTP client costs is no merit or fault of either, so both are also measured without one: the model is a function then, and the difference is topout's own.
"""

from __future__ import annotations

import functools
import math
import multiprocessing
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any
from unittest import mock

from benchmarks.programs.runners import TASK, lm_of, module_of
from benchmarks.programs.world import TaskModel
from topout.app.running import checked_settings
from topout.app.running import measured as evaluated
from topout.app.workbench import Workbench
from topout.domain import Candidate, Example, Request, Usage
from topout.models.transport import Delivered, Sent
from topout.plugins.tasks import TaskFolder, load_task
from topout.testing.server import OpenAIServer, Response, chat
from topout.text.fingerprints import prompt_id

__all__ = ["overhead"]

THREADS = 8
ROUNDS = 10
T = 2.26
"""Student's t for so many rounds: 95 %, two-sided."""


def overhead() -> None:
    """Print CPU a program call of three model calls: medians over rounds that alternate, and what they come to beside each other."""
    os.environ |= {"OPENAI_API_KEY": "none", "LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_MODE": "PRODUCTION"}
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    server = context.Process(target=serve, args=(there,), daemon=True)
    server.start()
    url = here.recv()
    folder = load_task(TASK)
    rows = folder.task.rows("train")
    with tempfile.TemporaryDirectory() as folder_name:
        place = Path(folder_name)
        ways: dict[str, Callable[[int], None]] = {
            "DSPy, native client": lambda _: directly(folder, url, rows),
            "DSPy, litellm": lambda _: directly(folder, url, rows, "litellm"),
            "topout, litellm": lambda number: through(folder, url, place / f"bought-{number}", rows),
            "topout, cached": lambda number: through(folder, url, place / f"bought-{number}", rows),
            "DSPy, no client": lambda _: directly(folder, url, rows, "none"),
            "topout, no client": lambda number: without_client(folder, place / f"made-{number}", rows),
        }
        found: dict[str, list[float]] = {name: [] for name in ways}
        for way in ways.values():
            way(-1)
        for number in range(ROUNDS):
            for name, way in ways.items():
                found[name].append(1000 * cpu(functools.partial(way, number)) / len(rows))
    here.send("stop")
    print(
        f"two-hop, {len(rows)} rows of 3 calls, server on loopback in a process of its own, {ROUNDS} rounds in turns; ms CPU a row"
    )
    for name, values in found.items():
        print(f"{name:20} median {statistics.median(values):6.2f}, from {min(values):.2f} to {max(values):.2f}")
    print(f"through litellm, topout takes {compared(found['topout, litellm'], found['DSPy, litellm'])}")
    print(
        f"against the native client, topout through litellm takes {compared(found['topout, litellm'], found['DSPy, native client'])}"
    )
    own = [mine - theirs for mine, theirs in zip(found["topout, no client"], found["DSPy, no client"], strict=True)]
    mean, half = statistics.fmean(own), T * statistics.stdev(own) / math.sqrt(ROUNDS)
    print(f"topout's own: {mean:.2f} [{mean - half:.2f}, {mean + half:.2f}] ms a row, {mean / 3:.2f} ms a call")
    for name in ("DSPy, native client", "DSPy, litellm"):
        shares = [100 * mine / theirs for mine, theirs in zip(own, found[name], strict=True)]
        mean, half = statistics.fmean(shares), T * statistics.stdev(shares) / math.sqrt(ROUNDS)
        print(f"  which is {mean:.0f} [{mean - half:.0f}, {mean + half:.0f}] % of what a row takes in {name}")


def compared(mine: list[float], theirs: list[float]) -> str:
    """The ratio of two series of rounds, as a difference in percent with its 95 % interval (of the mean of the logarithms)."""
    logs = [math.log(one / other) for one, other in zip(mine, theirs, strict=True)]
    mean, half = statistics.fmean(logs), T * statistics.stdev(logs) / math.sqrt(len(logs))
    middle, low, high = (100 * (math.exp(x) - 1) for x in (mean, mean - half, mean + half))
    return f"{middle:+.0f} % [{low:+.0f}, {high:+.0f}]"


def cpu(work: Callable[[], None]) -> float:
    """CPU seconds of this process, all threads."""
    before = time.process_time()
    work()
    return time.process_time() - before


def serve(pipe: Connection) -> None:
    """The simulated model behind HTTP."""
    model = TaskModel(0)

    def answer(body: Mapping[str, Any]) -> Response:
        return chat(model.answer([(m["role"], m["content"]) for m in body["messages"]]))

    with OpenAIServer(answer) as server:
        pipe.send(server.url)
        pipe.recv()


class InProcess:
    """A transport without a network: the simulated model."""

    def __init__(self) -> None:
        self.model = TaskModel(0)

    async def send(self, request: Request) -> Sent:
        return Delivered(self.model.answer([(m.role, m.content) for m in request.messages]), usage=Usage(1, 1))

    async def aclose(self) -> None:
        """Nothing to close."""


def without_client(folder: TaskFolder, cache: Path, rows: tuple[Example, ...]) -> None:
    """topout with the model in this process."""
    with mock.patch("topout.app.workbench.LitellmTransport", lambda addresses, timeout_s: InProcess()):
        through(folder, "http://127.0.0.1:9/v1", cache, rows)


def directly(folder: TaskFolder, url: str, rows: tuple[Example, ...], engine: str = "auto") -> None:
    """The module in threads, as dspy.Evaluate runs it."""
    import dspy

    if engine == "none":
        lm = lm_of(TaskModel(0))
    else:
        about = {"api_base": url, "api_key": "none", "temperature": 0.0, "max_tokens": 512}
        lm = dspy.LM("openai/simulated", cache=False, num_retries=0, engine=engine, **about)
    module = module_of(folder.task.baseline)

    def one(row: Example) -> str:
        with dspy.context(lm=lm, disable_history=True):
            return str(module(**row.inputs).answer)

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(one, rows))


def through(folder: TaskFolder, url: str, cache: Path, rows: tuple[Example, ...]) -> None:
    """The same rows by topout, without a run around them."""
    from topout.models.event_loop import run_blocking

    settings = checked_settings(
        task=str(TASK), model="openai/simulated", critic="openai/simulated", api_base=url, cache_dir=str(cache), concurrency=THREADS
    )
    workbench = Workbench(settings)
    prompt = folder.task.baseline
    rollouts, ending = run_blocking(
        evaluated(workbench, folder, [Candidate(prompt_id(prompt), prompt)], rows, None), workbench.stop
    )
    assert ending is None and len(rollouts) == len(rows), ending
