"""What the public API hands back."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from topout.app.places import to_type
from topout.domain import Advice, Ending, Estimate, Gain, LeverRecord, Prompt, Rollout, Split, Verdict
from topout.report.findings import CallCard, Findings, RoleSpend

if TYPE_CHECKING:
    import pandas

__all__ = ["Against", "Evaluation", "RunHead", "RunView"]


@dataclass(frozen=True)
class RunView:
    """A run, read. Tables are made when asked for. Its repr is its folder: the findings hold every reply.

    `went_on` is False after a resume that found nothing to do."""

    folder: Path
    findings: Findings = field(repr=False)
    went_on: bool = field(default=True, repr=False)

    @property
    def places(self) -> dict[str, str]:
        """How the settings `task`, `recipe` and `cache_dir` are typed from this folder."""
        return to_type(self.folder, self.findings.started)

    @property
    def verdict(self) -> Verdict:
        """Has prompting topped out?"""
        return self.findings.verdict

    @property
    def advice(self) -> Advice:
        """The next rung, with its reasons."""
        return self.findings.advice

    @property
    def levers(self) -> tuple[LeverRecord, ...]:
        """What each kind of change took and gained."""
        return self.findings.levers

    @property
    def prompt(self) -> Prompt:
        """The winning prompt."""
        return self.findings.winner.prompt

    @cached_property
    def curve(self) -> pandas.DataFrame:
        """The plateau curve, a champion a row."""
        from topout.report.tables import curve_table

        return curve_table(self.findings)

    @cached_property
    def candidates(self) -> pandas.DataFrame:
        """All attempts in order, kept or not, one a row."""
        from topout.report.tables import candidates_table

        return candidates_table(self.findings)

    @cached_property
    def rollouts(self) -> pandas.DataFrame:
        """All rollouts in the order in which they became known, one a row."""
        from topout.report.tables import rollouts_table

        return rollouts_table(self.findings)


@dataclass(frozen=True, slots=True)
class Against:
    """What an evaluation was compared with: a run's winner on the same rows. `estimate` is its score there, `gain` the evaluation's minus that, paired."""

    run: str
    candidate: str
    model: str
    estimate: Estimate
    gain: Gain


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A prompt measured on a split. `failures` are the scored rollouts below 1, `unscored` the rows without a score, by reason.

    `ending` is why rows were not asked (money, a stop, a provider that is down for good); None when all were."""

    task: str
    split: Split
    prompt: str
    model: str
    estimate: Estimate
    card: CallCard
    spend: RoleSpend
    unscored: dict[str, int]
    failures: tuple[Rollout, ...]
    ending: Ending | None = None
    against: Against | None = None


@dataclass(frozen=True, slots=True)
class RunHead:
    """A run in a list. `ending` is None while it has not ended (running, or killed); estimates are None before the exam. `calls` are
    those of all models, `paid_usd` is None when the price of none of them is known; `kept_baseline` when no better prompt was found."""

    name: str
    task: str
    model: str
    recipe: str
    started: float
    ending: str | None
    baseline: Estimate | None = None
    winner: Estimate | None = None
    ruling: str | None = None
    seed: int | None = None
    calls: int = 0
    paid_usd: float | None = None
    kept_baseline: bool = False
