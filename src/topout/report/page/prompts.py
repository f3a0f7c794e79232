"""The winning prompt: to copy, and word by word against the baseline."""

from __future__ import annotations

from topout.domain import Component, Demo, Json, Prompt
from topout.report.findings import Findings
from topout.report.measures import unbeaten
from topout.report.page.markup import Markup, data_block, details, html, joined, plain
from topout.report.page.shell import Section
from topout.text.diffs import Piece, word_diff
from topout.text.genes import described, switched
from topout.text.prompts import format_prompt
from topout.text.rendering import placeholders, render

__all__ = ["prompt_section", "shown_diff"]

MOST_SHOWN = 20_000
MOST_COPIED = 200_000


def prompt_section(f: Findings) -> Section:
    """Each part of the winner with what changed, the demos, the reason for its last change, and buttons that copy it as text, messages or JSON."""
    same = f.winner.id == f.baseline.id
    lead = (
        f"The baseline stays: {unbeaten(f)}."
        if same
        else "Against the baseline: what was put in is underlined, what was taken out is struck through."
    )
    reason = (
        html(
            "<p><strong>Its last change{w}:</strong> {r}</p>",
            w=", in the critic's words" if f.winner.operator in ("rewrite", "shorten") else "",
            r=plain(f.winner.rationale, 1200),
        )
        if f.winner.rationale
        else Markup()
    )
    names = list(dict.fromkeys([*(c.name for c in f.winner.prompt.components), *(c.name for c in f.baseline.prompt.components)]))
    parts = joined(part(name, f.baseline.prompt, f.winner.prompt) for name in names)
    return Section(
        "prompt",
        "The best prompt",
        html(
            "{c}{r}{g}{p}{d}",
            c=copies(f.winner.prompt, bool(f.started.manifest.get("program"))),
            r=reason,
            g=genes(f.winner.prompt),
            p=parts,
            d=demos(f),
        ),
        lead,
    )


def part(name: str, before: Prompt, after: Prompt) -> Markup:
    """One component: as a diff where it changed, with the plain text beside it."""
    old, new = component(before, name), component(after, name)
    now = new or old
    assert now is not None
    state = "unchanged" if old and new and old.text == new.text else "new" if not old else "taken out" if not new else "changed"
    title = html(
        '{r}{n} <span class="n">{s}{f}</span>',
        r=now.role,
        n="" if name == now.role else f": {name}",
        s=state,
        f=", frozen" if now.frozen else "",
    )
    text = new.text if new else ""
    if state == "unchanged":
        return html("<h3>{t}</h3>{b}", t=title, b=block(text))
    return html(
        "<h3>{t}</h3>{d}{p}",
        t=title,
        d=shown_diff(old.text if old else "", text),
        p=details("Text without marks", block(text)) if new else Markup(),
    )


def component(prompt: Prompt, name: str) -> Component | None:
    return next((c for c in prompt.components if c.name == name), None)


def block(text: str) -> Markup:
    return html('<pre class="prompt" dir="auto" tabindex="0">{t}</pre>', t=cut(text))


def cut(text: str) -> Markup:
    """Long text with how much is missing."""
    if len(text) <= MOST_SHOWN:
        return plain(text)
    return html(
        "{t}\n<em>... and {n} characters more (topout show prints them all)</em>",
        t=text[:MOST_SHOWN],
        n=f"{len(text) - MOST_SHOWN:,}",
    )


def shown_diff(before: str, after: str) -> Markup:
    """A word diff; what is long and unchanged in it is folded to its ends."""
    room = MOST_SHOWN
    shown: list[Markup] = []
    for change in word_diff(before, after):
        if room <= 0:
            shown.append(html("<em>... and more</em>"))
            break
        shown.append(piece(change, room))
        room -= len(change.text)
    return html('<pre class="prompt diff" dir="auto" tabindex="0">{p}</pre>', p=joined(shown))


def piece(change: Piece, room: int) -> Markup:
    text = plain(change.text[:room])
    match change.kind:
        case "added":
            return html("<ins>{t}</ins>", t=text)
        case "removed":
            return html("<del>{t}</del>", t=text)
        case _:
            return text


def demos(f: Findings) -> Markup:
    """The few-shot examples; they come from train rows, which may be read."""
    before = {(tuple(d.inputs.items()), d.output) for d in f.baseline.prompt.demos}
    now = f.winner.prompt.demos
    if not now:
        return Markup()

    def one(d: Demo) -> Markup:
        fresh = (tuple(d.inputs.items()), d.output) not in before
        fields = joined(html('<dt>{n}</dt><dd dir="auto">{v}</dd>', n=plain(n, 80), v=plain(v, 600)) for n, v in d.inputs.items())
        source = f" from train row {d.example_id}" if d.example_id else ""
        source += f", for step {d.component}" if d.component else ""
        return html(
            '<li><dl>{f}<dt>answer</dt><dd dir="auto">{o}</dd></dl><p class="n">{k}{s}</p></li>',
            f=fields,
            o=plain(d.output, 600),
            k="new" if fresh else "as before",
            s=plain(source, 80),
        )

    return details(
        f"{len(now)} demos (worked examples in the prompt)", html('<ol class="demos">{d}</ol>', d=joined(one(d) for d in now[:64]))
    )


def genes(prompt: Prompt) -> Markup:
    """How the model is asked with the prompt, where that is not by one plain call."""
    return html("<p>With this prompt the model {g}.</p>", g="; ".join(described(prompt))) if switched(prompt) else Markup()


def copies(prompt: Prompt, several: bool) -> Markup:
    """Buttons that copy the exact prompt. Very long ones are left to `topout export`. That of a program (`several` calls) is no one call's messages."""
    fields = dict.fromkeys(n for c in prompt.components for n in placeholders(c.text))
    filled = () if several else render(prompt, {n: f"{{{{{n}}}}}" for n in fields})
    messages: list[Json] = [{"role": m.role, "content": m.content} for m in filled]
    document: dict[str, Json] = {
        "components": [{"name": c.name, "role": c.role, "text": c.text, "frozen": c.frozen} for c in prompt.components],
        "demos": [
            {**({"component": d.component} if d.component else {}), "inputs": dict(d.inputs), "output": d.output}
            for d in prompt.demos
        ],
        **switched(prompt),
    }
    text = format_prompt(prompt)
    if len(text) + sum(len(d.output) + sum(map(len, d.inputs.values())) for d in prompt.demos) > MOST_COPIED:
        return html('<p class="note">This prompt is too long to copy from a page: topout export writes it to a file.</p>')
    return html(
        '<p class="copies">{b}</p>{d}',
        b=joined(
            html('<button type="button" class="copy" data-copy="{k}">Copy {n}</button>', k=key, n=name)
            for key, name in (("text", "text"), ("messages", "messages"), ("json", "JSON"))
            if not (several and key == "messages")
        ),
        d=data_block("copies", {"text": text, "messages": messages, "json": document}),
    )
