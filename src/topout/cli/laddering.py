"""`topout ladder`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from topout.cli.options import AsJson, CacheDir, Concurrency, Judge, Prices, Quiet, Recipe, RunsDir, TaskFolder
from topout.cli.output import exit_as, print_json, say, typed_path, watching

__all__ = ["ladder"]


def ladder(
    task: TaskFolder,
    models: Annotated[str, typer.Option(metavar="A,B,...", help="Models to compare, as litellm names them.")],
    recipe: Recipe = "quick",
    max_calls: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Most calls of each model, all prompts and the critic included.")
    ] = None,
    max_cost: Annotated[
        float | None,
        typer.Option(
            metavar="DOLLARS", help="Most that all models together may come to, in US dollars at list price; equal shares."
        ),
    ] = None,
    delta: Annotated[
        float, typer.Option(metavar="FRACTION", help="The largest loss that nobody would mind: 0.02 is 2 points.")
    ] = 0.02,
    critic: Annotated[
        str | None, typer.Option(metavar="MODEL", help="Critic of all. Default: each model its own (embedded/critic).")
    ] = None,
    shots: Annotated[int, typer.Option(metavar="N", help="Examples of the few-shot prompt; 0 leaves it out.")] = 16,
    warm: Annotated[
        bool, typer.Option("--warm", help="Begin each model's run from the prompt that did best on dev so far.")
    ] = False,
    seed: Annotated[int, typer.Option(min=0, metavar="N", help="Of the runs, and of the few-shot set.")] = 0,
    tuned_price: Annotated[
        float | None, typer.Option(min=0, metavar="DOLLARS", help="A fine-tuned model's price per 1,000 calls, for the break-even.")
    ] = None,
    training_cost: Annotated[float | None, typer.Option(min=0, metavar="DOLLARS", help="What training it costs, once.")] = None,
    maintenance: Annotated[float | None, typer.Option(min=0, metavar="DOLLARS", help="What its upkeep costs a month.")] = None,
    calls_per_day: Annotated[
        float | None, typer.Option(min=0, metavar="N", help="Calls in use. These four default to [deployment] in task.toml.")
    ] = None,
    concurrency: Concurrency = 32,
    api_base: Annotated[
        list[str] | None,
        typer.Option(metavar="[MODEL=]URL", help="Address of a model's server, or of all that are not embedded. Repeatable."),
    ] = None,
    critic_api_base: Annotated[str | None, typer.Option(metavar="URL", help="Address of the critic's server.")] = None,
    judge: Judge = "",
    judge_api_base: Annotated[str | None, typer.Option(metavar="URL", help="Address of the judge's server.")] = None,
    price: Prices = None,
    plot: Annotated[str | None, typer.Option(metavar="FILE", help="Score against price as a picture: .png or .svg.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what it would do and cost, and end.")] = False,
    runs_dir: RunsDir = "runs",
    cache_dir: CacheDir = ".topout/cache",
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Compare models by score and price, each with several prompts, and name the cheapest that is no worse than the best.

    The task's own prompt, a fixed few-shot set, the prompt that the model's own run finds, and the best model's. The same command again goes on where it stopped.
    """
    from topout.app import LadderOptions, ladder, plan_ladder
    from topout.app.derived import form_of, write_ladder
    from topout.app.places import task_path
    from topout.plugins.tasks import load_task
    from topout.report.ladder_json import ladder_document, ladder_plan_document
    from topout.report.ladder_text import ladder_result, ladder_told

    names = [name.strip() for name in models.split(",") if name.strip()]
    if plot is not None:
        form_of(Path(plot), "--plot")
    given = LadderOptions(
        recipe=recipe, seed=seed, max_calls=max_calls, max_cost=max_cost, critic=critic, shots=shots, warm=warm, delta=delta,
        concurrency=concurrency, api_bases=tuple(api_base or ()), critic_api_base=critic_api_base, judge=judge, judge_api_base=judge_api_base,
        prices=tuple(price or ()), runs_dir=runs_dir, cache_dir=cache_dir,
    )  # fmt: skip
    plan = plan_ladder(task, models=names, **given)
    if dry_run:
        if as_json:
            print_json(ladder_plan_document(plan))
        else:
            say(ladder_told(plan))
        return
    if not as_json:
        say(ladder_told(plan))
    known = load_task(task_path(task)).task.deployment
    facts = replace(
        known,
        tuned_price_per_1000_usd=known.tuned_price_per_1000_usd if tuned_price is None else tuned_price,
        training_cost_usd=known.training_cost_usd if training_cost is None else training_cost,
        maintenance_usd_per_month=known.maintenance_usd_per_month if maintenance is None else maintenance,
        calls_per_day=known.calls_per_day if calls_per_day is None else calls_per_day,
    )
    with watching(False, quiet or as_json) as watch:
        line = watch.line if watch is not None else lambda line: None
        view = ladder(task, models=names, deployment=facts, watch=watch, tell=line, **given)
    if view.found is None:
        typer.echo(
            f"topout: stopped after {view.done} of {len(plan.models)} models, before all had their prompts. The same command goes on.",
            err=True,
        )
        exit_as(view.ending)
        return
    if as_json:
        print_json(ladder_document(view.found, plan.folder))
    else:
        say(ladder_result(view.found, Path(typed_path(plan.folder))))
    if plot is not None:
        write_ladder(view.found, Path(plot))
        if not as_json:
            say(typed_path(Path(plot)))
