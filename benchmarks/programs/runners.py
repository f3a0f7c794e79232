"""topout's evolve, dspy.GEPA and MIPROv2 on the module of tasks/two-hop, each with so many calls of both models, and what the result is worth.

All meet the same simulated models through the same module. A rival's LM is a `dspy.LM` with the simulated model as its engine and without a cache: each
call counts. topout's counts are its engine's, where a reply that is known is a call too. The result is scored on the holdout by running the module
directly, which costs nobody calls.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import io
import logging
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.programs.world import Critic, TaskModel
from topout.domain import AttemptDone, Prompt, Request
from topout.plugins.optimizers import load_recipe
from topout.plugins.tasks import TaskFolder, load_task
from topout.testing.engine_room import run_in_memory
from topout.testing.fakes import FakeModel

__all__ = ["RUNNERS", "TASK", "Result", "baseline", "lm_of", "measured", "module_of", "task"]

ROOT = Path(__file__).parents[2]
TASK = ROOT / "tasks" / "two-hop"


@dataclass(frozen=True, slots=True)
class Result:
    """What a run came to: score on the holdout, calls of task model and critic, and time."""

    score: float
    task_calls: int
    critic_calls: int
    wall_s: float
    cpu_s: float


class Engine:
    """A simulated model as DSPy reaches one."""

    def __init__(self, model: TaskModel | Critic) -> None:
        self.model = model

    def complete(self, request: Any) -> Any:
        from dspy.lm15 import Message, Response, TextPart, Usage

        turns = [("system", request.system or "")] if request.system else []
        turns += [(m.role, m.text or "") for m in request.messages]
        text = self.model.answer(turns)
        return Response(None, request.model, Message.assistant([TextPart(text)]), "stop", Usage(input_tokens=1, output_tokens=1))


def lm_of(model: TaskModel | Critic) -> Any:
    """A dspy.LM that the simulated model serves."""
    import dspy

    return dspy.LM("simulated/model", engine=Engine(model), cache=False, num_retries=0)


def module_of(prompt: Prompt) -> Any:
    """The task's module with the prompt of the task in it."""
    spec = importlib.util.spec_from_file_location("two_hop", TASK / "program.py")
    assert spec is not None and spec.loader is not None
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    module = found.program()
    for name, predictor in module.named_predictors():
        predictor.signature = predictor.signature.with_instructions(prompt.component(name).text)
    return module


def right(module: Any, folder: TaskFolder, model: TaskModel) -> float:
    """The share of holdout rows that the module answers right."""
    import dspy

    rows = folder.task.rows("holdout")
    with dspy.context(lm=lm_of(model), disable_history=True):
        found = [str(module(**row.inputs).answer).strip().lower() == str(row.expected).lower() for row in rows]
    return sum(found) / len(rows)


def ours(folder: TaskFolder, calls: int, seed: int, lines: int) -> tuple[Any, int, int]:
    """evolve as the recipe sets it, its search alone: no exam is paid for."""
    task, critic = TaskModel(seed), Critic(seed, lines)

    def say(model: TaskModel | Critic) -> FakeModel:
        return FakeModel(lambda request: model.answer(turns(request)))

    loaded = load_recipe(str(ROOT / "optimizers" / "evolve.toml"))
    share, weight = 0.3, 3
    least = 3 * len(folder.task.rows("holdout")) * weight
    whole = max(int(calls / (1 - share)), calls + least)
    outcome = asyncio.run(
        run_in_memory(
            folder.task,
            folder.scorer,
            loaded.optimizer,
            say(task),
            say(critic),
            max_calls=whole,
            exam_share=1 - calls / whole,
            seed=seed,
            program=folder.program,
            opening_rows=loaded.recipe.opening_rows,
        )
    )
    winner = outcome.finish.winner
    assert winner is not None and folder.state is not None
    module = module_of(folder.task.baseline)
    with tempfile.TemporaryDirectory() as place:
        state = Path(place) / "program.json"
        state.write_bytes(folder.state(winner.prompt))
        module.load(state)
    last = [event for event in outcome.events if isinstance(event, AttemptDone)][-1]
    return module, last.task_calls, last.calls - last.task_calls


