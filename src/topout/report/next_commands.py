"""What to type next, after a run: whole commands, with what the run was asked for."""

from __future__ import annotations

from topout.report.findings import Findings
from topout.report.measures import setting
from topout.report.words import is_embedded

__all__ = ["RESUMABLE", "next_commands", "run_command"]

RESUMABLE = ("stopped", "outage", "money", "time")
"""Endings that `topout resume` goes on from."""

DEFAULTS = {
    "model": "embedded/reader",
    "recipe": "evolve",
    "seed": "0",
    "delta": "0.02",
    "api_base": "",
    "critic_api_base": "",
    "max_cost": "",
    "max_time": "",
    "cache_dir": ".topout/cache",
}
"""Settings of a run that change its replies or its limits, with what they are unless said otherwise."""


def next_commands(f: Findings, path: str) -> list[tuple[list[str], str]]:
    """The commands that make sense now, word by word, the most useful first."""
    found: list[tuple[list[str], str]] = []
    if f.ended is None or f.ended.ending in RESUMABLE:
        found.append((["topout", "resume", path, *more_money(f)], "goes on where it ended; nothing is bought twice"))
    elif more := more_calls(f):
        found.append((more, "the same with twice the calls; replies that are known come from the cache"))
    found.append((["topout", "show", path], "the best prompt, all attempts, rows it gets wrong"))
    if f.winner.id != f.baseline.id:
        model = setting(f, "model", "embedded/reader")
        other = [] if model == "embedded/reader" else ["--model", model]
        if setting(f, "api_base"):
            other += ["--api-base", setting(f, "api_base")]
        again = ["topout", "evaluate", setting(f, "task", "TASK"), "--prompt", f"{path}/best", "--split", "holdout", *other]
        found.append((again, "measures the best prompt again"))
        found.append(
            (["topout", "export", path, "--to", "messages"], "the prompt for your code (also text, python, dspy, registry)")
        )
    return found


def more_money(f: Findings) -> list[str]:
    """The limit to resume with when the old one is used up: twice as much."""
    limit = f.started.settings.get("max_cost")
    if f.ended is None or f.ended.ending != "money" or not isinstance(limit, int | float):
        return []
    return ["--max-cost", f"{2 * limit:g}"]


def more_calls(f: Findings) -> list[str]:
    """The command that asks the same with twice the calls, where these were used up and more may help; else nothing.

    A run's calls are fixed when it starts, so this is a run of its own. It begins with the same choices: most of its first replies are known.
    """
    limit = f.started.settings.get("max_calls") or f.started.manifest.get("max_calls")
    if f.ended is None or f.ended.ending != "budget" or f.verdict.ruling == "topped out" or not isinstance(limit, int):
        return []
    return run_command(f, 2 * limit)


def run_command(f: Findings, max_calls: int | None = None) -> list[str]:
    """The command that asks for this run again, with its own limit of calls or another one."""
    settings = f.started.settings
    limit = max_calls or settings.get("max_calls")
    model = setting(f, "model", "embedded/reader")
    usual = {**DEFAULTS, "critic": "embedded/critic" if is_embedded(model) else model}
    words = ["topout", "optimize", setting(f, "task", "TASK")]
    for name, default in usual.items():
        if (value := setting(f, name, default)) != default:
            words += [f"--{name.replace('_', '-')}", value]
    prices = settings.get("prices")
    for price in prices if isinstance(prices, list) else []:
        words += ["--price", str(price)]
    return [*words, "--max-calls", str(limit)] if limit else words
