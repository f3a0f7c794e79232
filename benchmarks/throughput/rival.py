"""gepa and MIPROv2 under the same load. gepa: as it comes, with ten workers, and at the best that settings and a hand-written adapter make of it.

Its task model and critic sleep as topout's do, in threads, since gepa is synchronous. `gepa.optimize` alone is timed.
"""

from __future__ import annotations

import importlib.util
import itertools
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from benchmarks.throughput.load import Load, Measured, Stopwatch
from topout.bridges.host import Step
from topout.domain import Example, Message, Prompt, Request, Rollout, Scored
from topout.testing.fakes import say_right
from topout.text.fingerprints import prompt_id
from topout.text.rendering import renderer

__all__ = ["Setup", "gepa_version", "mipro", "rival"]


@dataclass(frozen=True, slots=True)
class Setup:
    """How gepa is set up. `workers` answer a batch; `at_once` proposals are made in an iteration, their batches evaluated together and their
    critiques asked for together (gepa's IndependentSampling, batch_evaluate and batch_complete)."""

    workers: int = 1
    at_once: int = 1
    tuned: bool = False


def gepa_version() -> str | None:
    """The installed version, None without gepa."""
    if importlib.util.find_spec("gepa") is None:
        return None
    from importlib.metadata import version

    return version("gepa")


def rival(load: Load, seed: int, setup: Setup) -> Measured:
    """One `gepa.optimize` with a budget of the load's calls."""
    import gepa
    from gepa.strategies.proposal_sampling import IndependentSampling

    task = load.task()
    with ThreadPoolExecutor(setup.workers) as pool, ThreadPoolExecutor(setup.at_once) as desks:
        adapter: Any = (TogetherAdapter if setup.tuned else Adapter)(load, seed, pool)
        critic = SlowCritic(load, desks)
        more: dict[str, Any] = {}
        if setup.tuned:
            more = {
                "candidate_selection_strategy": "current_best",
                "reflection_minibatch_size": 8,
                "sampling_strategy": IndependentSampling(setup.at_once),
                "cache_evaluation": True,
            }
        pool.map(time.sleep, [0.0] * setup.workers)
        watch = Stopwatch()
        gepa.optimize(
            seed_candidate={"system": task.baseline.component("system").text},
            trainset=list(task.rows("train")),
            valset=list(task.rows("dev")),
            adapter=adapter,
            reflection_lm=critic,
            max_metric_calls=load.calls,
            logger=Quiet(),
            seed=seed,
            **more,
        )
        return watch.stop(adapter.calls, critic.calls, critic.calls)


def mipro(load: Load, seed: int) -> Measured:
    """One compilation of DSPy's MIPROv2 (light) until it ends or has made the load's calls. Rows of an evaluation are asked together, by all workers; its questions
    to the critic and its bootstrapping come one after another, as they do in DSPy."""
    from topout.bridges.dspy_loop import MiproSettings, quiet_dspy, run_mipro
    from topout.bridges.host import Over

    with quiet_dspy():
        pass  # its import is not timed
    with ThreadPoolExecutor(load.workers) as pool:
        pool.map(time.sleep, [0.0] * load.workers)
        host = SleepingHost(load, seed, pool)
        watch = Stopwatch()
        with suppress(Over):
            run_mipro(host, MiproSettings(auto="light"), seed, load.calls)
        return watch.stop(host.calls, host.critiques, host.steps)


