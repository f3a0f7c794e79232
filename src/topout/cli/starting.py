"""`topout init`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from topout.cli.options import AsJson
from topout.cli.output import print_json, say, typed_path

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType

    from topout.app.starting import Started
    from topout.domain import Json

__all__ = ["init"]

FIRST = {
    "judge": "rubric.md is a general one: say in it what makes an answer good.",
    "scorer.py": "scorer.py compares texts: put your own rule into it.",
}
"""What is to be written before a run, by scorer."""


def init(
    task: Annotated[str | None, typer.Argument(metavar="TASK", help="Folder to make, such as tasks/my-task.")] = None,
    source: Annotated[
        list[str] | None,
        typer.Option(
            "--from",
            metavar="SOURCE",
            help="Rows: a CSV, TSV, JSONL, JSON, YAML, XLSX or Parquet file (also promptfoo's, MLflow's, inspect's), a folder of them, hf:org/name, "
            "mlflow:NAME, langfuse:NAME. A second one may bring the prompt: a saved DSPy program (.json), mlflow:NAME@production.",
        ),
    ] = None,
    inputs: Annotated[
        list[str] | None, typer.Option("--input", metavar="COLUMN", help="An input. Repeatable. Default: what is left.")
    ] = None,
    expected: Annotated[str, typer.Option(metavar="COLUMN", help="The expected answer. Default: found by its name.")] = "",
    id_column: Annotated[str, typer.Option("--id", metavar="COLUMN", help="The rows' id.")] = "",
    group: Annotated[str, typer.Option(metavar="COLUMN", help="What rows belong together (one customer, one thread).")] = "",
    split: Annotated[str, typer.Option(metavar="COLUMN", help="Which rows are train, dev and holdout (or test).")] = "",
    scorer: Annotated[str, typer.Option(metavar="NAME", help="How answers are judged; --scorers lists them.")] = "",
    description: Annotated[str, typer.Option(metavar="TEXT", help="The task in a sentence; it begins the first prompt.")] = "",
    max_rows: Annotated[int, typer.Option(min=6, metavar="N", help="Most rows to take; a large file is sampled by hash.")] = 2500,
    list_scorers: Annotated[
        bool, typer.Option("--scorers", help="List the ways to judge an answer, with when to use each.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Make a task folder from a file of rows: task.toml, a first prompt, data by split, and a README with the counts.

    Everything is found out from the file and told; what cannot be is asked for in a terminal, or by an option. The files are plain: edit them.
    """
    if list_scorers:
        from topout.intake.proposal import SCORERS

        if as_json:
            print_json({"schema": 1, "scorers": dict(SCORERS)})
        else:
            say(*scorers())
        return
    if task is None:
        raise typer.BadParameter("name the folder to make: topout init tasks/my-task --from FILE.csv", param_hint="TASK")
    if not source:
        say(*scorers())
        raise typer.Exit(2)
    folder = task
    from topout.app.starting import init
    from topout.errors import UserError

    def make(expected: str) -> Started:
        return init(
            folder,
            source=source,
            inputs=tuple(inputs or ()),
            expected=expected,
            id=id_column,
            group=group,
            split=split,
            scorer=scorer,
            description=description,
            max_rows=max_rows,
            choose=None if as_json or not sys.stdin.isatty() else chosen_scorer,
        )

    try:
        made = make(expected)
    except UserError as error:
        if expected or "--expected" not in str(error) or as_json or not sys.stdin.isatty():
            raise
        from topout.report.words import safe_text

        typer.echo(safe_text(str(error)))
        made = make(typer.prompt("Column with the expected answer"))
    if as_json:
        print_json(document(made))
    else:
        say(*shown(made))


def scorers() -> list[RenderableType]:
    """How answers can be judged, and how to begin."""
    from topout.report.layout import block, text

    return [
        text("Name a file of rows: topout init TASK --from FILE.csv"),
        block("--scorer NAME, when the one that is found is not the one you want", choices()),
    ]


def choices() -> RenderableType:
    """The scorers with when to use each."""
    from topout.intake.proposal import SCORERS
    from topout.report.layout import grid, text

    return grid([(text(n), text(w)) for n, w in SCORERS.items()])


def chosen_scorer(proposed: str, why: str) -> str:
    """Ask how answers are to be judged, until there is such a scorer."""
    from topout.errors import did_you_mean
    from topout.intake.proposal import SCORERS
    from topout.report.layout import block
    from topout.report.words import safe_text

    say(block(f"How are answers to be judged? They look like {why}", choices()))
    while (name := str(typer.prompt("Scorer", default=proposed)).strip()) not in SCORERS:
        typer.echo(f"{safe_text(name)}: no such scorer.{did_you_mean(name, SCORERS)}")
    return name


def shown(made: Started) -> list[RenderableType]:
    """What was made, for a person."""
    from topout.report.layout import block, bullets, commands, grid, text

    folder = typed_path(made.folder)
    rows: list[Sequence[RenderableType]] = [(text(column), text(what)) for column, what in made.mapping]
    return [
        text(f"{folder}: made from {made.shape}", "bold"),
        block("Mapping", grid(rows)),
        block("Chosen", bullets((*made.why, *made.notes, "rows: " + ", ".join(f"{s} {n:,}" for s, n in made.rows.items())))),
        *([block("First prompt", text(made.prompt))] if made.prompt else []),
        block("Written", *(text(typed_path(path)) for path in made.files)),
        *([text(FIRST[made.scorer])] if made.scorer in FIRST else []),
        commands(
            "Next",
            [
                (("topout", "check", folder), "looks it over before money is spent"),
                (
                    ("topout", "optimize", folder, *(("--judge", "openai/gpt-5") if made.scorer == "judge" else ())),
                    "starts from prompt.md: read it first, and say in it what a newcomer should know",
                ),
            ],
        ),
    ]


def document(made: Started) -> dict[str, Json]:
    """What was made, for machines."""
    return {
        "schema": 1,
        "folder": str(made.folder),
        "shape": made.shape,
        "mapping": dict(made.mapping),
        "scorer": made.scorer,
        "labels": list(made.labels),
        "rows": {str(split): n for split, n in made.rows.items()},
        "why": list(made.why),
        "notes": list(made.notes),
        "prompt": made.prompt or None,
        "files": [str(path) for path in made.files],
    }
