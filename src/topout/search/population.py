"""The pool and its per-example Pareto frontier, as a fold over committed attempts.

Cost: adding a member looks at each dev row once, drawing a parent from the frontier at the members on one row. Neither grows with the number of attempts that
were not kept.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, overload

from topout.contracts import Member
from topout.domain import Candidate, Rollout, Scored, Step

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Population", "better", "mean_score", "prompt_size", "scores_of"]


def scores_of(rollouts: Iterable[Rollout]) -> tuple[float, ...]:
    """The values in order, nan where there was no score."""
    return tuple([score.value if isinstance(score := r.score, Scored) else math.nan for r in rollouts])


def mean_score(scores: Sequence[float]) -> float:
    """The mean over scored rows, nan without any."""
    if scores and (total := math.fsum(scores)) == total:
        return total / len(scores)
    known = [s for s in scores if s == s]
    return math.fsum(known) / len(known) if known else math.nan


def prompt_size(candidate: Candidate, rollouts: Sequence[Rollout], calls: int = 1) -> float:
    """Mean prompt tokens of an answer, all its calls together; where the model does not say, a quarter of the prompt's characters, a call."""
    told = [tokens for r in rollouts if (tokens := r.prompt_tokens)]  # no prompt has 0
    if told:
        return sum(told) / len(told)
    prompt = candidate.prompt
    text = sum(len(c.text) for c in prompt.components)
    return (text + sum(len(d.output) + sum(map(len, d.inputs.values())) for d in prompt.demos)) * calls / 4


class Frontier(Sequence[Sequence[int]]):
    """Who holds each dev row, found when somebody asks: few rows are ever asked for, and to note every tie of every member would cost more than all else
    that is done when one is taken in."""

    def __init__(self, pool: Sequence[Member], best: NDArray[np.float64]) -> None:
        self._pool = pool
        self._best = best

    def __len__(self) -> int:
        return len(self._best)

    @overload
    def __getitem__(self, row: int) -> Sequence[int]: ...
    @overload
    def __getitem__(self, row: slice) -> Sequence[Sequence[int]]: ...
    def __getitem__(self, row: int | slice) -> Sequence[int] | Sequence[Sequence[int]]:
        if isinstance(row, slice):
            return [self[i] for i in range(len(self))[row]]
        best = float(self._best[row])
        return [i for i, member in enumerate(self._pool) if member.scores[row] == best] if best > 0 else []


