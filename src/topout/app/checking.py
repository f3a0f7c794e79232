"""A task folder looked over before money is spent: what is wrong with it, what it can show, and what a run would take."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from topout.app.asking import Answers, ask_rows
from topout.app.places import task_path
from topout.app.planning import exam_of
from topout.checks import Found, Subject, Visible, check, visible
from topout.config.toml_files import read_text
from topout.domain import Example, Split, Task
from topout.errors import UserError
from topout.models.addresses import Addresses
from topout.models.prices import Prices, parse_price
from topout.plugins.optimizers import load_recipe
from topout.plugins.tasks import load_task
from topout.text.rendering import renderer

__all__ = ["Checked", "Expense", "check_task"]

BYTES_PER_TOKEN = 4.0  # of prose, in the tokenizers of today
FEW_SHOT = 8.0  # how much longer than the baseline a prompt with examples may become: the dear end of the estimate


@dataclass(frozen=True, slots=True)
class Expense:
    """What a run would take at most. Tokens are a range: all prompts as long as the baseline, or eight times as long (few-shot sets). Dollars are
    None when no model was named or its price is unknown; those of the critic are not in it."""

    recipe: str
    calls: int
    search_calls: int
    exam_calls: int
    prompt_tokens: tuple[float, float]
    output_tokens: float
    cost_usd: tuple[float, float] | None
    model: str = ""


@dataclass(frozen=True, slots=True)
class Checked:
    """What was found. `rows` by split; `expense` is None when the calls are too few for a run (a finding says so), `answers` when no row was asked."""

    task: str
    rows: dict[Split, int]
    visible: Visible
    delta: float
    found: tuple[Found, ...]
    expense: Expense | None
    answers: Answers | None = None

    @property
    def errors(self) -> int:
        """Findings that make the figures of a run wrong."""
        return sum(one.severity == "error" for one in self.found)


def check_task(
    task: str | Path,
    *,
    delta: float = 0.02,
    recipe: str = "evolve",
    max_calls: int | None = None,
    model: str | None = None,
    prices: Sequence[str] = (),
    ask: int = 0,
    api_base: str | None = None,
    max_cost: float | None = None,
    cache_dir: str = ".topout/cache",
    tell: Callable[[str], None] = lambda line: None,
) -> Checked:
    """Look a task folder over. No model is asked, unless `ask` dev rows are to be answered with the first prompt; `model` answers them, and names whose price
    the estimate goes by. `tell` hears the price of asking beforehand.

    Raises UserError for a folder that cannot be read at all: that message is the first finding, with path, line and remedy.
    """
    if not 0 < delta < 1:
        raise UserError(f"--delta {delta:g}: expected a fraction of the score above 0 and below 1; 0.02 is 2 points.")
    folder, loaded = load_task(task_path(task)), load_recipe(recipe)
    if ask and not model:
        raise UserError("--ask: which model shall answer? Name it with --model, such as --model openai/gpt-4.1-mini.")
    prompt = folder.folder / "prompt.md"
    lines = tuple(read_text(prompt).splitlines()) if prompt.is_file() else ()
    subject = Subject(folder.task, folder.scorer, folder.places, delta, str(prompt), lines)
    table = Prices(
        dict(parse_price(text) for text in prices), Addresses({model: api_base} if model and api_base else {}, os.environ)
    )
    found = [unused(line) for line in folder.warnings]
    calls = max_calls or loaded.recipe.max_calls
    expense: Expense | None = None
    try:
        plan = exam_of(folder, loaded, calls)
    except UserError as error:
        found.append(
            Found(
                "error", "budget", "max_calls", str(error).removeprefix(f"max_calls = {calls}: ").rstrip("."), "Raise --max-calls."
            )
        )
    else:
        expense = estimated(folder.task, loaded.name, calls, plan.search, table, model or "")
    answers: Answers | None = None
    if ask and model:
        answers = ask_rows(
            folder,
            ask,
            model=model,
            prices=prices,
            table=table,
            api_base=api_base,
            max_cost=max_cost,
            cache_dir=cache_dir,
            tell=tell,
        )
    checks = check(subject, answers.rows if answers is not None else ())
    order = [one for one in checks if one.severity == "error"]
    rest = [one for one in checks if one.severity != "error"]
    every = (*(f for f in found if f.severity == "error"), *order, *(f for f in found if f.severity != "error"), *rest)
    rows: dict[Split, int] = {split: len(examples) for split, examples in folder.task.splits.items()}
    return Checked(folder.task.name, rows, visible(subject), delta, every, expense, answers)


def unused(line: str) -> Found:
    """A warning of the task's reader, `path: what was found`."""
    where, _, said = line.partition(": ")
    return Found("warning", "unused-field", where, said.rstrip("."), "Use it in the prompt, or drop it from 'fields'.")


def estimated(task: Task, recipe: str, calls: int, search: int, prices: Prices, model: str) -> Expense:
    """Tokens and dollars of all calls."""
    rows = [*task.rows("dev"), *task.rows("holdout")]
    tokens = fmean(prompt_bytes(task, rows)) / BYTES_PER_TOKEN
    answers = fmean(len(str(e.expected).encode("utf-8", "replace")) for e in rows) / BYTES_PER_TOKEN + 2
    low, high, output = tokens * calls, tokens * calls * FEW_SHOT, answers * calls
    price = prices.of(model) if model else None
    cost = (price.cost(low, output), price.cost(high, output)) if price else None
    return Expense(recipe, calls, search, calls - search, (low, high), output, cost, model)


def prompt_bytes(task: Task, rows: Sequence[Example]) -> list[float]:
    """The size of the baseline's messages, a number a row; of a program, about that of one call: what its steps add to an input on the way is not known."""
    if task.program:
        texts = fmean(len(c.text.encode("utf-8", "replace")) for c in task.baseline.components)
        return [texts + sum(len(v.encode("utf-8", "replace")) for v in e.inputs.values()) for e in rows]
    render = renderer(task.baseline)
    return [float(sum(len(m.content.encode("utf-8", "replace")) for m in render(e.inputs))) for e in rows]
