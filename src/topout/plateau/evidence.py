"""What a run has to say about its own future: gathered from its journal, nothing else."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from topout.domain import Attempt, AttemptDone, Estimate, Gain
from topout.plateau.intervals import mean_interval, paired_gain
from topout.plateau.levers import pulled_levers

__all__ = ["Challenger", "Contender", "Evidence", "champion_at", "gather"]


@dataclass(frozen=True, slots=True)
class Challenger:
    """A proposal that met its parent: mean paired dev difference over `rows` rows with its standard error; `kept` in the pool or not."""

    mean: float
    se: float
    rows: int
    kept: bool


@dataclass(frozen=True, slots=True)
class Contender:
    """A fresh proposal that met the champion: mean paired difference on `rows` rows that no decision of the search has used, with its
    standard error. nan and 0 rows where nothing was scored."""

    mean: float
    se: float
    rows: int


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that the verdict may look at.

    `delta` is the smallest gain worth having (score units, 0.02 = 2 points). `challengers` are in the order of their decisions;
    `rejected` proposals were never raced, and `gated` ones were dropped before they met their parent on a row. `calls` are the task calls of the search, `calls_at_last_change` those at the last change
    of champion (0: never); `changes` counts the changes, `late_changes` those in the later half of the calls. `champion` is its held-out score; `last_doubling` the paired held-out gain of the champion now over the champion
    at half of the calls; `since_baseline` over the baseline: None where one of the two was not examined. `dev_last_doubling` and
    `dev_gain` are the same two gains on dev, which are optimistic. `cost_usd` is what the search cost, None when unknown.
    `cut_short` says why the run ended before its budget ('' when it did not). `probe` are the fresh proposals of a plateau probe, each with
    all rows on which it met the champion; empty without one.
    """

    delta: float
    n_dev: int
    n_holdout: int
    challengers: tuple[Challenger, ...]
    calls: int
    calls_at_last_change: int
    changes: int = 0
    late_changes: int = 0
    champion: Estimate | None = None
    last_doubling: Gain | None = None
    since_baseline: Gain | None = None
    dev_last_doubling: float = math.nan
    dev_gain: float = math.nan
    rejected: int = 0
    cost_usd: float | None = None
    levers_tried: tuple[str, ...] = ()
    levers_untried: tuple[str, ...] = ()
    cut_short: str = ""
    probe: tuple[Contender, ...] = ()
    gated: int = 0

    @property
    def tried(self) -> int:
        """Proposals that met their parent on dev rows."""
        return len(self.challengers)

    @property
    def kept(self) -> int:
        """Proposals that joined the pool."""
        return sum(one.kept for one in self.challengers)

    @property
    def read_calls(self) -> float:
        """Calls that getting one proposal took on average: what the search spent beside the races and the baseline on dev, and one of the critic.
        nan before the first proposal."""
        raced = sum(one.rows for one in self.challengers) + self.n_dev
        asked = self.tried + self.rejected + self.gated
        return max(0.0, self.calls - raced) / asked + 1.0 if asked else math.nan

    def kept_by_third(self) -> tuple[float, float, float]:
        """The share kept among the first, second and last third of the challengers; nan for an empty third."""
        n = len(self.challengers)
        cuts = (0, n // 3, 2 * n // 3, n)
        thirds = [self.challengers[a:b] for a, b in itertools.pairwise(cuts)]
        first, second, last = (sum(c.kept for c in third) / len(third) if third else math.nan for third in thirds)
        return first, second, last


def champion_at(done: Sequence[AttemptDone], task_calls: int, baseline: str) -> str:
    """The champion once `task_calls` task calls had been spent: the one after the last attempt that was committed by then."""
    champion = baseline
    for one in done:
        if one.task_calls > task_calls:
            break
        champion = one.champion
    return champion


def _challenger(attempt: Attempt) -> Challenger | None:
    """The attempt as a challenger, None when it never met its parent."""
    if attempt.rows < 1 or attempt.gain is None or not math.isfinite(attempt.gain):
        return None
    se = attempt.gain_se if attempt.gain_se is not None and math.isfinite(attempt.gain_se) else 0.0
    return Challenger(attempt.gain, se, attempt.rows, attempt.outcome == "kept")


def _gain(
    after: str, before: str, scores: Mapping[str, Sequence[float]], clusters: Sequence[str] | None, level: float = 0.95
) -> Gain | None:
    """The paired gain between two champions by their per-row scores, None where one of them has none."""
    if after not in scores or before not in scores:
        return None
    return paired_gain(scores[after], scores[before], level, clusters)


def gather(
    done: Sequence[AttemptDone],
    *,
    delta: float,
    baseline: str,
    dev: Mapping[str, Sequence[float]],
    holdout: Mapping[str, Sequence[float]],
    levers: Sequence[str] = (),
    clusters: Sequence[str] | None = None,
    cut_short: str = "",
    probe: Sequence[Contender] = (),
) -> Evidence:
    """The evidence in a run's committed attempts and its champions' per-row scores.

    `baseline` is the baseline's candidate id; `dev` and `holdout` hold scores by candidate id in row order (nan where unscored), for the
    champions at least; `levers` are those that the recipe allows; `clusters` name holdout rows that belong together; `probe` is what a plateau probe
    of the final state has found. A run cut at any place
    gives evidence: what is missing is nan, None or 0.
    """
    ordered = sorted(done, key=lambda one: one.attempt.number)
    calls = ordered[-1].task_calls if ordered else 0
    now = ordered[-1].champion if ordered else baseline
    half = champion_at(ordered, calls // 2, baseline)
    changes, previous = [], baseline
    for one in ordered:
        if one.champion != previous:
            changes.append(one.task_calls)
        previous = one.champion
    met = [(one.attempt, challenger) for one in ordered if (challenger := _challenger(one.attempt)) is not None]
    pulled = zip(ordered, pulled_levers(ordered), strict=True)
    tried = tuple(dict.fromkeys(lever for one, lever in pulled if lever and _challenger(one.attempt) is not None))
    dev_gain = _gain(now, baseline, dev, None)
    dev_last = _gain(now, half, dev, None)
    return Evidence(
        delta=delta,
        n_dev=sum(math.isfinite(s) for s in dev.get(now, ())),
        n_holdout=sum(math.isfinite(s) for s in holdout.get(now, ())),
        challengers=tuple(challenger for _, challenger in met),
        calls=calls,
        calls_at_last_change=changes[-1] if changes else 0,
        changes=len(changes),
        late_changes=sum(2 * at > calls for at in changes),
        champion=mean_interval(holdout[now], clusters=clusters) if now in holdout else None,
        last_doubling=_gain(now, half, holdout, clusters),
        since_baseline=_gain(now, baseline, holdout, clusters),
        dev_last_doubling=dev_last.estimate.mean if dev_last else math.nan,
        dev_gain=dev_gain.estimate.mean if dev_gain else math.nan,
        rejected=sum(one.attempt.outcome == "rejected" for one in ordered),
        cost_usd=ordered[-1].cost_usd if ordered else None,
        levers_tried=tried,
        levers_untried=tuple(lever for lever in levers if lever not in tried and lever != "baseline"),
        cut_short=cut_short,
        probe=tuple(probe),
        gated=sum(one.attempt.outcome == "dropped" and one.attempt.rows < 1 for one in ordered),
    )
