"""The same faults against gepa and DSPy's MIPROv2, where they have what is promised at all: their own retries, caches and checkpoints, as they come.

Each run is a process of its own, forked from one that has imported them. What they sleep between tries is a hundred times shorter, as for topout.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import pickle
import random
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from benchmarks.faults import crashes, disks, same
from benchmarks.faults.promises import Tried
from benchmarks.faults.runs import (
    CALLS_KEPT,
    CRASH,
    DEADLINE_S,
    GRACE_S,
    HANG,
    HEALED,
    LEDGER,
    MONEY,
    SIZES,
    TWICE,
    WINNER,
    WRONG,
)
from benchmarks.faults.zygote import Job, Zygote
from topout.testing.faults import ANSWERS, SLOW, FaultyProvider, Schedule
from topout.testing.provider import make_task

__all__ = ["HAS_NONE", "RIVALS", "rival"]

RIVALS = ("gepa", "mipro")
BUDGET = 60
HAS_NONE = {
    "gepa": (MONEY, LEDGER, crashes.OWED, crashes.LOCK, disks.LOAD),
    "mipro": (CALLS_KEPT, HANG, HEALED, MONEY, LEDGER, crashes.SAME, crashes.ONCE, crashes.OWED, crashes.TORN, crashes.LOCK),
}
"""What they do not promise: a limit of money, a count of all that was spent, a lock; MIPROv2 has no limit of calls or time and no resume either."""

PASSING = ("429", "429 retry-after", "500", "503", "drop", "half a reply", "not JSON")
LIMIT_S = 300.0
"""Wall time after which a run counts as one that does not end: a hundred times what one without faults takes on an idle machine."""

OVERDUE_S = 20.0  # after the end of the grace: a busy machine is not a hang
LATENCY_S = 0.002


class Room:
    """One rival with its own zygote and the small task."""

    def __init__(self, name: str, folder: Path, zygote: Zygote) -> None:
        self.name, self.folder, self.zygote = name, folder, zygote
        self.task = make_task(folder / f"{name}-small", SIZES)

    def place(self) -> Path:
        return Path(tempfile.mkdtemp(dir=self.folder))

    def run(self, provider: FaultyProvider, place: Path, *, kill_after: int = 0, **how: Any) -> dict[str, Any]:
        """What a run came to: {"winner": ...}, or {"error": ...} for an exception, or {} when it was killed or did not end in time."""
        out = place / "said.json"
        out.unlink(missing_ok=True)
        job = {"name": self.name, "folder": str(place), "url": provider.url, "task": str(self.task), "out": str(out), **how}
        pid, deadline = self.zygote.start(job), time.monotonic() + LIMIT_S
        while kill_after and provider.arrived < kill_after and not out.is_file() and time.monotonic() < deadline:
            time.sleep(0.002)
        if kill_after:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        _, said = self.zygote.wait(pid, out, how["deadline_s"] + GRACE_S + OVERDUE_S if "deadline_s" in how else LIMIT_S)
        return said


def rival(name: str, folder: Path, cases: int) -> Iterator[Tried]:
    """So many cases of each kind; a quarter of them where each has to wait or reads a file."""
    with FaultyProvider() as provider, Zygote(provider.url, imported, work) as zygote:
        room = Room(name, folder, zygote)
        whole = room.run(provider, room.place(), seed=0)
        assert "winner" in whole, whole
        calls = provider.arrived
        for number in range(cases):
            yield from passing(room, number, whole)
            yield from for_good(room, number)
            yield from outage(room, number, whole, calls)
        for seed in range(cases // 4):
            winners = [room.run(provider, place, seed=seed, workers=n).get("winner") for place in [room.place()] for n in (1, 8)]
            yield Tried(same.WINNER, winners[0] == winners[1] is not None, f"seed {seed}", str(winners)[:200])
        if name == "gepa":
            for number in range(cases):
                yield from killed(room, number, whole, calls)
            for number in range(cases // 4):
                yield from late(room, number)
                yield from damaged(room, number, whole)


def passing(room: Room, number: int, whole: dict[str, Any]) -> Iterator[Tried]:
    """Faults that pass."""
    rng = random.Random(f"rival/{number}")
    schedule = Schedule(number, tuple(rng.sample(PASSING, 3)), rng.choice((0.05, 0.2, 0.5)), 2)
    with FaultyProvider(schedule, delay_s=LATENCY_S) as provider:
        found = room.run(provider, room.place(), seed=0)
        twice = sum(n - 1 for n in provider.delivered().values())
    where = f"transient {number}"
    yield Tried(CRASH, orderly(found), where, str(found)[:300])
    yield Tried(WINNER, found.get("winner") == whole["winner"], where, str(found)[:300])
    yield Tried(TWICE, not twice, where, f"{twice} replies were bought again")
    if "metric_calls" in found:
        yield Tried(CALLS_KEPT, found["metric_calls"] <= BUDGET, where, f"{found['metric_calls']} of {BUDGET}")


def for_good(room: Room, number: int) -> Iterator[Tried]:
    """Requests that get no usable answer, ever."""
    rng = random.Random(f"rival answers/{number}")
    schedule = Schedule(number, answers=tuple(rng.sample(sorted(ANSWERS), 3)), answer_share=rng.choice((0.05, 0.2)))
    with FaultyProvider(schedule, delay_s=LATENCY_S) as provider:
        found = room.run(provider, room.place(), seed=0)
    yield Tried(CRASH, orderly(found), f"answers {number}: {', '.join(schedule.answers)}", str(found)[:300])


def outage(room: Room, number: int, whole: dict[str, Any], calls: int) -> Iterator[Tried]:
    """A provider that goes down for good in mid-run, and is mended."""
    rng = random.Random(f"rival outage/{number}")
    schedule = Schedule(number, lasting=rng.choice(("401", "down", "quota")), after=rng.randrange(5, max(6, calls - 10)))
    with FaultyProvider(schedule, delay_s=LATENCY_S) as provider:
        place = room.place()
        found = room.run(provider, place, seed=0)
        where = f"{schedule.lasting} after {schedule.after} calls"
        yield Tried(WRONG, "winner" not in found, where, f"it ended as if nothing had been: {found}"[:300])
        yield Tried(CRASH, bool(found), where, "it did not end")
        if room.name == "gepa":
            provider.heal()
            again = room.run(provider, place, seed=0)
            yield Tried(HEALED, again.get("winner") == whole["winner"], where, str(again)[:300])


def killed(room: Room, number: int, whole: dict[str, Any], calls: int) -> Iterator[Tried]:
    """kill -9, then the same command again on the same run_dir."""
    with FaultyProvider(delay_s=LATENCY_S) as provider:
        place, rng = room.place(), random.Random(f"rival kill/{number}")
        first = room.run(provider, place, seed=0, kill_after=rng.randrange(2, calls - 2))
        found = first if "winner" in first else room.run(provider, place, seed=0)
        extra = sum(n - 1 for n in provider.delivered().values())
    where = f"kill {number}"
    yield Tried(crashes.SAME, found.get("winner") == whole["winner"], where, str(found)[:300])
    yield Tried(
        crashes.ONCE, extra <= 11, where, f"{extra} replies were bought again; 10 and one of the critic's are in flight at most"
    )
    if "metric_calls" in found:
        made = sum('"reader"' in one.key for one in provider.log)
        yield Tried(CALLS_KEPT, made <= BUDGET, where, f"{made} calls of the task model for a limit of {BUDGET}")


def late(room: Room, number: int) -> Iterator[Tried]:
    """A limit of time, and replies that never come."""
    schedule = Schedule(number, tuple(SLOW), (0.1, 0.5, 1.0)[number % 3], hangs=50)
    with FaultyProvider(schedule, delay_s=LATENCY_S) as provider:
        began = time.monotonic()
        found = room.run(provider, room.place(), seed=0, deadline_s=DEADLINE_S)
        took = time.monotonic() - began
    yield Tried(HANG, took <= DEADLINE_S + GRACE_S, f"deadline {number}", f"{took:.0f} s: {found}"[:300])


def damaged(room: Room, number: int, whole: dict[str, Any]) -> Iterator[Tried]:
    """The checkpoint cut at a byte; then one that somebody else wrote."""
    with FaultyProvider(delay_s=LATENCY_S) as provider:
        place, rng = room.place(), random.Random(f"rival torn/{number}")
        room.run(provider, place, seed=0)
        state = place / "run" / "gepa_state.bin"
        state.write_bytes(state.read_bytes()[: rng.randrange(1, state.stat().st_size)])
        before = provider.arrived
        found = room.run(provider, place, seed=0)
        asked = provider.arrived - before
        held = found.get("winner") == whole["winner"] and asked == 0
        yield Tried(crashes.TORN, held, f"cut {number}", f"{found}; {asked} asked again"[:300])
        trace = place / "executed"
        state.write_bytes(pickle.dumps(disks.Bomb(str(trace))))
        room.run(provider, place, seed=0)
        yield Tried(disks.POISON, not trace.exists(), f"poisoned checkpoint {number}", "it ran")


TELLING = (
    "APIError", "APIConnection", "ServerError", "Unavailable", "RateLimit", "Authentication", "BadRequest", "ContextWindow", "ContentPolicy", "Timeout",
)  # fmt: skip


def orderly(found: dict[str, Any]) -> bool:
    """Whether a run ended, or with an exception that is about its provider: not one about what the rival's own code had not thought of."""
    kind = found.get("error", "").partition(":")[0]
    return "winner" in found or any(word in kind for word in TELLING)


