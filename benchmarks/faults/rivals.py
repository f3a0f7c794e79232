"""The same faults against gepa and DSPy's MIPROv2, where they have what is promised at all. Smaller counts: their own retries wait for real seconds.

`python -m benchmarks.faults.rivals NAME NUMBER FOLDER URL` runs one of them once, in a process of its own, and prints what it came to as JSON.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks.faults.promises import Tried
from benchmarks.faults.runs import CALLS_KEPT, CRASH, HANG, HEALED, SIZES, TWICE, WINNER, WRONG
from topout.testing.faults import FaultyProvider, Schedule
from topout.testing.provider import make_task

__all__ = ["HAS_NONE", "RIVALS", "rival"]

RIVALS = ("gepa", "mipro")
BUDGET = 60
HAS_NONE = {
    "gepa": (
        "never a cent more than --max-cost, replies that got lost included",
        "the ledger is the provider's own count, to the token",
    ),
    "mipro": (
        CALLS_KEPT,
        HANG,
        HEALED,
        TWICE,
        "never a cent more than --max-cost, replies that got lost included",
        "the ledger is the provider's own count, to the token",
    ),
}
"""What they do not promise: a limit of money, a total of what was spent; MIPROv2 has no limit of calls or time and no resume either."""

PASSING = ("429", "500", "503", "drop", "half a reply", "not JSON")
LIMIT_S = 90.0


def run(name: str, number: int, folder: Path, provider: FaultyProvider, task: Path, kill_after: int = 0) -> dict[str, Any]:
    """One run in its own process; {} when it crashed, was killed or did not end in time."""
    command = [sys.executable, "-m", "benchmarks.faults.rivals", name, str(number), str(folder), provider.url, str(task)]
    environ = {**os.environ, "OPENAI_API_KEY": "none", "OPENAI_BASE_URL": provider.url, "OPENAI_API_BASE": provider.url}
    environ |= {
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "DSPY_CACHEDIR": str(folder / "dspy"),
        "PYTHONPATH": os.pathsep.join(sys.path),
    }
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environ) as process:
        deadline = time.monotonic() + LIMIT_S
        while process.poll() is None and time.monotonic() < deadline:
            if kill_after and provider.arrived >= kill_after:
                process.send_signal(signal.SIGKILL)
                break
            time.sleep(0.01)
        if process.poll() is None:
            process.kill()
        out, _ = process.communicate()
    lines = [line for line in out.splitlines() if line.startswith("{")]
    found: dict[str, Any] = json.loads(lines[-1]) if lines else {}
    return found


def rival(name: str, folder: Path, cases: int) -> Iterator[Tried]:
    """So many cases of each kind."""
    task = make_task(folder / f"{name}-small", SIZES)

    def place(what: str) -> Path:
        path = folder / f"{name}-{what}"
        path.mkdir(parents=True)
        return path

    with FaultyProvider() as provider:
        whole = run(name, 0, place("whole"), provider, task)
        calls = provider.arrived
    if not whole:
        return
    if name == "gepa":
        yield Tried(CALLS_KEPT, whole["metric_calls"] <= BUDGET, "whole", f"{whole['metric_calls']} of {BUDGET}")
    for number in range(cases):
        rng = random.Random(f"rival/{number}")
        transient = Schedule(number, tuple(rng.sample(PASSING, 3)), rng.choice((0.05, 0.2, 0.5)), 2)
        with FaultyProvider(transient) as provider:
            found = run(name, 0, place(f"transient-{number}"), provider, task)
        yield Tried(CRASH, bool(found), f"transient {number}", "it crashed or did not end")
        yield Tried(WINNER, found.get("winner") == whole["winner"], f"transient {number}", str(found)[:200])
        lasting = Schedule(number, lasting=rng.choice(("401", "down", "quota")), after=rng.randrange(5, max(6, calls - 5)))
        with FaultyProvider(lasting) as provider:
            spot = place(f"lasting-{number}")
            found = run(name, 0, spot, provider, task)
            yield Tried(WRONG, not found, f"lasting {number}", f"it ended as if nothing had been: {found}"[:200])
            if name == "gepa":
                provider.heal()
                again = run(name, 0, spot, provider, task)
                yield Tried(HEALED, again.get("winner") == whole["winner"], f"lasting {number}", str(again)[:200])
        if name == "gepa":
            with FaultyProvider() as provider:
                spot = place(f"killed-{number}")
                run(name, 0, spot, provider, task, kill_after=rng.randrange(5, max(6, calls - 5)))
                run(name, 0, spot, provider, task)
                extra = sum(n - 1 for n in provider.delivered().values())
            yield Tried(
                TWICE,
                extra <= 20,
                f"killed {number}",
                f"{extra} replies were bought again; at most 10 were in flight, and 10 of the critic's",
            )


def rows(task: Path, split: str) -> list[dict[str, str]]:
    return [json.loads(line) for line in (task / "data" / f"{split}.jsonl").read_text().splitlines()]


def gepa_run(number: int, folder: Path, task: Path) -> dict[str, Any]:
    """gepa with its own adapter, as its README shows it."""
    import gepa

    def data(split: str) -> list[Any]:
        return [{"input": f"Sentence: {r['text']}", "additional_context": {}, "answer": r["expected"]} for r in rows(task, split)]

    found = gepa.optimize(
        seed_candidate={"system": (task / "prompt.md").read_text().split("--- user ---")[0]},
        trainset=data("train"),
        valset=data("dev"),
        task_lm="openai/reader",
        reflection_lm="openai/critic",
        max_metric_calls=BUDGET,
        run_dir=str(folder / "run"),
        seed=number,
    )
    return {"winner": found.best_candidate["system"], "metric_calls": found.total_metric_calls}


def mipro_run(number: int, folder: Path, task: Path) -> dict[str, Any]:
    """MIPROv2 with few trials."""
    import dspy

    dspy.configure(lm=dspy.LM("openai/reader", cache=False, max_tokens=500))

    def data(split: str) -> list[Any]:
        return [dspy.Example(text=r["text"], label=r["expected"]).with_inputs("text") for r in rows(task, split)]

    def right(example: Any, made: Any, trace: Any = None) -> bool:
        return bool(example.label == made.label)

    optimizer = dspy.MIPROv2(
        metric=right, prompt_model=dspy.LM("openai/critic", cache=False), auto=None, num_candidates=2, max_bootstrapped_demos=1,
        max_labeled_demos=2, num_threads=4, seed=number, verbose=False,
    )  # fmt: skip
    made = optimizer.compile(
        dspy.Predict("text -> label"), trainset=data("train"), valset=data("dev"), num_trials=3, minibatch=False
    )
    return {"winner": json.dumps(made.dump_state(), sort_keys=True, default=str), "score": getattr(made, "score", None)}


def main(words: Sequence[str]) -> None:
    name, number, folder, _, task = words
    os.chdir(folder)
    made = (gepa_run if name == "gepa" else mipro_run)(int(number), Path(folder), Path(task))
    print(json.dumps(made), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
