"""Scorers of tasks: built in, or a Python function of the user's own."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from pathlib import Path
from typing import Any

from topout.config.task_file import (
    CodeScorer,
    ContainsScorer,
    ExactScorer,
    JsonScorer,
    JudgeScorer,
    LabelScorer,
    NumericScorer,
    PythonScorer,
    RegexScorer,
    ScorerSettings,
    TokenF1Scorer,
)
from topout.contracts import Scorer, SlowScorer
from topout.domain import Example, Json, Score, Scored
from topout.errors import ScorerError, UserError, did_you_mean, place
from topout.plugins.modules import Crash, guarded, load_module
from topout.plugins.scorer_processes import ScorerProcesses
from topout.scoring import contains, exact, json_fields, label, numeric, regex, token_f1
from topout.scoring.code_answers import code, code_problem
from topout.scoring.fields import json_check
from topout.scoring.numbers import numeric_problem
from topout.scoring.sandbox import Isolation, Limits, find_isolation
from topout.scoring.texts import regex_problem
from topout.text.judging import pairs, points

__all__ = ["Grader", "built_in", "load_judge", "load_scorer"]

Check = Callable[[Json], str]
Returned = tuple[float, str, dict[str, float]]


@dataclass(frozen=True, slots=True)
class Grader:
    """A scorer, and a check that says why an expected value does not suit it ('' when it does)."""

    scorer: Scorer
    problem: Check


def built_in(settings: ScorerSettings, labels: Sequence[str], schema: Mapping[str, Json] | None) -> Grader:
    """The built-in scorer with its settings. Raises ValueError, in words, for settings that do not work."""
    match settings:
        case LabelScorer():
            return Grader(label(labels, strict=settings.strict), anything)
        case ExactScorer():
            return Grader(exact(ignore_case=settings.ignore_case), anything)
        case ContainsScorer():
            return Grader(contains(ignore_case=settings.ignore_case), some_text)
        case RegexScorer():
            scorer = regex(settings.pattern, ignore_case=settings.ignore_case)
            return Grader(scorer, anything if settings.pattern else regex_problem)
        case NumericScorer():
            return Grader(numeric(tolerance=settings.tolerance, relative=settings.relative), numeric_problem)
        case TokenF1Scorer():
            return Grader(token_f1(), some_text)
        case JsonScorer():
            scorer = json_fields(
                schema=schema, kinds=settings.kinds, credit=settings.credit, fences=settings.fences, tolerance=settings.tolerance
            )
            return Grader(scorer, json_check(schema))
        case CodeScorer():
            limits = Limits(settings.timeout_s, settings.memory_mb, settings.disk_mb, settings.output_kb)
            isolation = isolation_for(settings)
            scorer = code(isolation, limits, credit=settings.credit, packages=settings.packages, at_once=settings.at_once)
            return Grader(scorer, code_problem)
        case PythonScorer() | JudgeScorer():
            raise ValueError("this scorer is loaded from its file")


def load_judge(settings: JudgeScorer, rubric: str, rivals: Mapping[str, str] | None) -> Grader:
    """The judge with this rubric, and with the answers to beat by row, if there are any. Raises ValueError, in words, for settings that do not work."""
    if not rubric.strip():
        raise ValueError(f"{settings.rubric} is empty: write down what makes an answer good")
    if settings.mode == "pairs":
        judge = pairs(
            rubric,
            rivals=rivals,
            model=settings.model,
            temperature=settings.temperature,
            max_output_tokens=settings.max_output_tokens,
        )
        return Grader(judge, something if rivals is None else anything)
    low, high = settings.scale
    judge = points(
        rubric,
        low=low,
        high=high,
        criteria=settings.criteria,
        reference=settings.reference,
        model=settings.model,
        temperature=settings.temperature,
        max_output_tokens=settings.max_output_tokens,
    )
    return Grader(judge, anything)


def something(expected: Json) -> str:
    """A judge of pairs compares with it."""
    return "expected an answer to compare with, found none." if expected in (None, "", [], {}) else ""


def isolation_for(settings: CodeScorer) -> Isolation:
    """What keeps programs in. Raises ValueError where nothing does and the user did not say that this is well."""
    found, why = find_isolation()
    if found is None and not settings.allow_unsandboxed:
        raise ValueError(
            f"answers are programs, and no sandbox holds them here ({why}). Run topout on Linux 6.2 or newer, install bubblewrap, or, inside of a "
            "container that may be lost, set allow_unsandboxed = true"
        )
    return found or "none"


def anything(expected: Json) -> str:
    return ""


def some_text(expected: Json) -> str:
    """Scorers that compare with one text or a list of texts need one."""
    return "expected a text or a list of texts, found an empty list." if expected == [] else ""


def load_scorer(path: Path, threads: int = 0, processes: int = 0) -> Scorer:
    """The scorer of a user's file: its function `score(answer: str, expected, inputs: dict)`, called in so many threads or processes (0 of both: on the
    event loop).

    It returns a number in [0, 1], `(number, feedback)`, or a dict of parts: numbers by name, of which "score" is the value (else
    their mean is) and "feedback" the text. Raises UserError when the file does not import or has no such function. The scorer
    raises ScorerError, naming file, line and example, when the function raises or returns anything else: that is no score of 0.
    """
    names = vars(load_module(path))
    function = names.get("score")
    if not callable(function):
        functions = [name for name, value in names.items() if inspect.isfunction(value)]
        raise UserError(
            f"{path}: no function 'score(answer, expected, inputs)' in it.{did_you_mean('score', functions) if functions else ''}"
        )
    first_line = function.__code__.co_firstlineno if inspect.isfunction(function) else None
    try:
        inspect.signature(function).bind("", None, {})
    except TypeError:
        raise UserError(f"{place(path, first_line)}: 'score' does not take three arguments (answer, expected, inputs).") from None
    except ValueError:
        pass  # a function of an extension module, which has no signature to look at

    def scorer(answer: str, example: Example) -> Score:
        def call() -> Any:
            expected = example.expected if isinstance(example.expected, str) else copy.deepcopy(example.expected)
            return function(answer, expected, dict(example.inputs))

        try:
            returned = guarded(path, call)
        except Crash as crash:
            raise ScorerError(f"{place(path, crash.line)}: score() raised {crash.what} (example '{example.id}').") from crash
        try:
            value, feedback, parts = read_returned(returned)
        except ValueError as error:
            raise ScorerError(f"{place(path, first_line)}: score() returned {error} (example '{example.id}').") from None
        return Scored(value, feedback, parts)

    if processes:
        return SlowScorer(scorer, processes, lambda: ScorerProcesses(path))
    return SlowScorer(scorer, threads) if threads else scorer


def read_returned(returned: Any) -> Returned:
    """Value, feedback and parts of what a user's function returned. Raises ValueError in words."""
    match returned:
        case Real():
            return in_range(returned, ""), "", {}
        case (Real() as value, str() as feedback):
            return in_range(value, ""), feedback, {}
        case Mapping():
            given = dict(returned)
            feedback = given.pop("feedback", "")
            if not isinstance(feedback, str):
                raise ValueError(f"{shown(feedback)} as 'feedback', expected a text")
            parts = {str(name): in_range(value, f" for '{name}'") for name, value in given.items()}
            if not parts:
                raise ValueError("a dict without a number in it")
            mean = sum(parts.values()) / len(parts)
            return parts.pop("score", mean), feedback, parts
        case _:
            raise ValueError(f"{shown(returned)}, expected a number in [0, 1], (number, feedback) or a dict of parts")


def in_range(value: Any, name: str) -> float:
    """A number in [0, 1]."""
    number = float(value) if isinstance(value, Real) else float("nan")
    if not 0 <= number <= 1:
        raise ValueError(f"{shown(value)}{name}, expected a number in [0, 1]")
    return number


def shown(value: object) -> str:
    text = " ".join(repr(value).split())
    return text if len(text) <= 80 else text[:77] + "..."
