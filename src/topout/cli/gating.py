"""`topout gate`: a prompt that has to hold a bound, in continuous integration."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from topout.cli.options import ApiBase, AsJson, CacheDir, Concurrency, Judge, MaxCost, Model, Prices, Quiet, TaskFolder
from topout.cli.output import exit_as, print_json, say, watching

if TYPE_CHECKING:
    from topout.domain import Split

__all__ = ["NOT_MET", "Undecided", "gate"]

NOT_MET = 100
"""The exit code of a gate that is not met."""


class Undecided(StrEnum):
    """What becomes of a gate that the rows cannot decide."""

    PASS = "pass"
    FAIL = "fail"


def gate(
    task: TaskFolder,
    prompt: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A prompt.md, or a folder such as RUN/best. Default: the task's own prompt.")
    ] = None,
    min_score: Annotated[
        float | None, typer.Option(metavar="SCORE", help="Met when the score is shown to be this or more: 0.85 is 85 %.")
    ] = None,
    no_worse_than: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Met when the prompt is shown to be no worse than this one, on the same rows."),
    ] = None,
    margin: Annotated[
        float,
        typer.Option(metavar="SCORE", help="With --no-worse-than: the largest loss that nobody would mind; 0.02 is 2 points."),
    ] = 0.02,
    undecided: Annotated[
        Undecided, typer.Option(help="What a gate counts as that these rows cannot decide.", show_default=True)
    ] = Undecided.FAIL,
    split: Annotated[str, typer.Option(metavar="SPLIT", help="Rows to measure on: holdout, dev, shift or train.")] = "holdout",
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
    cache_dir: CacheDir = ".topout/cache",
    junit: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the result as JUnit XML too.")] = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Decide, by interval, whether a prompt holds a bound: for CI. Exit code 0 when met, 100 when not met or not decided.

    Each end of the interval is a one-sided 95 % bound. Met: the whole interval reaches the bound. Not met: all of it is below. Else the rows cannot
    decide, and how many would is said.
    """
    from topout.app import gate

    with watching(False, quiet or as_json) as watch:
        found = gate(
            task,
            prompt=prompt,
            min_score=min_score,
            no_worse_than=no_worse_than,
            margin=margin,
            split=cast("Split", split),
            model=model,
            max_calls=max_calls,
            max_cost=max_cost,
            concurrency=concurrency,
            api_base=api_base,
            prices=tuple(price or ()),
            cache_dir=cache_dir,
            judge=judge,
            watch=watch,
        )
    lenient = undecided is Undecided.PASS
    if junit is not None:
        from topout.report.gate import junit as xml
        from topout.store.layout import write_bytes

        write_bytes(junit, xml(found, lenient))
    if as_json:
        from topout.report.documents import gate_document

        print_json(gate_document(found, lenient))
    else:
        from topout.report.gate import gate_report

        say(gate_report(found))
    exit_as(found.measured.ending)
    if found.outcome == "not met" or (found.outcome == "undecided" and not lenient):
        raise typer.Exit(NOT_MET)
