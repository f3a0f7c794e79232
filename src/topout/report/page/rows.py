"""Dev rows, one by one: what the champions fixed and broke, and what the best still gets wrong. Holdout and shift rows are never told here."""

from __future__ import annotations

import re
from collections import Counter

from topout.domain import Rollout, Scored
from topout.report.charts.drawing import specification
from topout.report.charts.examples import FATES, Row, champions_of, fates, heat_chart, sampled
from topout.report.findings import Findings
from topout.report.measures import failures
from topout.report.page.causes import clusters, suspects
from topout.report.page.markup import Markup, details, html, joined, plain, table
from topout.report.page.plots import plot
from topout.report.page.shell import Section
from topout.report.samples import step_lines

__all__ = ["confusions", "examples", "still_wrong"]

MOST_LISTED = 60
MOST_STEPS = 40
LABEL_FEEDBACK = re.compile(r"expected '(?P<gold>.*)', got '(?P<got>.*?)'(?:, which is not one of the labels)?", re.DOTALL)


def examples(f: Findings) -> Section | None:
    """Heat map of dev rows against champions, and the rows that were fixed or broken, with both answers."""
    known = fates(f)
    if not known or len(champions_of(f)) < 2:
        return None
    shown = sampled(known)
    counts = Counter(row.fate for row in known)
    summary = table(
        "Dev rows by what became of them",
        ("became", "dev rows"),
        [(name, html("{n}", n=f"{counts[name]:,}")) for name in FATES],
        right=(1,),
    )
    label = f"Heat map of {len(shown):,} dev rows by {len(champions_of(f))} champions; " + ", ".join(
        f"{counts[name]:,} {name}" for name in FATES
    )
    height = 84 + 30 * (len(champions_of(f)) + 1)
    chart = plot("rows", label, {"all": specification(heat_chart(f, shown), height=height)}, summary)
    part = (
        f" A sample of {len(shown):,} of {len(known):,} rows is drawn; all are in the table of rollouts."
        if len(shown) < len(known)
        else ""
    )
    led = len({f.baseline.id, *(d.champion for d in f.attempts)})
    if led > len(champions_of(f)):
        part += f" Of {led:,} champions {len(champions_of(f))} are drawn, evenly spread."
    lead = (
        f"{len(known):,} dev rows, from the baseline to the best. They were selected on, so more is fixed here than on new rows. Dark is right, pale is wrong.{part} "
        "Holdout rows are not told apart here: whoever reads them selects on them."
    )
    lists = joined(listed(name, [row for row in known if row.fate == name]) for name in FATES[:2])
    return Section("rows", "What was fixed, and what broke", html("{c}{l}", c=chart, l=lists), lead)


def listed(name: str, found: list[Row]) -> Markup:
    """Rows with the baseline's and the best prompt's answer."""
    if not found:
        return Markup()
    body = table(
        f"Rows {name}",
        ("dev row", "baseline's answer", "best prompt's answer", "scorer's words"),
        [
            (
                plain(row.example, 60),
                said(row.rollouts[0]),
                said(row.rollouts[-1]),
                words(row.rollouts[-1] if name == "broken" else row.rollouts[0]),
            )
            for row in found[:MOST_LISTED]
        ],
    )
    more = f", the first {MOST_LISTED}" if len(found) > MOST_LISTED else ""
    return details(f"{name.capitalize()}: {len(found):,} rows{more}", body)


def said(rollout: Rollout | None) -> Markup:
    return html('<span dir="auto">{a}</span>', a=plain(rollout.answer if rollout else "", 200))


def way(rollout: Rollout) -> Markup:
    """The answer, and below it what a program did on its way there."""
    lines = step_lines(rollout)
    if not lines:
        return said(rollout)
    items = joined(html('<li dir="auto">{t}</li>', t=plain(line.partition(". ")[2], 300)) for line in lines[:MOST_STEPS])
    return html("{a}{d}", a=said(rollout), d=details(f"{len(lines)} steps", html("<ol>{i}</ol>", i=items)))


def words(rollout: Rollout | None) -> Markup:
    score = rollout.score if rollout else None
    return plain(score.feedback if isinstance(score, Scored) else "", 200)


def still_wrong(f: Findings) -> Section | None:
    """What the best prompt gets wrong on dev: confusions of labels, and the rows, worst first."""
    wrong = [r for r in failures(f, f.winner.id, "dev") if isinstance(r.score, Scored)]
    if not wrong:
        return None
    rows = table(
        "Dev rows that the best prompt gets wrong",
        ("dev row", "score", "answer", "scorer's words"),
        [
            (plain(r.example, 60), html("{s}", s=f"{r.score.value:.2f}" if isinstance(r.score, Scored) else ""), way(r), words(r))
            for r in wrong[:MOST_LISTED]
        ],
        right=(1,),
    )
    more = f", the first {MOST_LISTED}, worst first" if len(wrong) > MOST_LISTED else ", worst first"
    body = html("{w}{c}{s}{r}", w=why(f, wrong), c=confusions(wrong), s=suspects(f.suspects), r=details(f"The rows{more}", rows))
    return Section(
        "wrong",
        "What it still gets wrong",
        body,
        f"{len(wrong):,} of {f.dev.winner.n:,} dev rows are not fully right with the best prompt.",
    )


def why(f: Findings, wrong: list[Rollout]) -> Markup:
    """The critic's clusters, where it has read the failures; their rows only from splits that may be read."""
    if f.failures is None:
        return (
            html('<p class="small">Why they fail: {n}.</p>', n=f.failures_note.removesuffix(".")) if f.failures_note else Markup()
        )
    return clusters(f.failures, {r.example: r for r in wrong} if f.failures.split == "dev" else {})


def confusions(wrong: list[Rollout]) -> Markup:
    """Pairs of expected and answered label, most frequent first, read from what the label scorer says; nothing for other scorers."""
    pairs: Counter[tuple[str, str]] = Counter()
    for r in wrong:
        match = LABEL_FEEDBACK.fullmatch(r.score.feedback) if isinstance(r.score, Scored) else None
        if match:
            pairs[match["gold"], match["got"]] += 1
    if not pairs:
        return Markup()
    top = sorted(pairs.items(), key=lambda item: (-item[1], item[0]))[:12]
    note = (
        html("<p>The {m} most frequent of {n} pairs.</p>", m=len(top), n=f"{len(pairs):,}") if len(pairs) > len(top) else Markup()
    )
    body = table(
        "Confused labels",
        ("expected", "answered", "dev rows"),
        [(plain(g, 80), plain(a, 80), html("{n}", n=f"{n:,}")) for (g, a), n in top],
        right=(2,),
    )
    return html("<h3>Labels that are confused</h3>{b}{n}", b=body, n=note)
