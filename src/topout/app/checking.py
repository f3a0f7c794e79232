"""A task folder looked over before money is spent: what is wrong with it, what it can show, and what a run would take."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from topout.app.agreeing import agree
from topout.app.asking import Answers, ask_rows
from topout.app.estimating import estimate_run
from topout.app.judges import judge_of
from topout.app.places import task_path
from topout.app.planning import exam_of, judge_calls
from topout.app.running import checked_settings
from topout.checks import Found, Subject, Visible, check, visible
from topout.config.toml_files import read_text
from topout.domain import Split
from topout.errors import UserError, place
from topout.models.addresses import Addresses
from topout.models.prices import Prices, parse_price
from topout.plateau.agreement import Agreement
from topout.plateau.wording import points
from topout.plugins.human_marks import read_marks
from topout.plugins.optimizers import load_recipe
from topout.plugins.tasks import load_task

__all__ = ["Checked", "Expense", "check_task"]


WEAK = 0.5
"""A judge whose correlation with people may be below this is warned of."""


@dataclass(frozen=True, slots=True)
class Expense:
    """What a run would take (see `topout.app.estimating`): calls at most, tokens in from the lowest to the highest, tokens out as is likely. Dollars are None when
    no model was named or its price is unknown; the critic is taken to be the same model."""

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
    judge: str = "",
    tell: Callable[[str], None] = lambda line: None,
) -> Checked:
    """Look a task folder over. No model is asked, unless `ask` dev rows are to be answered with the first prompt; a `judge` is named and the task has answers that people marked; `model` answers rows, and names whose price
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
    subject = Subject(
        folder.task, folder.scorer, folder.places, delta, str(prompt), lines, line_of(folder.folder / "task.toml", "[scorer]")
    )
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
                "error",
                "budget",
                f"--max-calls {calls}",
                str(error).removeprefix(f"max_calls = {calls}: ").rstrip("."),
                "Raise --max-calls.",
            )
        )
    else:
        asked = judge_of(folder)
        named = judge or (asked.model if asked is not None else "")
        took = estimate_run(folder.task, loaded, plan, calls, model or "", model or "", table, asked, named)
        expense = Expense(
            loaded.name,
            calls,
            plan.search,
            calls - plan.search,
            (took.prompt_tokens.low, took.prompt_tokens.high),
            took.output_tokens.likely,
            (took.cost_usd.low, took.cost_usd.high) if took.cost_usd else None,
            model or "",
        )
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
            judge=judge,
            tell=tell,
        )
    marks = read_marks(folder) if judge else ()
    if marks:
        tell(f"{judge}: {judge_calls(folder) * len(marks)} calls about {len(marks)} answers that people marked")
        settings = checked_settings(
            task=str(folder.folder),
            model=judge,
            critic=judge,
            judge=judge,
            max_cost=max_cost,
            concurrency=8,
            api_base=api_base,
            prices=tuple(prices),
            cache_dir=cache_dir,
        )
        found.append(agreed(agree(settings, folder, marks), judge))
    checks = check(subject, answers.rows if answers is not None else ())
    order = [one for one in checks if one.severity == "error"]
    rest = [one for one in checks if one.severity != "error"]
    every = (*(f for f in found if f.severity == "error"), *order, *(f for f in found if f.severity != "error"), *rest)
    rows: dict[Split, int] = {split: len(examples) for split, examples in folder.task.splits.items()}
    return Checked(folder.task.name, rows, visible(subject), delta, every, expense, answers)


def agreed(a: Agreement, judge: str) -> Found:
    """What came of holding the judge against people."""
    r, d, m = a.correlation, a.distance, a.milder
    said = f"correlate by {r.mean:.2f} [{r.low:.2f}, {r.high:.2f}], " if r is not None else ""
    left = f" ({d.unscored} more without a verdict)" if d.unscored else ""
    text = (
        f"{judge}'s marks and people's {said}differ by {points(d.mean)} points [{points(d.low)}, {points(d.high)}] on average, and the judge is "
        f"milder by {points(m.mean)} [{points(m.low)}, {points(m.high)}], n = {d.n} answers{left}"
    )
    weak = r is None or r.low < WEAK
    remedy = (
        "The judge is not shown to mark as people do: sharpen the rubric, take another judge, or have more answers marked."
        if weak
        else "It marks much as people do; read some of the answers that it marks otherwise all the same."
    )
    return Found("warning" if weak else "note", "judge-agreement", "human marks", text, remedy)


def line_of(path: Path, text: str) -> str:
    """The place of the first line that begins so."""
    found = (number for number, line in enumerate(read_text(path).splitlines(), 1) if line.lstrip().startswith(text))
    return place(path, next(found, None))


def unused(line: str) -> Found:
    """A warning of the task's reader, `path: what was found`."""
    where, _, said = line.partition(": ")
    return Found("warning", "unused-field", where, said.rstrip("."), "Use it in the prompt, or drop it from 'fields'.")
