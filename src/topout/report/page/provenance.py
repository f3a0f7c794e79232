"""What the figures rest on, and the command that makes them again."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from datetime import UTC, datetime

from topout.domain import Json
from topout.report.findings import Findings
from topout.report.judged import judge_line
from topout.report.measures import setting
from topout.report.next_commands import run_command
from topout.report.page.markup import html, joined, plain
from topout.report.page.overview import commands, copyable
from topout.report.page.shell import Section
from topout.report.words import duration

__all__ = ["provenance"]


def provenance(f: Findings, path: str) -> Section:
    """Versions, hashes, seed, models, budget, ending and the commands."""
    settings, manifest = f.started.settings, f.started.manifest
    started = datetime.fromtimestamp(f.started.at, UTC).strftime("%Y-%m-%d %H:%M UTC")
    ended = f"{f.ended.ending}: {f.ended.reason}" if f.ended else "not ended: it is running, or was killed"
    facts: list[tuple[str, str]] = [
        ("run", f.started.run),
        ("started", started),
        ("ended", ended),
        ("took", duration(f.seconds) + (f", resumed {f.resumed} times" if f.resumed else "") if f.ended else "not ended"),
        ("model", setting(f, "model", "unknown")),
        ("critic", setting(f, "critic", "none")),
        ("recipe", f"{setting(f, 'recipe', 'unknown')} ({text(manifest, 'recipe_sha') or 'no hash recorded'})"),
        ("seed", setting(f, "seed", "0")),
        ("budget", budget(settings, manifest)),
        ("task", f"{setting(f, 'task', 'unknown')} ({text(manifest, 'task_fingerprint') or 'no hash recorded'})"),
        ("holdout", text(manifest, "holdout_fingerprint")),
        ("scorer", text(manifest, "scorer")),
        ("judge", judge_line(f)),
        ("rows", pairs(manifest.get("splits"))),
        ("baseline", f.baseline.id),
        ("best", f.winner.id),
        ("topout", text(manifest, "topout")),
        ("python", text(manifest, "python")),
        ("packages", pairs(manifest.get("packages"))),
    ]
    rows = joined(html("<div><dt>{n}</dt><dd>{v}</dd></div>", n=name, v=plain(value, 400)) for name, value in facts if value)
    files = "journal.jsonl is the truth; verdict.json, curve.csv, candidates.csv and the table of rollouts beside this page are made from it, as this page is."
    body = html(
        '<dl class="provenance">{r}</dl><h3>The same run again</h3>{c}<p class="after">{n}</p>{f}{m}',
        r=rows,
        c=copyable(shlex.join(run_command(f))),
        n="With the same task, models and seed, replies come from the cache and it ends alike.",
        f=html("<p>{t}</p>", t=files),
        m=commands(f, path),
    )
    return Section("provenance", "Where these figures come from", body)


def text(values: Mapping[str, Json], name: str) -> str:
    value = values.get(name)
    return "" if value is None else str(value)


def pairs(value: Json) -> str:
    """`train 240, dev 120`."""
    return ", ".join(f"{name} {what}" for name, what in value.items()) if isinstance(value, dict) else ""


def budget(settings: Mapping[str, Json], manifest: Mapping[str, Json]) -> str:
    """The limits that were set."""
    calls = settings.get("max_calls") or manifest.get("max_calls")
    cost, time = settings.get("max_cost"), settings.get("max_time")
    parts = [
        f"{calls:,} calls" if isinstance(calls, int) else "",
        f"${cost}" if cost is not None else "",
        f"{time} s" if time is not None else "",
    ]
    return ", ".join(part for part in parts if part) or "no limit recorded"
