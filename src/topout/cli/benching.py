"""`topout bench`."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from topout.cli.options import ApiBase, AsJson, CacheDir, Concurrency, Judge, Model, Prices, Quiet, RunsDir, TaskFolder
from topout.cli.output import exit_as, print_json, say, typed_path, watching

__all__ = ["bench"]


def bench(
    task: TaskFolder,
    optimizers: Annotated[
        str, typer.Option(metavar="A,B,...", help="Recipes to compare: shipped names, or paths of .toml or .py files.")
    ] = "evolve,fewshot,gepa,mipro",
    seeds: Annotated[int, typer.Option(metavar="N", help="Runs of each: seeds 0 to N-1.")] = 5,
    max_calls: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Most calls of all runs together, exams included; equal shares.")
    ] = None,
    max_cost: Annotated[
        float | None,
        typer.Option(metavar="DOLLARS", help="Most that all runs together may come to, in US dollars at list price; equal shares."),
    ] = None,
    model: Model = "embedded/reader",
    critic: Annotated[
        str | None, typer.Option(metavar="MODEL", help="Critic of all. Default: the task model (embedded/critic).")
    ] = None,
    concurrency: Concurrency = 32,
    api_base: ApiBase = None,
    critic_api_base: Annotated[str | None, typer.Option(metavar="URL", help="Address of the critic's server.")] = None,
    judge: Judge = "",
    judge_api_base: Annotated[str | None, typer.Option(metavar="URL", help="Address of the judge's server.")] = None,
    price: Prices = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what it would do and cost, and end.")] = False,
    runs_dir: RunsDir = "runs",
    cache_dir: CacheDir = ".topout/cache",
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Compare optimizers on a task within one budget: who wins on held-out rows, and whether the difference is real.

    Each (optimizer, seed) is an ordinary run. The same command again goes on with a bench that was stopped.
    """
    from topout.app import BenchOptions, bench, plan_bench
    from topout.report.bench_text import bench_result, bench_told
    from topout.report.documents import bench_document, bench_plan_document

    names = [name.strip() for name in optimizers.split(",") if name.strip()]
    given = BenchOptions(
        max_calls=max_calls, max_cost=max_cost, model=model, critic=critic, concurrency=concurrency, api_base=api_base,
        critic_api_base=critic_api_base, judge=judge, judge_api_base=judge_api_base, prices=tuple(price or ()), cache_dir=cache_dir,
    )  # fmt: skip
    plan = plan_bench(task, optimizers=names, seeds=seeds, runs_dir=runs_dir, **given)
    if dry_run:
        if as_json:
            print_json(bench_plan_document(plan))
        else:
            say(bench_told(plan))
        return
    if not as_json:
        say(bench_told(plan))
    with watching(False, quiet or as_json) as watch:
        line = watch.line if watch is not None else lambda line: None
        view = bench(task, optimizers=names, seeds=seeds, runs_dir=runs_dir, watch=watch, tell=line, **given)
    again = ["topout", *sys.argv[1:]] if view.done < len(view.plan.runs) else []
    if view.found is None:
        typer.echo(
            f"topout: stopped after {view.done} of {len(plan.runs)} runs, before every optimizer had one. The same command goes on.",
            err=True,
        )
    elif as_json:
        print_json(bench_document(view.found, plan.folder, view.done, len(plan.runs), view.ending))
    else:
        from pathlib import Path

        say(bench_result(view.found, Path(typed_path(plan.folder)), view.done, len(plan.runs), again))
    exit_as(view.ending)
