"""A task's own program -> Program: how its prompts answer an example by several calls.

The file is Python of the user's own, loaded by path from the task folder that they named, and run with their rights: as a scorer.py is.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from topout.config.task_file import ModelSettings, ProgramSettings
from topout.contracts import Model, Solve, Solved
from topout.domain import Example, Failure, Prompt
from topout.errors import UserError, did_you_mean, place
from topout.plugins.calling import Asked, Asker, Calls, Ended, Sheets
from topout.plugins.loaded_program import Crashes, LoadedProgram, answer_text, crashed
from topout.plugins.modules import Crash, boundary, code_file, load_module

__all__ = ["load_program"]


def load_program(folder: Path, settings: ProgramSettings, model: ModelSettings) -> LoadedProgram:
    """The program of a task folder. Raises UserError (one line, with path) for a file that does not import or has neither `run` nor `program`."""
    path = code_file(folder, settings.file, str(folder / "task.toml"))
    names = vars(load_module(path))
    asked = Asked(model.temperature, model.max_output_tokens, settings.calls)
    run, module = names.get("run"), names.get("program")
    if run is not None and module is not None:
        raise UserError(f"{path}: both 'run' and 'program' in it. Keep one: an async function, or a dspy.Module.")
    if module is not None:
        from topout.plugins.dspy_programs import load_dspy

        return load_dspy(path, module, asked, settings.output)
    if run is None:
        functions = [name for name, value in names.items() if inspect.isfunction(value)]
        raise UserError(
            f"{path}: neither 'async def run(example, prompts, model)' nor 'program' (a dspy.Module) in it.{did_you_mean('run', functions)}"
        )
    line = run.__code__.co_firstlineno if inspect.isfunction(run) else None
    if not inspect.iscoroutinefunction(run):
        raise UserError(f"{place(path, line)}: 'run' is no async function. Write `async def run(example, prompts, model)`.")
    try:
        inspect.signature(run).bind({}, {}, None)
    except TypeError:
        raise UserError(f"{place(path, line)}: 'run' does not take three arguments (example, prompts, model).") from None
    if settings.output:
        raise UserError(
            f"{folder / 'task.toml'}: output = '{settings.output}' is for DSPy modules; run() returns the answer itself."
        )
    return LoadedProgram("run", lambda baseline: RunProgram(path, run, asked, Crashes(path, baseline)))


class RunProgram:
    """A function of the user's own, `async def run(example, prompts, model)`, on the event loop: what blocks in it blocks the run."""

    def __init__(self, path: Path, run: Callable[..., Awaitable[Any]], asked: Asked, crashes: Crashes) -> None:
        self._path = path
        self._run = run
        self._asked = asked
        self._crashes = crashes

    def calls(self, prompt: Prompt) -> int:
        return self._asked.most

    def bind(self, prompt: Prompt) -> Solve:
        sheets = Sheets(prompt)
        watched = self._crashes.watch(prompt)

        async def solve(example: Example, sample: int, model: Model, name: str) -> Solved | Failure:
            calls = Calls(model, name, sample, self._asked)
            answer, wrong = "", ""
            try:
                with boundary(self._path):
                    returned = await self._run(dict(example.inputs), dict(sheets.texts), Asker(calls, sheets))
                answer = answer_text(returned)
            except Crash as crash:
                wrong = crashed(self._path, crash)
                if watched and calls.over is None:
                    self._crashes.met(crash, example.id)
            except ValueError as error:
                wrong = f"{self._path.name}: run() returned {error}"
            except (Ended, BaseExceptionGroup):
                if calls.over is None:
                    raise
            if watched and not wrong:
                self._crashes.came_through()
            return calls.solved(answer, wrong)

        return solve
