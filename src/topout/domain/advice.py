"""What to do after the verdict: why the rest fails, which levers had their turn, and the next rung of the ladder."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from topout.domain.statistics import Gain

__all__ = ["CAUSES", "RUNGS", "Advice", "BreakEven", "Cause", "FailureAnalysis", "FailureCluster", "LeverRecord", "Reason", "Rung"]

Cause = Literal["missing knowledge", "missing capability", "format drift", "ambiguous or wrong label", "reasoning", "style"]
CAUSES: tuple[Cause, ...] = (
    "missing knowledge",
    "missing capability",
    "format drift",
    "ambiguous or wrong label",
    "reasoning",
    "style",
)
Rung = Literal["keep prompting", "stronger model", "mend the data", "retrieval", "tools", "SFT", "RL", "stop", "can't tell yet"]
RUNGS: tuple[Rung, ...] = (
    "keep prompting",
    "stronger model",
    "mend the data",
    "retrieval",
    "tools",
    "SFT",
    "RL",
    "stop",
    "can't tell yet",
)


@dataclass(frozen=True, slots=True)
class FailureCluster:
    """Failing rows that go wrong in the same way. `rows` are example ids; `of` is how many failing rows were read for all clusters.

    `title` and `explanation` are a critic's words, untrusted: escape them wherever they are shown.
    """

    cause: Cause
    title: str
    explanation: str
    rows: tuple[str, ...]
    of: int


@dataclass(frozen=True, slots=True)
class FailureAnalysis:
    """Why the winner still fails on `split`. `failing` rows of it fail, `read` of those were shown to the critic, `unassigned` of the
    read ones fit no cluster. `suspects` are ids of rows that no good candidate ever solved: worth a look at their label, not an
    estimate of how many labels are wrong."""

    clusters: tuple[FailureCluster, ...]
    read: int
    failing: int
    unassigned: int
    suspects: tuple[str, ...]
    split: str


@dataclass(frozen=True, slots=True)
class LeverRecord:
    """One kind of change and what came of it.

    `in_scope` says whether the recipe allows it; `tried` and `kept` count its proposals on dev, `calls` the task calls that they took.
    `gain` is its best held-out paired gain that can be laid to this lever alone, corrected for having looked at several; None when not
    measured. `how` tells how it was measured, or why it was not.
    """

    lever: str
    in_scope: bool
    tried: int
    kept: int
    calls: int
    gain: Gain | None
    how: str


@dataclass(frozen=True, slots=True)
class Reason:
    """A sentence, and the figure that it rests on (with n and interval where it is an estimate; a task fact with its name)."""

    text: str
    figure: str


@dataclass(frozen=True, slots=True)
class BreakEven:
    """When a tuned or other model has repaid what it costs. None where a part is not known; `asks` names the missing facts.

    `months` is None as long as something is missing and infinity when it never pays back. `sentence` spells the arithmetic out.
    Costs are dollars; `now_usd_per_month` and `then_usd_per_month` are calls only, `maintenance_usd_per_month` comes on top of the latter.
    """

    calls_per_month: float | None
    now_usd_per_call: float | None
    then_usd_per_call: float | None
    now_usd_per_month: float | None
    then_usd_per_month: float | None
    training_usd: float | None
    maintenance_usd_per_month: float | None
    saved_usd_per_month: float | None
    months: float | None
    sentence: str
    asks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Advice:
    """The next rung: `sentence` says it, `reasons` speak for it, `against` are reasons not to train (also shown when training is the advice).

    `also` are other rungs whose conditions hold, with their reason, next best first. `asks` name the task facts that would make the
    advice firmer (`deployment.calls_per_day in task.toml`). `caveat` limits what the advice applies to, '' when nothing does.
    """

    rung: Rung
    sentence: str
    reasons: tuple[Reason, ...]
    against: tuple[Reason, ...] = ()
    also: tuple[tuple[Rung, Reason], ...] = ()
    asks: tuple[str, ...] = ()
    break_even: BreakEven | None = None
    caveat: str = ""
