"""Levers and the next rung for a terminal of 80 columns."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import RenderableType
from rich.text import Text

from topout.domain import Advice, LeverRecord, Reason
from topout.plateau.wording import gain, listed
from topout.report.layout import block, bullets, table, text

__all__ = ["asked", "levers_block", "next_rung"]

TRAINING_TALK = ("SFT", "RL", "stop", "can't tell yet", "mend the data")
"""Rungs beside which a reader thinks of training, so that what speaks against it is worth the lines."""


def levers_block(levers: Sequence[LeverRecord]) -> RenderableType:
    """What had its turn, what it took and what it gained alone; the rest in a line."""
    pulled = [one for one in levers if one.in_scope or one.tried]
    rows = [
        [
            text(one.lever, limit=16),
            text(f"{one.tried:,}"),
            text(f"{one.kept:,}"),
            text(f"{one.calls:,}"),
            text(gain(one.gain.estimate) if one.gain else "not measured", "" if one.gain else "dim"),
        ]
        for one in pulled
    ]
    parts: list[RenderableType] = [table(("", "tried", "kept", "calls", "held-out gain of this alone"), rows, right=(1, 2, 3))]
    for how in dict.fromkeys(one.how for one in pulled):
        named = listed([one.lever for one in pulled if one.how == how])
        parts.append(text(f"{named}: {how.removeprefix('not measured: ')}", "dim"))
    levels = {one.gain.estimate.level for one in pulled if one.gain}
    if levels:
        parts.append(text(f"{100 * max(levels):g} % intervals, which hold together at 95 %", "dim"))
    others = [one.lever for one in levers if one not in pulled]
    if others:
        parts.append(text(f"Not tried, as the recipe does not pull them: {listed(others)}."))
    return block("Levers", *parts)


def next_rung(advice: Advice) -> RenderableType:
    """The advice, why, what speaks against training, and what to tell for a firmer one."""
    parts: list[RenderableType] = [text(advice.sentence, "bold")]
    if advice.caveat:
        parts.append(text(advice.caveat, "yellow"))
    first, *rest = advice.reasons
    parts.append(bullets([first.text, *map(said, rest)]))  # the sentence has the first one's figure
    if advice.also:
        parts += [text("Also worth a thought:"), bullets([f"{rung}: {said(reason)}" for rung, reason in advice.also])]
    if advice.against and advice.rung in TRAINING_TALK:
        parts += [text("Against training:"), bullets([said(reason) for reason in advice.against])]
    if advice.break_even is not None and advice.break_even.sentence not in str([r.figure for r in advice.reasons]):
        parts.append(text(advice.break_even.sentence, "dim"))
    if advice.asks:
        parts.append(Text.assemble(("To be told more: ", "dim"), text(asked(advice.asks))))
    return block(f"Next rung: {advice.rung}", *parts)


def said(reason: Reason) -> str:
    """`The base model stays (deployment.base_model_stable = true).`"""
    return f"{reason.text.removesuffix('.')} ({reason.figure})."


def asked(asks: Sequence[str]) -> str:
    """`say calls_per_day and target_score under [deployment] in task.toml; why it fails: ...`: the facts of one table in one list."""
    start, end = "deployment.", " in task.toml"
    names = [ask.removeprefix(start).removesuffix(end) for ask in asks if ask.startswith(start)]
    others = [ask for ask in asks if not ask.startswith(start)]
    table_of = [f"{listed(names)} under [deployment] in task.toml"] if names else []
    return f"{'; '.join([*table_of, *others])}."
