"""The top of the page: what was run, the verdict in one sentence, the three figures that matter, and what to do next."""

from __future__ import annotations

import shlex

from topout.domain import RunStarted, Verdict
from topout.report.findings import Findings
from topout.report.measures import as_text, unbeaten
from topout.report.next_commands import next_commands
from topout.report.page.figures import change, dollars, estimate, waited
from topout.report.page.markup import Markup, details, html, joined, plain
from topout.report.page.shell import Section
from topout.report.words import EMBEDDED_NOTE, is_embedded

__all__ = ["after_ruling", "card", "copyable", "header", "items", "verdict"]


def header(started: RunStarted) -> Markup:
    """Task, model, critic, recipe and run; the switch between light and dark."""
    asked, manifest = started.settings, started.manifest
    model = as_text(asked, "model", "unknown")
    task = str(manifest.get("task") or as_text(asked, "task", "unknown"))
    described = str(manifest.get("description") or "")
    note = html('<p class="note">{n}</p>', n=sentence(EMBEDDED_NOTE)) if is_embedded(model) else Markup()
    return html(
        '<header><div class="brand"><span>topout</span>'
        '<button type="button" id="theme" aria-label="Switch between light and dark">Dark</button></div>'
        '<h1>{task}</h1>{described}<dl class="facts"><div><dt>model</dt><dd>{model}</dd></div><div><dt>critic</dt><dd>{critic}</dd></div>'
        "<div><dt>recipe</dt><dd>{recipe}, seed {seed}</dd></div><div><dt>run</dt><dd>{run}</dd></div></dl>{note}</header>",
        task=plain(task, 120),
        described=html("<p>{d}</p>", d=plain(described, 300)) if described else Markup(),
        model=plain(model, 120),
        critic=plain(as_text(asked, "critic", "none"), 120),
        recipe=plain(as_text(asked, "recipe", "unknown"), 80),
        seed=plain(as_text(asked, "seed", "0"), 30),
        run=plain(started.run, 80),
        note=note,
    )


def verdict(f: Findings, path: str) -> Section:
    """The ruling, its sentence and evidence, the key figures and the next step. `path` is how a person types the run's folder."""
    v = f.verdict
    needs = html("<h3>What would help to decide</h3><ul>{n}</ul>", n=items(v.needs)) if v.needs else Markup()
    commands = next_commands(f, path)
    first = (
        html('{c}<p class="after">{m}</p>', c=copyable(shlex.join(commands[0][0])), m=sentence(commands[0][1]))
        if commands
        else Markup()
    )
    body = html(
        '<div class="verdict" data-ruling="{ruling}"><p class="ruling">{ruling}</p><p class="sentence">{sentence}</p></div>'
        '{cards}<div class="columns"><div><h3>What it rests on</h3><ul>{evidence}</ul></div><div>{needs}<h3>Next step</h3>'
        "<p>{step}</p>{first}{ending}</div></div>",
        ruling=v.ruling,
        sentence=after_ruling(v),
        cards=key_figures(f),
        evidence=items(v.evidence),
        needs=needs,
        step=v.next_step or "Nothing more to do here: see the commands below.",
        first=first,
        ending=cut(f),
    )
    return Section("verdict", f"Has prompting topped out, for a gain of {100 * v.delta:g} points?", body)


def after_ruling(v: Verdict) -> str:
    """The verdict's sentence without the ruling in front of it, which stands above it already."""
    head, colon, rest = v.sentence.partition(": ")
    return f"{rest[:1].upper()}{rest[1:]}" if colon and head.casefold() == v.ruling.casefold() else v.sentence


def sentence(text: str) -> str:
    """A clause as a sentence."""
    return f"{text[:1].upper()}{text[1:]}."


def items(lines: tuple[str, ...]) -> Markup:
    return joined(html("<li>{t}</li>", t=line) for line in lines)


def cut(f: Findings) -> Markup:
    """A word where the run did not end by itself."""
    if f.ended is None:
        return html('<p class="note">The run has not ended: it is running, or was killed.</p>')
    if f.ended.ending in ("budget", "finished"):
        return Markup()
    return html('<p class="note">The run ended early ({e}): {r}</p>', e=f.ended.ending, r=plain(f.ended.reason, 300))


def key_figures(f: Findings) -> Markup:
    """Held-out score before and after, paired gain, and what a thousand calls cost."""
    same = f.winner.id == f.baseline.id
    level = f"{100 * f.holdout.winner.level:.0f} % intervals, on rows that the search never saw"
    after = (
        html("<p>The baseline stays: {u}.</p>", u=unbeaten(f))
        if same
        else html('<p class="big">{a}</p>', a=estimate("holdout.winner", f.holdout.winner))
    )
    score = card(
        "Held-out score",
        html('<p class="from">from {b}</p>{a}', b=estimate("holdout.baseline", f.holdout.baseline, False), a=after),
        level,
    )
    rise = None if f.holdout.gain is None else f.holdout.gain.estimate
    gained = card(
        "Held-out gain",
        html('<p class="big">{g}</p>', g=change("holdout.paired_gain", rise)),
        "paired: the same rows, best against baseline",
    )
    before, now = (None if c.cost_usd is None else 1000 * c.cost_usd for c in (f.before, f.after))
    priced = now is not None and now > 0
    price = card(
        "1,000 answers" if priced else "One answer",
        html(
            '<p class="from">from {b}</p><p class="big"><strong>{a}</strong> <span class="n">n = {n} answers</span></p>',
            b=dollars("per_call.before.cost_usd*1000", before)
            if priced
            else waited("per_call.before.latency_s", f.before.latency_s),
            a=dollars("per_call.after.cost_usd*1000", now) if priced else waited("per_call.after.latency_s", f.after.latency_s),
            n=f"{f.after.n:,}",
        ),
        "the best prompt's answers on holdout, list price"
        if priced
        else "median time of the best prompt's answers on holdout; no price, or free",
    )
    return html('<div class="cards">{a}{b}{c}</div>', a=score, b=gained, c=price)


def card(title: str, body: Markup, foot: str) -> Markup:
    return html('<div class="card"><h3>{t}</h3>{b}<p class="foot">{f}</p></div>', t=title, b=body, f=foot)


def copyable(text: str) -> Markup:
    """A command to copy."""
    return html(
        '<div class="command"><pre tabindex="0"><code>{t}</code></pre><button type="button" class="copy" data-copy="previous">Copy</button></div>',
        t=plain(text, 2000),
    )


def commands(f: Findings, path: str) -> Markup:
    """All commands that make sense now."""
    rest = joined(
        html('<p class="after">{m}</p>{c}', m=sentence(meaning), c=copyable(shlex.join(words)))
        for words, meaning in next_commands(f, path)
    )
    return details("All next commands", rest)
