"""`topout runs`, `show`, `compare`, `diff` and `report`: what is known already. No model is asked."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from topout.cli import completing
from topout.cli.options import AsJson, OneCandidate, Run, RunsDir
from topout.cli.output import coloured, print_json, say, typed_path

__all__ = ["compare", "diff", "report", "runs", "show"]


def runs(runs_dir: RunsDir = "runs", as_json: AsJson = False) -> None:
    """List the runs, oldest first, with their held-out scores."""
    from topout.app import list_runs
    from topout.report.words import safe_text

    def unread(name: str) -> None:
        typer.echo(f"topout: {safe_text(name, 200)}: left out, its journal cannot be read. `topout show` says why.", err=True)

    heads = list_runs(runs_dir, unread)
    if as_json:
        from topout.report.documents import head_document

        print_json([head_document(head) for head in heads])
        return
    from topout.report.showing import runs_table

    say(runs_table(heads, runs_dir))


def show(
    run: Run,
    candidate: OneCandidate = None,
    split: Annotated[
        str, typer.Option(metavar="SPLIT", help="Whose failures to show. Reading holdout rows spoils them for later edits.")
    ] = "dev",
    failures: Annotated[int, typer.Option(min=0, metavar="N", help="How many rows that are not fully right.")] = 5,
    attempts: Annotated[bool, typer.Option("--attempts", help="List all attempts; else, of many, those that were kept.")] = False,
    runs_dir: RunsDir = "runs",
    as_json: AsJson = False,
) -> None:
    """Show a run's best prompt, its attempts and the dev rows that it gets wrong. With --json: the verdict document."""
    from topout.app import load_run
    from topout.domain import SPLITS
    from topout.errors import UserError, did_you_mean

    if split not in SPLITS:
        raise UserError(f"--split {split}: no such split.{did_you_mean(split, SPLITS)}")
    view = load_run(run, runs_dir)
    if as_json:
        from topout.report.verdict_json import verdict_document

        print_json(verdict_document(view.findings))
        return
    from topout.report.showing import show

    say(show(view.findings, candidate, split, failures, attempts))


def compare(
    runs: Annotated[
        list[str],
        typer.Argument(
            metavar="RUN RUN...",
            help="Two runs of one task or more: folders, or names in --runs-dir.",
            autocompletion=completing.runs,
        ),
    ],
    html: Annotated[str | None, typer.Option(metavar="FILE", help="Write it as one page for a browser, too.")] = None,
    runs_dir: RunsDir = "runs",
    as_json: AsJson = False,
) -> None:
    """Compare runs of one task: winners on the held-out rows, differences paired row by row, what they cost, how they ruled."""
    from topout.app import compare

    found = compare(runs, runs_dir)
    if html is not None:
        from topout.app.derived import write_comparison

        write_comparison(found, Path(html))
    if as_json:
        from topout.report.documents import comparison_document

        print_json(comparison_document(found))
        return
    from topout.report.compared import compared

    say(compared(found))
    if html is not None:
        from topout.report.layout import block, text

        say(block("Written", text(typed_path(Path(html)))))


def diff(
    run: Run,
    before: Annotated[
        str,
        typer.Argument(
            metavar="A", help="A candidate by the start of its id, or baseline, or winner.", autocompletion=completing.candidates
        ),
    ] = "baseline",
    after: Annotated[
        str, typer.Argument(metavar="B", help="The other one, likewise.", autocompletion=completing.candidates)
    ] = "winner",
    runs_dir: RunsDir = "runs",
    as_json: AsJson = False,
) -> None:
    """Show what changed between two prompts of a run: instructions word by word, demos one by one."""
    from topout.app import load_run
    from topout.report.changed import changed, changes_between

    view = load_run(run, runs_dir)
    found = changes_between(view.findings, before, after)
    if as_json:
        from topout.report.documents import diff_document

        print_json(diff_document(view.findings, found))
        return
    say(changed(view.findings, found, marks=not coloured()))


def report(run: Run, runs_dir: RunsDir = "runs", as_json: AsJson = False) -> None:
    """Write a run's page, tables, picture, verdict.json and best/ anew from its journal, and print its summary."""
    from topout.app import rebuild
    from topout.cli.running import short_name

    view = rebuild(run, runs_dir)
    if as_json:
        from topout.report.verdict_json import verdict_document

        print_json(verdict_document(view.findings))
        return
    from topout.app.derived import table_hint
    from topout.report.layout import block, text
    from topout.report.terminal import summary

    written = (
        "report.html",
        "plateau.png",
        "verdict.json",
        "curve.csv",
        "candidates.csv",
        "rollouts.csv",
        "rollouts.parquet",
        "best",
        "probe",
    )
    files = [text(typed_path(view.folder / name)) for name in written if (view.folder / name).exists()]
    if hint := table_hint(view.findings, view.folder):
        files.append(text(hint, "yellow"))
    say(summary(view.findings, typed_path(view.folder), short_name(view.folder, runs_dir), view.places), block("Written", *files))
