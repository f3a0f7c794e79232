"""Why the best prompt still fails: the critic's clusters of failing dev rows, and rows whose label is worth a look."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from topout.domain import FailureAnalysis, FailureCluster, Rollout, Scored
from topout.report.page.markup import Markup, details, html, joined, plain, table

__all__ = ["clusters", "suspects"]

MOST_ROWS = 20


def clusters(found: FailureAnalysis, answers: Mapping[str, Rollout]) -> Markup:
    """Clusters, largest first, each with its rows where these may be read (`answers` by example id: dev or train rows only)."""
    lead = f"{found.failing:,} rows of {found.split} fail; the critic read {found.read:,} of them, {found.unassigned:,} fit no cluster."
    ordered = sorted(found.clusters, key=lambda one: -len(one.rows))
    return html("<h3>Why, in the critic's view</h3><p>{l}</p>{c}", l=lead, c=joined(cluster(one, answers) for one in ordered))


def cluster(one: FailureCluster, answers: Mapping[str, Rollout]) -> Markup:
    """A cluster: cause, title, explanation, and its rows folded."""
    rows = [answers[name] for name in one.rows if name in answers][:MOST_ROWS]
    listed = (
        details(
            f"{len(one.rows):,} rows" + (f", the first {len(rows)}" if len(rows) < len(one.rows) else ""),
            table(f"Rows: {one.title[:80]}", ("row", "answer", "scorer's words"), [line(r) for r in rows]),
        )
        if rows
        else Markup()
    )
    return html(
        '<div class="cluster"><p><strong>{t}</strong> <span class="n">{c}, {k} of {o} rows</span></p><p>{e}</p>{r}</div>',
        t=plain(one.title, 160),
        c=one.cause,
        k=f"{len(one.rows):,}",
        o=f"{one.of:,}",
        e=plain(one.explanation, 600),
        r=listed,
    )


def line(r: Rollout) -> tuple[Markup, ...]:
    words = r.score.feedback if isinstance(r.score, Scored) else ""
    return plain(r.example, 60), html('<span dir="auto">{a}</span>', a=plain(r.answer, 200)), plain(words, 200)


def suspects(names: Sequence[str]) -> Markup:
    """Rows that no good candidate ever solved."""
    if not names:
        return Markup()
    shown = ", ".join(names[:60]) + (f" and {len(names) - 60:,} more" if len(names) > 60 else "")
    said = "No good candidate ever solved these dev rows. Look at their labels; how many of them are wrong is not said by this."
    return html("<h3>Labels worth a look</h3><p>{s}</p><p><code>{n}</code></p>", s=said, n=plain(shown, 3000))