def rows(task: Path, split: str) -> list[dict[str, str]]:
    return [json.loads(line) for line in (task / "data" / f"{split}.jsonl").read_text().splitlines()]


def imported(url: str) -> None:
    """The zygote: both rivals and litellm, imported once, with shorter sleeps from there on."""
    os.environ |= {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "OPENAI_API_KEY": "none", "DSPY_CACHEDIR": tempfile.mkdtemp()}
    import asyncio

    import dspy  # noqa: F401
    import gepa  # noqa: F401
    import litellm

    litellm.suppress_debug_info = True
    real, real_async = time.sleep, asyncio.sleep
    time.sleep = lambda seconds: real(seconds / 100 if seconds >= 0.1 else seconds)
    asyncio.sleep = lambda delay, *more: real_async(delay / 100 if delay >= 0.1 else delay, *more)  # type: ignore[assignment]
    os.environ |= {"OPENAI_BASE_URL": url, "OPENAI_API_BASE": url}
    litellm.completion(model="openai/reader", messages=[{"role": "user", "content": "ready"}])


def work(job: Job) -> None:
    """One run, in a process that ends with it."""
    os.setsid()
    os.environ |= {"OPENAI_BASE_URL": job["url"], "OPENAI_API_BASE": job["url"]}
    os.chdir(job["folder"])
    sys.stdout = io.StringIO()
    run: Callable[[Job], dict[str, Any]] = gepa_run if job["name"] == "gepa" else mipro_run
    try:
        said = run(job)
    except BaseException as error:  # noqa: BLE001 (whatever it is, the campaign wants to know)
        said = {"error": f"{type(error).__name__}: {error}"[:2000]}
    Path(job["out"]).write_text(json.dumps(said))
    os._exit(0)


