"""What a run can be asked for from Python: each option once, whatever calls take it. The defaults and the ranges are those of
`topout.config.settings.RunSettings`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TypedDict, Unpack

from topout.app.running import checked_settings
from topout.config.settings import RunSettings
from topout.errors import did_you_mean

__all__ = ["BenchOptions", "CallOptions", "LadderOptions", "RunOptions", "asked", "check_names"]


class LimitOptions(TypedDict, total=False):
    """Limits and places of everything that asks models."""

    max_calls: int | None
    """Most calls of all models, cached ones too; None is the recipe's, or no limit where no recipe runs."""
    max_cost: float | None
    """Most dollars at list price; None is no limit."""
    concurrency: int
    """Most calls in flight at once; 32."""
    judge: str
    """The model that judges, where the task is scored by one; '' is the one that task.toml names."""
    judge_api_base: str | None
    """Address of the judge's server."""
    prices: Sequence[str]
    """`MODEL=IN,OUT` in dollars per million tokens, for models that no price is known of."""
    executor: str
    """Where rows are answered: `local`, `ray` or `ray:ADDRESS` (docs/executors.md); `local`."""
    cache_dir: str | Path
    """Where replies are kept: a folder, or `postgresql://...`; `.topout/cache`."""


class CallOptions(LimitOptions, total=False):
    """What is asked of one task model."""

    model: str
    """The task model, as litellm names it; `embedded/reader`."""
    api_base: str | None
    """Address of its server."""


class CriticOptions(TypedDict, total=False):
    """What a search needs beside the task model."""

    critic: str | None
    """The model that reads failures and writes edits; the task model (`embedded/critic` for embedded ones)."""
    critic_api_base: str | None
    """Address of the critic's server."""
    delta: float
    """The smallest gain worth having, in score units; 0.02."""


class RunOptions(CallOptions, CriticOptions, total=False):
    """What one search can be asked for."""

    recipe: str
    """A recipe of `optimizers/` by name, or the path of one; `evolve`."""
    seed: int
    """Seed of all choices; 0."""
    max_time: float | None
    """Most seconds; None is no limit."""
    study: str
    """A storage of Optuna that shows the attempts while the run goes on: `sqlite:///FILE` or `postgresql://...` (docs/executors.md); '' is none."""


class BenchOptions(CallOptions, CriticOptions, total=False):
    """What the runs of a bench have in common."""


class LadderOptions(LimitOptions, CriticOptions, total=False):
    """What the runs of a ladder have in common, and which prompts each model is measured with."""

    recipe: str
    """Of the run that each model has; `quick`."""
    seed: int
    """Of the runs, and of the few-shot set; 0."""
    shots: int
    """Examples of the few-shot prompt; 16, and 0 leaves it out."""
    warm: bool
    """Begin each model's run from the prompt that did best on dev so far; False."""
    api_bases: Sequence[str]
    """`URL` for all models that are not embedded, or `MODEL=URL`."""
    runs_dir: str | Path
    """Where the ladder has its folder; `runs`."""


def asked(task: str | Path, **options: Unpack[RunOptions]) -> RunSettings:
    """The settings of a run. Raises UserError for a value that is out of range, TypeError for an option that there is none of."""
    check_names(options, RunOptions.__annotations__)
    model, critic = options.get("model", "embedded/reader"), options.get("critic")
    return checked_settings(
        **{
            **options,
            "task": str(task),
            "critic": critic or ("embedded/critic" if model.startswith("embedded/") else model),
            "prices": tuple(options.get("prices", ())),
            "cache_dir": str(options.get("cache_dir", ".topout/cache")),
        }
    )


def check_names(given: Iterable[str], known: Mapping[str, object]) -> None:
    """TypeError for an option that there is none of, with the nearest that there is."""
    for name in given:
        if name not in known:
            raise TypeError(f"unknown option '{name}'.{did_you_mean(name, known)}")
