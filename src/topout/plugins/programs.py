"""A task's own program -> Program: how its prompts answer an example by several calls.

The file is Python of the user's own, loaded by path from the task folder that they named, and run with their rights: as a scorer.py is.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from topout.config.task_file import ModelSettings, ProgramSettings
from topout.contracts import Model, Program, Solve, Solved
from topout.domain import Example, Failure, Prompt
from topout.errors import ProgramError, UserError, did_you_mean, place
from topout.plugins.calling import Asked, Asker, Calls, Ended, Sheets
from topout.plugins.modules import Crash, boundary, code_file, load_module

__all__ = ["CRASHES", "Crashes", "LoadedProgram", "answer_text", "load_program"]

CRASHES = 8
"""So many rows on which the task's own prompt makes the program raise, and none on which it does not, are a mistake in the program."""


@dataclass(frozen=True, slots=True)
class LoadedProgram:
    """A program before it knows its prompt. `steps` is the prompt that it comes with, None when the task has to bring one (prompt.md). `made` is the
    program for a task whose own prompt is the argument. `state` is what DSPy loads of a module with a prompt."""

    kind: Literal["run", "dspy"]
    made: Callable[[Prompt], Program]
    steps: Prompt | None = None
    state: Callable[[Prompt], bytes] | None = None


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


class Crashes:
    """Tells a program that is broken from one that fails on some rows: by how the task's own prompt fares on the first rows of a session."""

    def __init__(self, path: Path, baseline: Prompt) -> None:
        self._path = path
        self._baseline = baseline
        self._met = 0
        self._came = False

    def watch(self, prompt: Prompt) -> bool:
        """Whether this prompt says something of the program itself."""
        return not self._came and prompt == self._baseline

    def came_through(self) -> None:
        self._came = True

    def met(self, crash: Crash, example: str) -> None:
        """One more row. Raises ProgramError when it is the last one to be excused."""
        self._met += 1
        if self._met >= CRASHES and not self._came:
            raise ProgramError(
                f"{place(self._path, crash.line)}: the program raised {crash.what} (example '{example}'), and raised on all of the first {CRASHES} "
                "rows with the task's own prompt. Mend it."
            ) from crash


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


def crashed(path: Path, crash: Crash) -> str:
    """What a program raised, for whoever mends the prompt: the name of the file, not where it lies."""
    return f"the program raised {crash.what} ({place(path.name, crash.line)})"


def answer_text(returned: object) -> str:
    """What a program returned as the text that the scorer gets. Raises ValueError for what is no answer."""
    if isinstance(returned, str):
        return returned
    if returned is None:
        raise ValueError("None, expected the answer")
    if isinstance(returned, Mapping):
        returned = dict(returned)
    try:
        return json.dumps(returned, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError):
        raise ValueError(f"a {type(returned).__name__}, expected a text or what JSON can hold") from None
