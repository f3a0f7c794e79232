"""Options that several verbs share, each with its help and its unit."""

from __future__ import annotations

import math
import re
from typing import Annotated

import typer

from topout.cli.completing import candidates, recipes, runs, tasks

__all__ = [
    "ApiBase",
    "AsJson",
    "CacheDir",
    "Concurrency",
    "Executor",
    "Judge",
    "MaxCost",
    "MaxTime",
    "Model",
    "OneCandidate",
    "Prices",
    "Quiet",
    "Recipe",
    "Run",
    "RunsDir",
    "Study",
    "TaskFolder",
    "parse_duration",
]

DURATION = re.compile(r"([0-9]+(?:\.[0-9]+)?|\.[0-9]+)\s*([smhd]?)")
SECONDS = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def parse_duration(text: str) -> float:
    """Seconds of `90`, `90s`, `15m` or `2h`. Raises typer.BadParameter for anything else."""
    match = DURATION.fullmatch(text.strip().lower())
    seconds = float(match[1]) * SECONDS[match[2]] if match else math.nan
    if not 0 < seconds < math.inf:
        raise typer.BadParameter(f"'{text}' is not a time. Expected seconds or a number with its unit: 90, 90s, 15m, 2h.")
    return seconds


TaskFolder = Annotated[
    str, typer.Argument(metavar="TASK", help="Task folder (with a task.toml), such as tasks/support-tickets.", autocompletion=tasks)
]
Run = Annotated[
    str,
    typer.Argument(
        metavar="RUN", help="Run folder, or the name of one in --runs-dir; 'latest' is the newest.", autocompletion=runs
    ),
]
Model = Annotated[
    str,
    typer.Option(
        metavar="MODEL",
        help="Task model as litellm names it: openai/gpt-4.1-mini, ollama_chat/llama3.2. The default is a small reader in this "
        "process: free, good for a try, no evidence about LLMs.",
    ),
]
Judge = Annotated[
    str,
    typer.Option(
        metavar="MODEL",
        help="Model that judges the answers, for a task that is scored by one. Default: the one that task.toml names.",
    ),
]
ApiBase = Annotated[str | None, typer.Option(metavar="URL", help="Address of the task model's server, for local and private ones.")]
MaxCost = Annotated[
    float | None, typer.Option(metavar="DOLLARS", help="Most that may be paid, in US dollars, exam included. Never overshot.")
]
MaxTime = Annotated[
    float | None,
    typer.Option(metavar="TIME", parser=parse_duration, help="Most time: seconds, or with a unit (90s, 15m, 2h)."),
]
Prices = Annotated[
    list[str] | None,
    typer.Option(
        "--price", metavar="MODEL=IN,OUT", help="Price of a model that has no known one, in dollars per million tokens. Repeatable."
    ),
]
Concurrency = Annotated[
    int,
    typer.Option(
        min=1,
        metavar="N",
        help="Most calls in flight at once, of each model; fewer when a provider pushes back. 1: one call in all.",
    ),
]
Executor = Annotated[
    str,
    typer.Option(
        metavar="WHERE",
        help="Where rows are answered and scored: local, ray (all processors of this machine) or ray:ADDRESS (a running cluster).",
    ),
]
Recipe = Annotated[
    str,
    typer.Option(metavar="NAME", help="Optimizer recipe: a shipped name, or the path of a .toml or .py.", autocompletion=recipes),
]
OneCandidate = Annotated[
    str | None,
    typer.Option(metavar="ID", help="A candidate, by the start of its id. Default: the winner.", autocompletion=candidates),
]
RunsDir = Annotated[str, typer.Option(metavar="FOLDER", help="Where runs are kept.")]
CacheDir = Annotated[
    str,
    typer.Option(
        "--cache",
        "--cache-dir",
        metavar="PLACE",
        envvar="TOPOUT_CACHE",
        help="Where replies are kept, so that none is bought twice: a folder, or postgresql://USER@HOST/DATABASE for many machines.",
    ),
]
Study = Annotated[
    str,
    typer.Option(
        metavar="URL",
        envvar="TOPOUT_STUDY",
        help="Show the attempts in a storage of Optuna while the run goes on: sqlite:///FILE, or postgresql://USER@HOST/DATABASE.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="JSON on stdout, for machines.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress, only the result.")]