class SleepingHost:
    """A host of `topout.bridges` whose models sleep."""

    def __init__(self, load: Load, seed: int, pool: ThreadPoolExecutor) -> None:
        self.task = load.task()
        self.calls = self.critiques = self.steps = 0
        self._load, self._pool = load, pool
        self._answers, self._critic = load.answers(seed), load.critic()

    def measure(self, prompt: Prompt, rows: Sequence[Example]) -> list[Rollout]:
        from topout.bridges.host import Over

        if self.calls >= self._load.calls:
            raise Over
        self.calls += len(rows)
        render, name = renderer(prompt), prompt_id(prompt)

        def one(row: Example) -> Rollout:
            time.sleep(self._load.latency_s)
            answer = self._answers(Request("task", render(row.inputs)))
            return Rollout(name, row.id, "dev", 0, answer, say_right(answer, row))

        return list(self._pool.map(one, rows))

    def ask(self, messages: Sequence[Message]) -> str:
        self.critiques += 1
        time.sleep(self._load.critic_s)
        return self._critic(Request("critic", tuple(messages), seed=self.critiques))

    def tell(self, step: Step) -> None:
        self.steps += 1


class Quiet:
    """gepa's logger."""

    def log(self, message: str) -> None:
        pass


class SlowCritic:
    """gepa's reflection_lm; `batch_complete` is what gepa asks when it has several proposals to make."""

    def __init__(self, load: Load, desks: ThreadPoolExecutor) -> None:
        self._write: Callable[[Request], str] = load.critic()
        self._critic_s = load.critic_s
        self._desks = desks
        self._numbers = itertools.count(1)
        self.calls = 0

    def __call__(self, prompt: object) -> str:
        self.calls += 1
        time.sleep(self._critic_s)
        return self._write(Request("critic", (Message("user", "improve"),), seed=next(self._numbers)))

    def batch_complete(self, prompts: Sequence[object]) -> list[str]:
        return list(self._desks.map(self, prompts))


class Adapter:
    """A GEPAAdapter that answers a batch with the workers of `pool`."""

    propose_new_texts = None

    def __init__(self, load: Load, seed: int, pool: ThreadPoolExecutor) -> None:
        self._prompt = load.task().baseline
        self._answer = load.answers(seed)
        self._latency_s = load.latency_s
        self._pool = pool
        self.calls = 0

    def evaluate(self, batch: list[Example], candidate: dict[str, str], capture_traces: bool = False) -> Any:
        return self.scored(batch, self._pool.map(self.ask, self.requests(batch, candidate)))

    def make_reflective_dataset(
        self, candidate: dict[str, str], eval_batch: Any, components_to_update: list[str]
    ) -> Mapping[str, Sequence[Mapping[str, Any]]]:
        records = [
            {"Inputs": dict(row.inputs), "Generated Outputs": answer, "Feedback": feedback}
            for row, answer, feedback in eval_batch.trajectories
        ]
        return dict.fromkeys(components_to_update, records)

    def requests(self, batch: list[Example], candidate: dict[str, str]) -> list[Request]:
        render = renderer(self._prompt.with_text("system", candidate["system"]))
        self.calls += len(batch)
        return [Request("task", render(example.inputs)) for example in batch]

    def ask(self, request: Request) -> str:
        time.sleep(self._latency_s)
        return self._answer(request)

    def scored(self, batch: list[Example], answers: Any) -> Any:
        from gepa.core.adapter import EvaluationBatch

        told = list(answers)
        scores = [say_right(answer, example) for answer, example in zip(told, batch, strict=True)]
        traces = [
            (example, answer, score.feedback)
            for example, answer, score in zip(batch, told, scores, strict=True)
            if isinstance(score, Scored)
        ]
        return EvaluationBatch(
            outputs=told, scores=[score.value for score in scores if isinstance(score, Scored)], trajectories=traces
        )


class TogetherAdapter(Adapter):
    """With gepa's optional `batch_evaluate`: the batches of all proposals of an iteration share the pool."""

    def batch_evaluate(self, items: list[tuple[dict[str, str], list[Example]]]) -> list[Any]:
        requests = [self.requests(batch, candidate) for candidate, batch in items]
        answers = iter(list(self._pool.map(self.ask, itertools.chain.from_iterable(requests))))
        return [self.scored(batch, itertools.islice(answers, len(batch))) for _, batch in items]