def turns(request: Request) -> list[tuple[str, str]]:
    return [(m.role, m.content) for m in request.messages]


def sets(folder: TaskFolder) -> tuple[list[Any], list[Any]]:
    """Train and dev rows as DSPy's."""
    import dspy

    def rows(split: Any) -> list[Any]:
        return [dspy.Example(**e.inputs, answer=str(e.expected)).with_inputs(*e.inputs) for e in folder.task.rows(split)]

    return rows("train"), rows("dev")


def gepa(folder: TaskFolder, calls: int, seed: int, lines: int) -> tuple[Any, int, int]:
    """dspy.GEPA as it comes, with a metric whose feedback is our scorer's words; a row is three calls of the model."""
    import dspy

    task, critic = TaskModel(seed), Critic(seed, lines)
    train, dev = sets(folder)

    def metric(gold: Any, pred: Any, trace: Any = None, pred_name: Any = None, pred_trace: Any = None) -> Any:
        good = str(pred.answer).strip().lower() == gold.answer.lower()
        return dspy.Prediction(score=float(good), feedback="" if good else f"expected '{gold.answer}', got '{pred.answer}'")

    optimizer = dspy.GEPA(metric=metric, max_metric_calls=calls // 3, reflection_lm=lm_of(critic), num_threads=1, seed=seed)
    with dspy.context(lm=lm_of(task)):
        made = optimizer.compile(module_of(folder.task.baseline), trainset=train, valset=dev)
    return made, task.calls, critic.calls


def mipro(folder: TaskFolder, calls: int, seed: int, lines: int) -> tuple[Any, int, int]:
    """MIPROv2 with as many trials as the calls allow for; the prompt that it took to be the best when they were used up."""
    import dspy

    task, critic = TaskModel(seed), Critic(seed, lines)
    train, dev = sets(folder)
    trials = max(4, int((calls / 3 - 2 * len(dev) - 60) / (35 + len(dev) / 5)))
    optimizer = dspy.MIPROv2(
        metric=lambda gold, pred, trace=None: str(pred.answer).strip().lower() == gold.answer.lower(),
        prompt_model=lm_of(critic),
        task_model=lm_of(task),
        auto=None,
        num_candidates=max(3, min(10, round(trials / 1.5))),
        num_threads=1,
        seed=seed,
        verbose=False,
    )
    with dspy.context(lm=lm_of(task)):
        made = optimizer.compile(
            module_of(folder.task.baseline), trainset=train, valset=dev, num_trials=trials, minibatch=True, minibatch_size=35
        )
    return made, task.calls, critic.calls


Runner = Callable[[TaskFolder, int, int, int], tuple[Any, int, int]]
RUNNERS: dict[str, Runner] = {"topout evolve": ours, "dspy.GEPA": gepa, "dspy.MIPROv2": mipro}


def measured(name: str, folder: TaskFolder, calls: int, seed: int, lines: int) -> Result:
    """One run, quietly, and what its module is worth."""
    logging.disable(logging.CRITICAL)
    wall, cpu = time.perf_counter(), time.process_time()
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        warnings.simplefilter("ignore")
        module, task_calls, critic_calls = RUNNERS[name](folder, calls, seed, lines)
    took = (time.perf_counter() - wall, time.process_time() - cpu)
    return Result(right(module, folder, TaskModel(seed)), task_calls, critic_calls, *took)


def baseline(folder: TaskFolder, seed: int) -> float:
    """What the task's own prompt is worth."""
    return right(module_of(folder.task.baseline), folder, TaskModel(seed))


def task() -> TaskFolder:
    return load_task(TASK)
