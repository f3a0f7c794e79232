"""What to type next, after a run: whole commands, with what the run was asked for."""

from __future__ import annotations

from collections.abc import Mapping

from topout.report.findings import Findings
from topout.report.measures import setting
from topout.report.words import is_embedded

__all__ = ["RESUMABLE", "next_commands", "run_command"]

RESUMABLE = ("stopped", "outage", "money", "time")
"""Endings that `topout resume` goes on from."""

LIMITS = {"money": "cost", "time": "time"}
"""Endings by a limit that a resume may raise."""

DEFAULTS = {
    "model": "embedded/reader",
    "recipe": "evolve",
    "seed": "0",
    "delta": "0.02",
    "api_base": "",
    "critic_api_base": "",
    "judge": "",
    "judge_api_base": "",
    "max_cost": "",
    "max_time": "",
    "cache_dir": ".topout/cache",
    "study": "",
}
"""Settings of a run that change its replies or its limits, with what they are unless said otherwise."""


def next_commands(f: Findings, path: str, places: Mapping[str, str] | None = None) -> list[tuple[list[str], str]]:
    """The commands that make sense now, word by word, the most useful first. `places` are the settings task, recipe and cache_dir as they are typed
    from here (as they were typed when the run began, without it)."""
    task = asked_for(f, places).get("task", "TASK")
    found: list[tuple[list[str], str]] = []
    if f.ended is None or f.ended.ending in RESUMABLE:
        found.append((["topout", "resume", path, *larger_limit(f)], "goes on where it ended; nothing is bought twice"))
    elif f.advice.rung == "mend the data":
        found.append((["topout", "check", task], "what the rows can show, and what is wrong with them: more calls would not help"))
    elif more := more_calls(f, places):
        found.append((more, "the same with twice the calls; replies that are known come from the cache"))
        if f.verdict.ruling == "can't tell yet" and not f.probes:
            found.append(
                (["topout", "probe", path, "--dry-run"], "what it takes to ask for fresh proposals, and how likely that decides")
            )
    found.append((["topout", "show", path], "the best prompt, attempts, rows it gets wrong"))
    if f.winner.id != f.baseline.id:
        model = setting(f, "model", "embedded/reader")
        other = [] if model == "embedded/reader" else ["--model", model]
        if setting(f, "api_base"):
            other += ["--api-base", setting(f, "api_base")]
        if setting(f, "judge"):
            other += ["--judge", setting(f, "judge")]
        again = ["topout", "evaluate", task, "--prompt", f"{path}/best", "--split", "holdout", *other]
        found.append((again, "measures the best prompt again"))
        found.append((["topout", "diff", path], "what changed in the prompt, word by word"))
        found.append(
            (
                ["topout", "export", path, "--to", "messages"],
                "the prompt for your code; topout export --help lists registries and formats",
            )
        )
        if f.advice.rung == "SFT":
            found.append(
                (["topout", "export", path, "--to", "sft", "--without-demos"], "examples to train on, none of them held out")
            )
    return found


def asked_for(f: Findings, places: Mapping[str, str] | None) -> dict[str, str]:
    """The run's settings as text, with paths as they are typed from here."""
    return {name: str(value) for name, value in {**f.started.settings, **(places or {})}.items() if value is not None}


def larger_limit(f: Findings) -> list[str]:
    """The limit to resume with when the old one is used up: twice as much."""
    ending = f.ended.ending if f.ended else ""
    limit = f.started.settings.get(f"max_{LIMITS.get(ending, '')}")
    if not isinstance(limit, int | float):
        return []
    return ["--max-cost", f"{2 * limit:g}"] if ending == "money" else ["--max-time", time_text(2 * limit)]


def time_text(seconds: float) -> str:
    """`90s`, `15m`, `2h`."""
    for unit, size in (("h", 3600), ("m", 60)):
        if seconds % size == 0:
            return f"{seconds / size:g}{unit}"
    return f"{seconds:g}s"


def more_calls(f: Findings, places: Mapping[str, str] | None) -> list[str]:
    """The command that asks the same with twice the calls, where these were used up and more may help; else nothing.

    A run's calls are fixed when it starts, so this is a run of its own. It begins with the same choices: most of its first replies are known.
    """
    limit = f.started.settings.get("max_calls") or f.started.manifest.get("max_calls")
    if f.ended is None or f.ended.ending != "budget" or f.verdict.ruling == "topped out" or not isinstance(limit, int):
        return []
    return run_command(f, 2 * limit, places)


def run_command(f: Findings, max_calls: int | None = None, places: Mapping[str, str] | None = None) -> list[str]:
    """The command that asks for this run again, with its own limit of calls or another one; `places` as in `next_commands`."""
    asked = asked_for(f, places)
    settings = f.started.settings
    limit = max_calls or settings.get("max_calls")
    model = setting(f, "model", "embedded/reader")
    usual = {**DEFAULTS, "critic": "embedded/critic" if is_embedded(model) else model}
    words = ["topout", "optimize", asked.get("task", "TASK")]
    for name, default in usual.items():
        if (value := asked.get(name, default)) != default:
            words += [f"--{name.replace('_', '-')}", value]
    prices = settings.get("prices")
    for price in prices if isinstance(prices, list) else []:
        words += ["--price", str(price)]
    return [*words, "--max-calls", str(limit)] if limit else words
