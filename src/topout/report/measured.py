"""`topout evaluate` for a terminal: one prompt on one split."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from rich.console import Group, RenderableType

from topout.domain import Estimate, Gain, Rollout, Split
from topout.plateau.wording import points
from topout.report.findings import CallCard, RoleSpend
from topout.report.layout import block, grid, text
from topout.report.showing import HOLDOUT_WARNING, failure_list
from topout.report.terminal import call_card, spend_table, unscored_line
from topout.report.words import EMBEDDED_NOTE, is_embedded, paired, quality

__all__ = ["Measured", "Rival", "measured", "rival_sentence"]


class Rival(Protocol):
    """A run's winner on the same rows, and the gain over it."""

    @property
    def run(self) -> str: ...
    @property
    def candidate(self) -> str: ...
    @property
    def model(self) -> str: ...
    @property
    def estimate(self) -> Estimate: ...
    @property
    def gain(self) -> Gain: ...


class Measured(Protocol):
    """A prompt measured on a split, as the app hands it back."""

    @property
    def task(self) -> str: ...
    @property
    def split(self) -> Split: ...
    @property
    def prompt(self) -> str: ...
    @property
    def model(self) -> str: ...
    @property
    def estimate(self) -> Estimate: ...
    @property
    def card(self) -> CallCard: ...
    @property
    def spend(self) -> RoleSpend: ...
    @property
    def unscored(self) -> Mapping[str, int]: ...
    @property
    def failures(self) -> Sequence[Rollout]: ...
    @property
    def against(self) -> Rival | None: ...


def measured(found: Measured, shown: int) -> RenderableType:
    """Score with interval, a call's tokens and cost, spend, and at most `shown` rows that are not fully right."""
    facts: list[tuple[RenderableType, RenderableType]] = [
        (text("task", "dim"), text(found.task, "bold", 60)),
        (text("prompt", "dim"), text(found.prompt)),
        (text("model", "dim"), text(found.model, "bold", 66)),
    ]
    if is_embedded(found.model):
        facts.append((text(""), text(EMBEDDED_NOTE, "yellow")))
    parts: list[RenderableType] = [
        grid(facts),
        block(f"Score on {found.split} ({100 * found.estimate.level:.0f} % interval)", text(quality(found.estimate), "bold")),
        *([rivalry(found.against)] if found.against is not None else []),
        block("One answer", call_card(((found.split, found.card),))),
        block("Spend", *spend_table([("evaluate", found.spend)])),
    ]
    if found.unscored:
        parts.append(block("Without a score", text(unscored_line(found.unscored), "yellow")))
    if found.failures and shown:
        first = f", the first {shown}" if shown < len(found.failures) else ""
        parts += [
            block(f"Not fully right: {len(found.failures):,} row{'' if len(found.failures) == 1 else 's'}{first}"),
            failure_list(found.failures[:shown], found.split),
        ]
    elif found.failures:
        parts.append(block(f"Not fully right: {len(found.failures):,} rows, not shown", text(HOLDOUT_WARNING, "dim")))
    return Group(*parts)


def rivalry(other: Rival) -> RenderableType:
    """A run's winner beside what was measured."""
    facts: list[tuple[RenderableType, RenderableType]] = [
        (text("winner", "dim"), text(f"{quality(other.estimate)}, candidate {other.candidate}, {other.model}")),
        (text("gain", "dim"), text(paired(other.gain), "bold")),
    ]
    return block(f"Against the winner of {other.run}, on the same rows", grid(facts), text(rival_sentence(other.gain)))


def rival_sentence(gain: Gain) -> str:
    """What the gain over another prompt or model shows: better, worse, or no real difference, and then what so many rows could have shown."""
    e = gain.estimate
    if not e.n:
        return "Not compared: no row has a score from both."
    if e.low > 0:
        return "Better: the whole interval of the gain lies above 0."
    if e.high < 0:
        return "Worse: the whole interval of the gain lies below 0."
    return f"No real difference is shown: 0 is in the interval of the gain. {e.n:,} rows show gains from {points(gain.detectable)} points up."
