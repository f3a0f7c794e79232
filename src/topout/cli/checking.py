"""`topout check`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import typer

from topout.cli.options import ApiBase, AsJson, CacheDir, Judge, MaxCost, Prices, TaskFolder
from topout.cli.output import print_json, say

__all__ = ["check"]

GATE_NOT_MET = 100


def check(
    task: TaskFolder,
    model: Annotated[str | None, typer.Option(metavar="MODEL", help="Estimate the dollars of a run with this task model.")] = None,
    recipe: Annotated[str, typer.Option(metavar="RECIPE", help="Recipe whose budget is estimated.")] = "evolve",
    max_calls: Annotated[int | None, typer.Option(min=1, metavar="N", help="Budget to estimate. Default: the recipe's.")] = None,
    price: Prices = None,
    delta: Annotated[float, typer.Option(metavar="GAIN", help="Smallest gain worth having, as a fraction of the score.")] = 0.02,
    ask: Annotated[
        int,
        typer.Option(
            min=0,
            max=200,
            metavar="N",
            help="Let the --model answer N dev rows with the first prompt: are its answers of the right form? Costs N calls.",
        ),
    ] = 0,
    judge: Judge = "",
    api_base: ApiBase = None,
    max_cost: MaxCost = None,
    cache_dir: CacheDir = ".topout/cache",
    as_json: AsJson = False,
) -> None:
    """Look a task folder over before money is spent. Asks no model, but for --ask, and for --judge where people marked answers.

    Finds rows that are in two splits but for spelling, contradicting or leaked answers, labels that a split lacks, a scorer that cannot tell right from
    wrong, a holdout too small for the gain that you care about, personal data. Exits with 100 when there is an error among the findings, else 0.
    """
    from topout.app.checking import check_task
    from topout.report.checked import checked, checked_document
    from topout.report.layout import commands
    from topout.report.words import safe_text

    found = check_task(
        task,
        delta=delta,
        recipe=recipe,
        max_calls=max_calls,
        model=model,
        prices=tuple(price or ()),
        ask=ask,
        api_base=api_base,
        max_cost=max_cost,
        cache_dir=cache_dir,
        judge=judge,
        tell=lambda line: typer.echo(safe_text(line, 400), err=True),
    )
    if as_json:
        print_json(checked_document(found))
    else:
        say(checked(found))
        if not found.errors:
            named = {"--model": model, "--api-base": api_base, "--judge": judge}
            priced = found.expense is not None and bool(found.expense.cost_usd)
            say(commands("Next", next_of(task, {name: value for name, value in named.items() if value}, bool(ask), priced)))
    if found.errors:
        raise typer.Exit(GATE_NOT_MET)


def next_of(task: str, named: Mapping[str, str], answered: bool, priced: bool) -> list[tuple[list[str], str]]:
    """What to type after a check without errors: a model that was named answers a few rows before it answers thousands."""
    words = [task, *(word for option in named.items() for word in option)]
    if "--model" not in named:
        return [(["topout", "optimize", *words], "on the model in this process, without a key; --model NAME takes yours")]
    found = [] if answered else [(["topout", "check", *words, "--ask", "10"], "are its answers of the right form?")]
    limit = ["--max-cost", "5"] if priced else []
    return [*found, (["topout", "optimize", *words, *limit], "searches for a better prompt")]
