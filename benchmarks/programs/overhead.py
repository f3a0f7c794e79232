"""What topout costs around a program: CPU of its harness, gateway, cache and journal, against the same DSPy module called directly.

Both ask an OpenAI-compatible server on loopback, in a process of its own: DSPy through its native client, topout through its gateway. The server answers at
once, so what is measured is the clients' CPU. Cold: every reply is bought, cached and journaled. Warm: every reply is in topout's cache, as after a resumed or
repeated run, or where candidates share steps; DSPy's own cache is off in both.
"""

from __future__ import annotations

import multiprocessing
import os
import tempfile
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from benchmarks.programs.runners import TASK, module_of
from benchmarks.programs.world import TaskModel
from topout.app.running import checked_settings
from topout.app.running import measured as evaluated
from topout.app.workbench import Workbench
from topout.domain import Candidate, Example
from topout.plugins.tasks import TaskFolder, load_task
from topout.testing.server import OpenAIServer, Response, chat
from topout.text.fingerprints import prompt_id

__all__ = ["overhead"]

THREADS = 8
ROUNDS = 3


def overhead() -> None:
    """Print CPU a program call of three model calls, direct and through topout: medians over rounds that alternate."""
    os.environ |= {"OPENAI_API_KEY": "none", "LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_MODE": "PRODUCTION"}
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    server = context.Process(target=serve, args=(there,), daemon=True)
    server.start()
    url = here.recv()
    folder = load_task(TASK)
    rows = folder.task.rows("train")[:100]
    ways: dict[str, list[float]] = {"DSPy directly": [], "DSPy by litellm": [], "topout, cold": [], "topout, warm": []}
    with tempfile.TemporaryDirectory() as place:
        directly(folder, url, rows[:8])
        directly(folder, url, rows[:8], "litellm")
        through(folder, url, Path(place) / "first", rows[:8])
        for number in range(ROUNDS):
            cache = Path(place) / str(number)
            ways["DSPy directly"].append(cpu(lambda: directly(folder, url, rows)))
            ways["DSPy by litellm"].append(cpu(lambda: directly(folder, url, rows, "litellm")))
            ways["topout, cold"].append(cpu(lambda cache=cache: through(folder, url, cache, rows)))  # type: ignore[misc]
            ways["topout, warm"].append(cpu(lambda cache=cache: through(folder, url, cache, rows)))  # type: ignore[misc]
    here.send("stop")
    base = sorted(ways["DSPy directly"])[ROUNDS // 2]
    print(f"two-hop, {len(rows)} rows of 3 calls, server on loopback in a process of its own, median of {ROUNDS} rounds")
    for name, found in ways.items():
        mid = sorted(found)[ROUNDS // 2]
        print(
            f"{name:16} {1000 * mid / len(rows):6.2f} ms CPU a row ({100 * (mid / base - 1):+.0f} %), rounds {' '.join(f'{1000 * x / len(rows):.2f}' for x in found)}"
        )


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


def directly(folder: TaskFolder, url: str, rows: tuple[Example, ...], engine: str = "auto") -> None:
    """The module in threads, as dspy.Evaluate runs it."""
    import dspy

    lm = dspy.LM(
        "openai/simulated", api_base=url, api_key="none", cache=False, num_retries=0, temperature=0.0, max_tokens=512, engine=engine
    )
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
