"""Dev rows against champions: what was fixed on the way, and what broke."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from topout.domain import Rollout
from topout.report.charts.drawing import Plot, Spec, layered, named
from topout.report.findings import Findings
from topout.report.samples import row_score, split_of
from topout.report.words import safe_text

if TYPE_CHECKING:
    pass

__all__ = ["FATES", "MOST_ROWS", "Fate", "champions_of", "fates", "heat_chart", "sampled"]

Fate = Literal["broken", "fixed", "came and went", "never right", "always right"]
FATES: tuple[Fate, ...] = ("broken", "fixed", "came and went", "never right", "always right")
MOST_ROWS, MOST_CHAMPIONS = 600, 12


@dataclass(frozen=True, slots=True)
class Row:
    """A dev row, and by the champions in order its score (mean over its samples, nan without one) and a rollout (None: not asked)."""

    example: str
    fate: Fate
    scores: tuple[float, ...]
    rollouts: tuple[Rollout | None, ...]


def champions_of(f: Findings) -> tuple[str, ...]:
    """The champions in the order in which they led, each once; the baseline first, the winner last. Of very many, as many as a chart has room for,
    evenly spread."""
    led = list(dict.fromkeys([f.baseline.id, *(d.champion for d in f.attempts)]))
    names = [*(name for name in led if name != f.winner.id), f.winner.id] if f.winner.id != f.baseline.id else [f.baseline.id]
    if len(names) <= MOST_CHAMPIONS:
        return tuple(names)
    return tuple(names[i * (len(names) - 1) // (MOST_CHAMPIONS - 1)] for i in range(MOST_CHAMPIONS))


def fates(f: Findings) -> list[Row]:
    """Every dev row that both the baseline and the winner were scored on, by what became of it, then by id.

    A row is right at a full score. Between partial scores the greater one decides: better is fixed, worse is broken."""
    names = champions_of(f)
    ids = sorted({example for (_, example), samples in f.table.items() if split_of(samples) == "dev"})
    found = []
    for example in ids:
        asked = [f.table.get((name, example)) for name in names]
        scores = tuple(row_score(samples) for samples in asked)
        if math.isfinite(scores[0]) and math.isfinite(scores[-1]):
            rollouts = tuple(next(iter(samples.values()), None) if samples else None for samples in asked)
            found.append(Row(example, fate([s for s in scores if math.isfinite(s)]), scores, rollouts))
    return sorted(found, key=lambda row: (FATES.index(row.fate), row.example))


def fate(scores: Sequence[float]) -> Fate:
    """What became of a row, by its scores in the order of the champions."""
    first, last = scores[0], scores[-1]
    if last > first:
        return "fixed"
    if last < first:
        return "broken"
    if all(s == first for s in scores):
        return "always right" if first >= 1.0 else "never right"
    return "came and went"


def sampled(found: Sequence[Row], most: int = MOST_ROWS) -> list[Row]:
    """At most so many rows, evenly out of each fate, so that their shares stay."""
    if len(found) <= most:
        return list(found)
    return [found[i * len(found) // most] for i in range(most)]


def heat_chart(f: Findings, shown: Sequence[Row], size: int = 12) -> Plot:
    """A column a row, a line a champion. Columns are sorted by what became of the row; the strip below names the groups."""
    import altair as alt

    names = champions_of(f)
    labels = [
        f"{'baseline' if i == 0 else 'winner' if i == len(names) - 1 else f'champion {i}'} {name[:6]}"
        for i, name in enumerate(names)
    ]
    cells: list[Spec] = []
    for i, row in enumerate(shown):
        for label, value, rollout in zip(labels, row.scores, row.rollouts, strict=True):
            if rollout is None:
                continue
            cells.append(
                {
                    "x": i,
                    "x2": i + 1,
                    "c": label,
                    "s": value if math.isfinite(value) else None,
                    "e": safe_text(row.example, 40),
                    "a": safe_text(rollout.answer, 60) if math.isfinite(value) else "no score",
                    "f": row.fate,
                }
            )
    groups: list[Spec] = []
    for name in FATES:
        at = [i for i, row in enumerate(shown) if row.fate == name]
        if at:
            groups.append({"x": at[0], "x2": at[-1] + 1, "m": (at[0] + at[-1] + 1) / 2, "f": name, "n": len(at), "c": " "})
    order = [*labels, " "]
    x = alt.X(
        "x:Q",
        axis=alt.Axis(title="dev rows by what became of them", tickCount=6, format=",d"),
        scale=alt.Scale(nice=False, domain=[0, max(1, len(shown))]),
    )
    y = alt.Y("c:N", sort=order, scale=alt.Scale(domain=order), axis=alt.Axis(title=None, labelLimit=140, grid=False))
    heat = (
        named("cells")
        .mark_rect(height={"band": 0.94}, tooltip=True)
        .encode(
            x=x,
            x2="x2:Q",
            y=y,
            color=alt.Color(
                "s:Q",
                scale=alt.Scale(domain=[0, 1], range=["@soft", "@accent"]),
                legend=None,
            ),
            tooltip=[
                alt.Tooltip("e:N", title="dev row"),
                alt.Tooltip("f:N", title="became"),
                alt.Tooltip("c:N", title="asked by"),
                alt.Tooltip("s:Q", title="score", format=".2~f"),
                alt.Tooltip("a:N", title="answer"),
            ],
        )
    )
    strip = (
        named("groups")
        .mark_rect(height={"band": 0.3}, stroke="@paper", strokeWidth=2)
        .encode(
            x=x,
            x2="x2:Q",
            y=y,
            fill=alt.Fill(
                "f:N",
                scale=alt.Scale(domain=list(FATES), range=["@bad", "@good", "@muted", "@grey", "@line"]),
                legend=alt.Legend(title=None, columns=alt.ExprRef("width < 520 ? 2 : 5")),
            ),
            tooltip=[alt.Tooltip("f:N", title="became"), alt.Tooltip("n:Q", title="rows shown")],
        )
    )
    return Plot(layered([heat, strip]), {"cells": cells, "groups": groups})
