"""`topout optimize` and `topout resume`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from topout.cli.options import (
    ApiBase,
    AsJson,
    CacheDir,
    Concurrency,
    Executor,
    Judge,
    MaxCost,
    MaxTime,
    Model,
    Prices,
    Quiet,
    Recipe,
    Run,
    RunsDir,
    Study,
    TaskFolder,
)
from topout.cli.output import exit_as, print_json, say, typed_path, watching

if TYPE_CHECKING:
    from topout.app import RunEstimate, RunView
    from topout.app.folding import Folds
    from topout.report.live import LiveView

__all__ = ["optimize", "resume", "tell"]


def optimize(
    task: TaskFolder,
    model: Model = "embedded/reader",
    critic: Annotated[
        str | None,
        typer.Option(
            metavar="MODEL", help="Model that reads failures and writes edits. Default: the task model (embedded/critic)."
        ),
    ] = None,
    recipe: Recipe = "evolve",
    seed: Annotated[
        int, typer.Option(min=0, metavar="N", help="Seed of all choices: the same seed and replies, the same run.")
    ] = 0,
    max_calls: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Most calls of all models, exam included. Default: the recipe's.")
    ] = None,
    max_cost: MaxCost = None,
    max_time: MaxTime = None,
    concurrency: Concurrency = 32,
    api_base: ApiBase = None,
    critic_api_base: Annotated[str | None, typer.Option(metavar="URL", help="Address of the critic's server.")] = None,
    judge: Judge = "",
    judge_api_base: Annotated[str | None, typer.Option(metavar="URL", help="Address of the judge's server.")] = None,
    price: Prices = None,
    executor: Executor = "local",
    study: Study = "",
    delta: Annotated[
        float,
        typer.Option(metavar="SCORE", help="Smallest gain worth having, as a fraction: 0.02 is 2 points. The verdict is about it."),
    ] = 0.02,
    until_decided: Annotated[
        bool,
        typer.Option(
            "--until-decided",
            help="Probe, and search on with twice the calls, until the verdict is clear. Needs --max-cost or --max-calls.",
        ),
    ] = False,
    folds: Annotated[
        int | None,
        typer.Option(
            min=2,
            max=20,
            metavar="K",
            help="For few rows: K searches, each with another part of the train and dev rows as dev, on one holdout. The limits are shared out.",
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what one search would take in calls, tokens and dollars, and ask nothing.")
    ] = False,
    runs_dir: RunsDir = "runs",
    cache_dir: CacheDir = ".topout/cache",
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Search for a better prompt, measure it on held-out rows and give the verdict.

    With --json: an event a line, and last the verdict document (that alone with --quiet). Ctrl-C stops cleanly; a second one at once.
    With --until-decided the limits hold over all rounds together, and money is what is paid: replies that are known cost nothing.
    """
    from topout.app import estimate, optimize, optimize_until_decided
    from topout.app.options import RunOptions

    if folds is not None and until_decided:
        raise typer.BadParameter("--folds and --until-decided are two ways to go on; give one.")
    given = RunOptions(
        model=model,
        critic=critic,
        recipe=recipe,
        seed=seed,
        max_calls=max_calls,
        max_cost=max_cost,
        max_time=max_time,
        concurrency=concurrency,
        api_base=api_base,
        critic_api_base=critic_api_base,
        judge=judge,
        judge_api_base=judge_api_base,
        prices=tuple(price or ()),
        delta=delta,
        executor=executor,
        study=study,
        cache_dir=cache_dir,
    )
    if dry_run or not (quiet or as_json or until_decided):
        one = RunOptions(**{**given, "max_calls": max_calls // folds if max_calls and folds else max_calls})
        tell_estimate(*estimate(task, **one), dry_run, as_json)
        if dry_run:
            return
    if folds is not None:
        from topout.app.folding import optimize_folds

        with watching(as_json, quiet) as watch:
            line = watch.line if watch is not None else lambda line: None
            found = optimize_folds(task, folds=folds, runs_dir=runs_dir, watch=watch, tell=line, **given)
        tell_folds(found, as_json)
        return
    with watching(as_json, quiet) as watch:
        if until_decided:
            line = watch.line if watch is not None else lambda line: None
            view = optimize_until_decided(task, runs_dir=runs_dir, watch=watch, tell=line, **given)
        else:
            view = optimize(task, runs_dir=runs_dir, watch=watch, tell=aside(watch), **given)
    tell(view, runs_dir, as_json)


def resume(
    run: Run,
    max_cost: MaxCost = None,
    max_time: MaxTime = None,
    concurrency: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Most calls in flight at once. Default: as before.")
    ] = None,
    executor: Annotated[
        str | None, typer.Option(metavar="WHERE", help="Where rows are answered: local, ray or ray:ADDRESS. Default: as before.")
    ] = None,
    price: Annotated[
        list[str] | None,
        typer.Option(
            "--price",
            metavar="MODEL=IN,OUT",
            help="A price that changed, in dollars per million tokens. What was bought before keeps its price. Repeatable.",
        ),
    ] = None,
    runs_dir: RunsDir = "runs",
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Go on with a run that was stopped, killed, or ended by an outage, by money or by time. Nothing is bought twice.

    The folder of several folds goes on with the fold that was cut short, then with those that are missing.
    """
    from topout.app import resume

    place = next((one for one in (Path(run), Path(runs_dir) / run) if (one / "folds.json").is_file()), None)
    if place is not None:
        from topout.app.folding import go_on

        with watching(as_json, quiet) as watch:
            found = go_on(
                place,
                resume=lambda one, seen: resume(
                    one,
                    max_cost=max_cost,
                    max_time=max_time,
                    concurrency=concurrency,
                    executor=executor,
                    prices=tuple(price or ()),
                    watch=seen,
                    tell=aside(watch),
                ),
                watch=watch,
                tell=watch.line if watch is not None else lambda line: None,
            )
        tell_folds(found, as_json)
        return
    with watching(as_json, quiet) as watch:
        view = resume(
            run,
            max_cost=max_cost,
            max_time=max_time,
            concurrency=concurrency,
            executor=executor,
            prices=tuple(price or ()),
            runs_dir=runs_dir,
            watch=watch,
            recall=watch.recall if watch is not None else None,
            tell=aside(watch),
        )
    tell(view, runs_dir, as_json)


def aside(watch: LiveView | None) -> Callable[[str], None]:
    """Where a line about something beside the run goes: to the progress, or to stderr where none is shown."""
    from topout.report.words import safe_text

    return watch.line if watch is not None else lambda line: typer.echo(safe_text(line), err=True)


def tell_estimate(task: str, expected: RunEstimate, whole: bool, as_json: bool) -> None:
    """The table on stdout, or one line on stderr before a run that costs something."""
    from topout.report.estimated import before, estimated

    if not whole:
        line = before(expected.document())
        if line:
            typer.echo(line, err=True)
    elif as_json:
        print_json({"schema": 1, "task": task, **expected.document()})
    else:
        say(estimated(expected.document(), task))


def tell(view: RunView, runs_dir: str, as_json: bool) -> None:
    """Print what a run came to, and exit as it ended: 130 when it was stopped, 3 when the provider was down."""
    if as_json:
        from topout.report.verdict_json import verdict_document

        print_json({"event": "Verdict", "folder": typed_path(view.folder), **verdict_document(view.findings)}, line=True)
    else:
        from topout.app.derived import table_hint
        from topout.report.layout import text
        from topout.report.terminal import summary

        told = [] if view.went_on else [text(nothing_to_do(view), "yellow"), text("")]
        if hint := table_hint(view.findings, view.folder):
            told += [text(hint, "yellow"), text("")]
        say(*told, summary(view.findings, typed_path(view.folder), short_name(view.folder, runs_dir), view.places))
    exit_as(view.findings.ended.ending if view.findings.ended else None)


def tell_folds(found: Folds, as_json: bool) -> None:
    """Print what several folds came to, and exit as the last one ended."""
    from topout.report.folded import folded, folds_document

    if as_json:
        print_json({"event": "Folds", **folds_document(found)}, line=True)
    else:
        say(folded(found, typed_path(found.folder), typed_path(found.chosen.view.folder) if found.chosen is not None else ""))
    exit_as(found.ending)


def nothing_to_do(view: RunView) -> str:
    """Why a resume changed nothing, and what would go on."""
    ended = view.findings.ended
    if ended is not None and ended.ending == "budget":
        more = (
            "A run's calls are fixed when it starts: `topout optimize ... --max-calls N` goes on from where this one's replies end"
        )
        return f"Nothing was to do: this run has used up its calls. {more} (they are cached and cost nothing again)."
    return "Nothing was to do: this run came to its end. Another recipe, seed or critic would be a new run (`topout optimize`)."


def short_name(folder: Path, runs_dir: str) -> str:
    """`runs/latest` while that is this run, else its own path."""
    latest = Path(runs_dir) / "latest"
    return typed_path(latest) if latest.resolve() == folder.resolve() else typed_path(folder)