class Population:
    """Members in order of arrival (the first is the baseline), who holds each dev row, and the champion.

    `holders[i]`: indices of the members with the best score on row i; empty while nobody scores above 0 there.
    A member's level is the mean of its scored rows, each less the row's ease; 0 without any.
    `ease[i]`: how much better than their own level members did on row i: the mean over those measured there, as if one more had been of no account (Laplace).
    `train_scores[candidate][example]`: what committed attempts learned of candidates on train rows; `train_steps` likewise, of programs.
    """

    def __init__(self, rows: int) -> None:
        self.pool: list[Member] = []
        import numpy as np  # there with pandas; a tenth of a second that only a run has to wait

        self.champion = 0
        self.ease = array("d", [0.0]) * rows
        self._best = np.zeros(rows)
        self.holders = Frontier(self.pool, self._best)
        self._ease = np.frombuffer(self.ease)  # the same numbers
        self._measured = np.zeros(rows)
        self._champions = self._best  # the champion's scores
        self.train_scores: dict[str, dict[str, float]] = {}
        self.train_steps: dict[str, dict[str, tuple[Step, ...]]] = {}
        self._places: dict[str, int] = {}

    def __contains__(self, candidate_id: str) -> bool:
        return candidate_id in self._places

    def member(self, candidate_id: str) -> Member | None:
        """The member of that candidate, None when there is none."""
        place = self._places.get(candidate_id)
        return None if place is None else self.pool[place]

    def learn(self, rollouts: Iterable[Rollout]) -> None:
        """Remember scores on train rows; others are passed over."""
        for rollout in rollouts:
            if rollout.split == "train" and isinstance(rollout.score, Scored):
                self.train_scores.setdefault(rollout.candidate, {})[rollout.example] = rollout.score.value
                if rollout.steps:
                    self.train_steps.setdefault(rollout.candidate, {})[rollout.example] = rollout.steps

    def add(self, candidate: Candidate, rollouts: Sequence[Rollout], calls: int = 1) -> Member:
        """Take in a candidate with its rollouts on dev, one for each row in the order of the split (unscored where it was not measured); an answer of it takes so
        many calls."""
        import numpy as np

        scores = scores_of(rollouts)
        if len(scores) != len(self.holders):
            raise ValueError(f"{len(scores)} scores for {len(self.holders)} dev rows")
        values = np.fromiter(scores, float, len(scores))
        leads = values - self._ease
        level = mean_known(leads)
        known = values[values == values]
        mean = mean_score(scores if len(known) == len(scores) else known.tolist())
        member = Member(candidate, scores, mean, prompt_size(candidate, rollouts, calls), calls, level)
        index = len(self.pool)
        self.pool.append(member)
        self._places[candidate.id] = index
        self._note(values, leads - level)
        champion = self.pool[self.champion]
        if index == 0 or ahead(member, champion, values - self._champions) or shortened(member, champion):
            self.champion, self._champions = index, values
        return member

    def extend(self, candidate_id: str, rollouts: Mapping[int, Rollout]) -> None:
        """A member was measured on further dev rows, given by their place. Who is champion stays as it is until somebody joins."""
        import numpy as np

        index = self._places[candidate_id]
        member = self.pool[index]
        fresh = np.full(len(self.holders), math.nan)
        fresh[list(rollouts)] = scores_of(rollouts.values())
        own = list(member.scores)
        for row in rollouts:
            own[row] = float(fresh[row])
        scores = tuple(own)
        values = np.fromiter(scores, float, len(scores))
        level = mean_known(values - self._ease)
        if index == self.champion:
            self._champions = values
        self.pool[index] = replace(member, scores=scores, mean=mean_score(scores), level=level)
        self._note(fresh, fresh - self._ease - level)

    def _note(self, values: NDArray[np.float64], news: NDArray[np.float64]) -> None:
        """Scores of a member on rows that it is new to (nan elsewhere), for `ease` and the frontier; `news` is how much higher they are than its level and the
        rows' ease let expect."""
        import numpy as np

        known = news == news
        self._measured += known
        self._ease += np.where(known, news / (self._measured + 1), 0.0)
        np.fmax(self._best, values, out=self._best)


def mean_known(values: NDArray[np.float64]) -> float:
    """The mean of those that are not nan; 0 without any."""
    known = values[values == values]
    return float(known.mean()) if len(known) else 0.0


def shortened(one: Member, other: Member) -> bool:
    """Whether `one` says the same as `other` in fewer tokens. It was kept, so it did not look clearly worse: of two that cannot be told apart the shorter is
    the better one to have."""
    return one.candidate.operator == "shorten" and one.candidate.parents[:1] == (other.candidate.id,) and one.tokens < other.tokens


def better(one: Member, other: Member) -> bool:
    """A higher mean over the dev rows that both were scored on, or an equal one with a shorter prompt.

    Rows are not alike, and a member need not be measured on all of them: means over different rows are no comparison. A member without any score is never better, and
    anything beats it; two without a row in common are compared by their own means.
    """
    import numpy as np

    return ahead(one, other, np.array(one.scores) - np.array(other.scores))


def ahead(one: Member, other: Member, leads: NDArray[np.float64]) -> bool:
    """`better`, told how far one leads the other on each dev row (nan where one of them was not scored)."""
    if one.mean != one.mean:
        return False
    if other.mean != other.mean:
        return True
    known = leads[leads == leads]
    own = len(known) in (0, len(leads))  # with no row in common, or all of them, their own means tell
    lead = one.mean - other.mean if own else math.fsum(known.tolist())
    return lead > 0 or (lead == 0 and one.tokens < other.tokens)
