"""`topout compare` for a terminal."""

from __future__ import annotations

from rich.console import Group, RenderableType

from topout.report.comparison import Comparison, Contender
from topout.report.layout import block, grid, table, text
from topout.report.terminal import call_card, money
from topout.report.words import EMBEDDED_NOTE, duration, paired, quality

__all__ = ["compared"]


def compared(c: Comparison) -> RenderableType:
    """The runs by letter, their winners on the holdout, every difference in a sentence, what they took and how they ruled."""
    models = {one.model for one in c.contenders}
    told: list[tuple[RenderableType, RenderableType]] = []
    for one in c.contenders:
        told.append((text(one.label, "bold"), text(one.run)))
        critic = f", critic {one.critic}" if one.critic else ""
        told.append((text(""), text(f"{one.model}{critic}; {one.recipe}, seed {one.seed}", "dim", 200)))
    notes = [text(EMBEDDED_NOTE, "yellow")] if any(one.embedded for one in c.contenders) else []
    scores: list[tuple[RenderableType, RenderableType]] = []
    for one in c.contenders:
        scores.append((text(one.label, "bold"), text(quality(one.score), "bold")))
        gained = "the baseline: no better prompt found" if one.is_baseline else f"over its baseline {paired(one.gain)}"
        scores.append((text(""), text(gained, "dim")))
    several = "" if len(c.differences) < 2 else f", corrected for {len(c.differences)} comparisons"
    styles = {"one": "bold green", "other": "bold green", "none": "", "same prompt": "", "no rows": "yellow"}
    verdicts = [[text(one.label, "bold"), text(one.ruling), text(one.ending or "not ended", "dim")] for one in c.contenders]
    return Group(
        text(f"task {c.task}", "bold", 70),
        block("Runs", grid(told), *notes),
        block("Winners, held out (95 % intervals, each for its score alone)", grid(scores)),
        block(
            f"Differences, paired on the same rows ({100 * c.level:.0f} % intervals{several})",
            grid([(text("-", "dim"), text(d.sentence, styles[d.result])) for d in c.differences]),
            *(
                [text("The models differ: these are differences of model and prompt together.", "yellow")]
                if len(models) > 1
                else []
            ),
        ),
        block("One answer of the winner", call_card([(one.label, one.card) for one in c.contenders])),
        block("The runs", taken(c.contenders)),
        block("Verdicts", grid(verdicts)),
    )


def taken(contenders: tuple[Contender, ...]) -> RenderableType:
    """Calls, dollars and time of each run."""
    rows = [
        [
            text(c.label, "bold"),
            text(f"{c.spend.calls:,}"),
            text(f"{c.spend.paid_calls:,}"),
            text(money(c.spend.paid_usd, c.spend)),
            text(money(c.spend.cost_usd, c.spend)),
            text(duration(c.seconds) if c.ending else "not ended"),
        ]
        for c in contenders
    ]
    return table(("", "calls", "sent", "paid", "list price", "took"), rows, right=(1, 2, 3, 4, 5))
