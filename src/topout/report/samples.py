"""Answers by row. A row that was asked more than once counts once: its score is the mean over its samples."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping

from topout.domain import Rollout, Scored, Split

__all__ = ["Samples", "Table", "every_rollout", "put", "row_score", "split_of", "step_lines", "without_score"]

Samples = Mapping[int, Rollout]
"""What a candidate answered to an example, by number of the sample (0 is the first). Never empty."""

Table = Mapping[tuple[str, str], Samples]
"""Candidate and example id -> samples."""


class Once(Mapping[int, Rollout]):
    """The samples of a row that was asked once, as nearly all are: a fifth of a dict, where there are a million of them."""

    __slots__ = ("_rollout",)

    def __init__(self, rollout: Rollout) -> None:
        self._rollout = rollout

    def __getitem__(self, sample: int) -> Rollout:
        if sample != self._rollout.sample:
            raise KeyError(sample)
        return self._rollout

    def __iter__(self) -> Iterator[int]:
        yield self._rollout.sample

    def __len__(self) -> int:
        return 1


def put(table: dict[tuple[str, str], Samples], rollout: Rollout) -> None:
    """Take a rollout into a table. The first answer stands; a failure gives way to whatever follows it."""
    key = (rollout.candidate, rollout.example)
    samples = table.get(key)
    if samples is None:
        table[key] = Once(rollout)
        return
    known = samples.get(rollout.sample)
    if known is None or known.failure is not None:
        table[key] = {**samples, rollout.sample: rollout}


def row_score(samples: Samples | None) -> float:
    """The mean over the samples that have a score, nan when none has."""
    if not samples:
        return math.nan
    values = [r.score.value for r in samples.values() if isinstance(r.score, Scored)]
    return math.fsum(values) / len(values) if values else math.nan


def split_of(samples: Samples) -> Split:
    """The split of a row."""
    return next(iter(samples.values())).split


def without_score(samples: Samples) -> Rollout | None:
    """The first failure of a row that has no score at all; None when some sample has one, or none of them is a failure."""
    if any(isinstance(r.score, Scored) for r in samples.values()):
        return None
    return next((r for r in samples.values() if r.failure is not None), None)


def every_rollout(table: Table, candidate: str, split: Split) -> Iterable[Rollout]:
    """All that a candidate answered on a split, each sample by itself."""
    return (r for (c, _), samples in table.items() if c == candidate for r in samples.values() if r.split == split)


def step_lines(rollout: Rollout) -> list[str]:
    """What a program did on its way to the answer, a line a step; none for one call."""
    return [
        f"{i}. {step.component}({', '.join(f'{name}={value}' for name, value in step.asked.items())}) -> {step.answered}"
        for i, step in enumerate(rollout.steps, 1)
    ]
