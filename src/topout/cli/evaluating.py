"""`topout evaluate`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from topout.cli.options import (
    ApiBase,
    AsJson,
    CacheDir,
    Concurrency,
    Executor,
    Judge,
    MaxCost,
    Model,
    Prices,
    Quiet,
    RunsDir,
    TaskFolder,
)
from topout.cli.output import exit_as, print_json, say, watching

if TYPE_CHECKING:
    from topout.domain import Split

__all__ = ["evaluate"]


def evaluate(
    task: TaskFolder,
    prompt: Annotated[
        Path | None, typer.Option(metavar="PATH", help="A prompt.md, or a folder such as RUN/best. Default: the task's own prompt.")
    ] = None,
    split: Annotated[str, typer.Option(metavar="SPLIT", help="Rows to measure on: train, dev, holdout or shift.")] = "holdout",
    model: Model = "embedded/reader",
    api_base: ApiBase = None,
    judge: Judge = "",
    max_calls: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="Most calls: only the first rows, as many as they allow for. Default: all."),
    ] = None,
    max_cost: MaxCost = None,
    price: Prices = None,
    concurrency: Concurrency = 32,
    executor: Executor = "local",
    cache_dir: CacheDir = ".topout/cache",
    against: Annotated[
        str | None, typer.Option(metavar="RUN", help="Compare with that run's winner on the same rows, from its journal.")
    ] = None,
    answers: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Add the answers to this file, a line a row: what a judge of pairs can hold others against."
        ),
    ] = None,
    runs_dir: RunsDir = "runs",
    failures: Annotated[
        int | None,
        typer.Option(
            min=0, metavar="N", help="Show N rows that are not fully right. Default: 5 on train and dev, none on holdout and shift."
        ),
    ] = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Measure one prompt on one split: score with its interval, tokens and cost of a call."""
    from topout.app import evaluate

    with watching(False, quiet or as_json) as watch:
        found = evaluate(
            task,
            prompt=prompt,
            split=cast("Split", split),
            model=model,
            max_calls=max_calls,
            max_cost=max_cost,
            concurrency=concurrency,
            executor=executor,
            api_base=api_base,
            prices=tuple(price or ()),
            cache_dir=cache_dir,
            judge=judge,
            against=against,
            answers=answers,
            runs_dir=runs_dir,
            watch=watch,
        )
    shown = failures if failures is not None else 0 if found.split in ("holdout", "shift") else 5
    if as_json:
        from topout.report.documents import evaluation_document

        print_json(evaluation_document(found))
    else:
        from topout.report.measured import measured

        say(measured(found, shown))
    exit_as(found.ending)
