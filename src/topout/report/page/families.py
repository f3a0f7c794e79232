"""Where candidates came from: the winner's line step by step, and the whole tree."""

from __future__ import annotations

from topout.domain import AttemptDone
from topout.plateau.wording import points
from topout.report.charts.drawing import specification
from topout.report.charts.lineage import ancestors, lineage_chart
from topout.report.findings import Findings
from topout.report.page.figures import counted, figure
from topout.report.page.markup import Markup, html, joined, plain, table
from topout.report.page.plots import plot
from topout.report.page.shell import Section

__all__ = ["lineage", "trial"]

DEEPEST = 8


def lineage(f: Findings) -> Section | None:
    """The line of the winner as a list, all kept candidates as a chart and a tree in a table."""
    if len(f.candidates) < 2:
        return None
    born: dict[str, tuple[int, AttemptDone]] = {}
    for i, d in enumerate(f.attempts):
        if d.attempt.candidate is not None:
            born.setdefault(d.attempt.candidate.id, (i, d))
    steps = joined(step(*born[name]) for name in ancestors(f))
    label = "Lineage: every candidate at the attempt that made it and its dev score, with a line to its parents."
    chart = plot("lineage", label, {"all": specification(lineage_chart(f), height=340)}, tree(f, born))
    note = html(
        "<p>One that was dropped stands at its parent's dev score plus its own gain over it, on the rows that it was tried on.</p>"
    )
    body = html('<h3>The line of the winner</h3><ol class="line">{s}</ol><h3>All candidates</h3>{n}{c}', s=steps, n=note, c=chart)
    return Section(
        "lineage",
        "Where the best prompt came from",
        body,
        "Gains in this part are dev gains over the parent: candidates are selected on these rows.",
    )


def step(i: int, d: AttemptDone) -> Markup:
    """One ancestor: the operator, its trial and the reason given for it."""
    a = d.attempt
    why = (a.candidate.rationale if a.candidate else "") or a.reason
    return html(
        "<li><p><strong>{o}</strong> <code>{c}</code> {t}</p><p>{w}</p></li>",
        o=a.operator,
        c=a.candidate.id[:12] if a.candidate else "",
        t=trial(i, d),
        w=plain(why, 400),
    )


def trial(i: int, d: AttemptDone) -> Markup:
    """`+14.4 points, se 3.2, n = 216`; nothing without a trial. `i` is the row in candidates.csv."""
    a = d.attempt
    if a.gain is None:
        return Markup()
    at = f"candidates.csv:{i}"
    error = (
        html(", se {s}", s=figure(f"{at}.dev_gain_se", a.gain_se, f"{100 * a.gain_se:.1f}")) if a.gain_se is not None else Markup()
    )
    return html(
        '<span class="est">{g} points<span class="n">{s}, n = {n}</span></span>',
        g=figure(f"{at}.dev_gain_vs_parent", a.gain, points(a.gain, True)),
        s=error,
        n=counted(f"{at}.dev_gain_rows", a.rows),
    )


def tree(f: Findings, born: dict[str, tuple[int, AttemptDone]]) -> Markup:
    """Kept candidates, each below its first parent and indented by generation, with how many children of it were dropped."""
    kept = [name for name, (_, d) in born.items() if d.attempt.outcome == "kept"]
    children: dict[str, list[str]] = {}
    dropped: dict[str, int] = {}
    for name, (_, d) in born.items():
        for parent in d.attempt.parents[:1]:
            if d.attempt.outcome == "kept":
                children.setdefault(parent, []).append(name)
            else:
                dropped[parent] = dropped.get(parent, 0) + 1
    roots = [name for name in kept if not any(p in born for p in born[name][1].attempt.parents[:1])]
    stack, ordered = [(name, 0) for name in reversed(roots)], list[tuple[str, int]]()
    seen: set[str] = set()
    while stack:
        name, depth = stack.pop()
        if name in seen:
            continue
        seen.add(name)
        ordered.append((name, depth))
        stack += [(child, depth + 1) for child in reversed(children.get(name, []))]

    def row(name: str, depth: int) -> tuple[Markup | str, ...]:
        i, d = born[name]
        a = d.attempt
        mark = " (winner)" if name == f.winner.id else " (baseline)" if name == f.baseline.id else ""
        return (
            html(
                '<span class="tree g{g}" title="generation {d}"><code>{c}</code>{m}</span>',
                g=min(depth, DEEPEST),
                d=depth,
                c=name[:12],
                m=mark,
            ),
            html("{o}", o=a.operator),
            html("<code>{p}</code>", p=" ".join(p[:8] for p in a.parents)),
            trial(i, d),
            html("{n}", n=f"{dropped.get(name, 0):,}"),
            html('<span class="why">{w}</span>', w=plain((a.candidate.rationale if a.candidate else "") or a.reason, 200)),
        )

    most = 400
    note = (
        html("<p>The first {m} of {n} kept candidates; all stand in candidates.csv.</p>", m=most, n=f"{len(ordered):,}")
        if len(ordered) > most
        else Markup()
    )
    heads = ("candidate", "operator", "parents", "dev gain over its parent", "dropped children", "reason")
    return html("{t}{n}", t=table("Kept candidates as a tree", heads, [row(*one) for one in ordered[:most]], right=(3, 4)), n=note)
