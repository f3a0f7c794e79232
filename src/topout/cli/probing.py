"""`topout probe`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from topout.cli.options import AsJson, MaxCost, MaxTime, Quiet, Run, RunsDir
from topout.cli.output import exit_as, print_json, say, typed_path, watching
from topout.cli.running import short_name

if TYPE_CHECKING:
    from topout.app import RunView
    from topout.report.probe_plan import ProbePlanView

__all__ = ["probe"]


def probe(
    run: Run,
    max_calls: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Most calls of both models. Default: as many as the largest probe takes.")
    ] = None,
    max_cost: MaxCost = None,
    max_time: MaxTime = None,
    concurrency: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Most calls in flight at once. Default: as in the run.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Probe although the verdict is decided already.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done and what it takes, and ask nothing.")] = False,
    runs_dir: RunsDir = "runs",
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Ask for fresh proposals from where a run ended, race them against its best prompt on rows that no decision has used, and judge anew.

    For a run that "can't tell yet". What will be done is printed first. A probe that was cut short goes on where it was; nothing is bought twice.
    """
    from topout.app import probe

    def tell(plan: ProbePlanView) -> None:
        if as_json:
            from topout.report.probe_plan import plan_document

            print_json({"event": "ProbePlan", **plan_document(plan)}, line=True)
        elif not quiet or dry_run:
            from topout.report.probe_plan import shown_plan

            say(shown_plan(plan))

    with watching(as_json, quiet or dry_run) as watch:
        view = probe(
            run,
            max_calls=max_calls,
            max_cost=max_cost,
            max_time=max_time,
            concurrency=concurrency,
            force=force,
            dry_run=dry_run,
            runs_dir=runs_dir,
            tell=tell,
            watch=watch,
        )
    if not dry_run:
        report(view, short_name(view.folder, runs_dir), as_json)


def report(view: RunView, run: str, as_json: bool) -> None:
    """Print what the probe found and the verdict anew, and exit as it ended."""
    f = view.findings
    if as_json:
        from topout.report.verdict_json import verdict_document

        print_json({"event": "Verdict", "folder": typed_path(Path(view.folder)), **verdict_document(f)}, line=True)
    else:
        from topout.report.terminal import probe_summary

        say(probe_summary(f, run, view.places))
    last = f.probes[-1].ended
    exit_as(last.ending if last else None)