def gepa_run(job: Job) -> dict[str, Any]:
    """gepa with its own adapter, as its README shows it, with its cache of evaluations and its run_dir."""
    import gepa
    from gepa.adapters.default_adapter.default_adapter import DefaultAdapter
    from gepa.utils.stop_condition import TimeoutStopCondition

    task = Path(job["task"])

    def data(split: str) -> list[Any]:
        return [{"input": f"Sentence: {r['text']}", "additional_context": {}, "answer": r["expected"]} for r in rows(task, split)]

    limits = [TimeoutStopCondition(job["deadline_s"])] if "deadline_s" in job else None
    found = gepa.optimize(
        seed_candidate={"system": (task / "prompt.md").read_text().split("--- user ---")[0]},
        trainset=data("train"),
        valset=data("dev"),
        adapter=DefaultAdapter("openai/reader", max_litellm_workers=job.get("workers", 10)),
        reflection_lm="openai/critic",
        max_metric_calls=BUDGET,
        stop_callbacks=limits,
        cache_evaluation=True,
        run_dir=str(Path(job["folder"]) / "run"),
        seed=job["seed"],
    )
    return {"winner": found.best_candidate["system"], "metric_calls": found.total_metric_calls}


def mipro_run(job: Job) -> dict[str, Any]:
    """MIPROv2 with few trials, with DSPy's cache on the disk."""
    import dspy

    task = Path(job["task"])
    dspy.configure_cache(disk_cache_dir=str(Path(job["folder"]) / "dspy"))
    where = {"api_base": job["url"], "api_key": "none"}
    dspy.configure(lm=dspy.LM("openai/reader", max_tokens=500, **where))

    def data(split: str) -> list[Any]:
        return [dspy.Example(text=r["text"], label=r["expected"]).with_inputs("text") for r in rows(task, split)]

    def right(example: Any, made: Any, trace: Any = None) -> bool:
        return bool(example.label == made.label)

    optimizer = dspy.MIPROv2(
        metric=right, prompt_model=dspy.LM("openai/critic", **where), auto=None, num_candidates=3, max_bootstrapped_demos=1,
        max_labeled_demos=2, num_threads=job.get("workers", 8), seed=job["seed"], verbose=False,
    )  # fmt: skip
    made = optimizer.compile(
        dspy.Predict("text -> label"), trainset=data("train"), valset=data("dev"), num_trials=4, minibatch=False
    )
    return {"winner": json.dumps(made.dump_state(), sort_keys=True, default=str), "score": getattr(made, "score", None)}
