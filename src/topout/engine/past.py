"""What a search has come to, as its optimizer sees it: while it goes on, or from the journal of one that is over."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from topout.contracts import History
from topout.domain import (
    Attempt,
    AttemptDone,
    Candidate,
    Event,
    Prompt,
    Rollout,
    RolloutDone,
    Split,
    Task,
    Unscored,
    probe_of,
)
from topout.engine.opening import BASELINE
from topout.engine.pairs import Key
from topout.engine.replay import Replay
from topout.search.population import Population

__all__ = ["Past", "past_of"]

SEARCHED: tuple[Split, ...] = ("train", "dev")
"""All that an optimizer gets to see of a task's rows."""


class Past:
    """The committed attempts and the pool that they left behind. `task` is the task without the rows that no search may see, `calls` how
    many calls an answer of a prompt takes."""

    def __init__(self, task: Task, calls: Callable[[Prompt], int]) -> None:
        self.task = replace(task, splits={split: task.rows(split) for split in SEARCHED})
        self._calls = calls
        self._population = Population(len(task.rows("dev")))
        self._attempts: list[Attempt] = []
        self._places = {row.id: place for place, row in enumerate(task.rows("dev"))}

    @property
    def champion(self) -> Candidate:
        return self._population.pool[self._population.champion].candidate

    def learn(self, rollouts: Iterable[Rollout]) -> None:
        """Remember scores on train rows."""
        self._population.learn(rollouts)

    def take(self, attempt: Attempt, on_dev: Callable[[Candidate], Mapping[str, Rollout]]) -> Attempt:
        """Commit an attempt; `on_dev` tells what is known of a candidate, by dev row. One that arrived at a prompt that the pool has
        already comes back as rejected."""
        candidate = attempt.candidate
        if attempt.outcome == "kept" and candidate is not None:
            if candidate.id in self._population:
                attempt = replace(attempt, outcome="rejected", reason="the same prompt is in the pool already")
            else:
                for parent in attempt.parents[:1]:
                    self._extend(parent, on_dev)
                found, none = on_dev(candidate), unmeasured(candidate)
                known = [found.get(row, none) for row in self._places]
                self._population.add(candidate, known, self._calls(candidate.prompt))
        if attempt.number != BASELINE:
            self._attempts.append(attempt)
        return attempt

    def _extend(self, name: str, on_dev: Callable[[Candidate], Mapping[str, Rollout]]) -> None:
        """The parent of a challenger that is kept met it on rows that it was not measured on before: the pool has those too from now on."""
        parent = self._population.member(name)
        if parent is None or (total := sum(parent.scores)) == total:  # no score is nan
            return
        found = {self._places[row]: rollout for row, rollout in on_dev(parent.candidate).items()}
        fresh = {place: rollout for place, rollout in found.items() if parent.scores[place] != parent.scores[place]}
        self._population.extend(name, dict(sorted(fresh.items())))

    def history(self, calls: int, calls_left: int) -> History:
        """The view that is handed to an optimizer."""
        population = self._population
        return History(
            self.task,
            self._attempts,
            population.pool,
            population.champion,
            population.holders,
            population.train_scores,
            calls,
            calls_left,
            population.train_steps,
            population.ease,
        )


def past_of(task: Task, events: Sequence[Event], calls: Callable[[Prompt], int]) -> tuple[Past, AttemptDone]:
    """The end of a finished search and its last committed attempt, from its journal: probes leave no trace in it.

    Scores on train rows are taken in an order of their own, not in the journal's: at another concurrency it is another.
    Raises ValueError when not even the baseline was committed.
    """
    searched = [event for event in events if not (isinstance(event, RolloutDone) and probe_of(event.attempt))]
    replay = Replay.of(searched)
    if not replay.attempts:
        raise ValueError("the journal holds no committed attempt")
    past = Past(task, calls)
    first: dict[Key, int] = {}
    for position, event in enumerate(searched):
        if isinstance(event, RolloutDone) and event.rollout.split == "dev":
            first.setdefault((event.rollout.candidate, event.rollout.example, event.rollout.sample), position)
    for number in sorted(replay.attempts):
        attempt = replay.attempts[number].attempt

        def on_dev(candidate: Candidate, attempt: Attempt = attempt) -> dict[str, Rollout]:
            """What was known of it by then; of a parent only where its challenger was measured too, whichever attempt in flight had asked for it first."""
            made, found, committed = attempt.candidate, {}, replay.committed_at[attempt.number]
            for row in past.task.rows("dev"):
                if made is not None and first.get((made.id, row.id, 0), committed) >= committed:
                    continue
                key = (candidate.id, row.id, 0)
                rollout = replay.told(attempt.number, key) or replay.rollouts.get(key)
                if rollout is not None:
                    found[row.id] = rollout
            return found

        past.take(attempt, on_dev)
    place = {row.id: i for i, row in enumerate(task.rows("train"))}
    learned = [r for r in replay.rollouts.values() if r.example in place]
    past.learn(sorted(learned, key=lambda r: (r.candidate, place[r.example])))
    return past, replay.attempts[max(replay.attempts)]


def unmeasured(candidate: Candidate) -> Rollout:
    """All dev rows that the model gave no answer to: a candidate may have met thirty of a hundred thousand."""
    return Rollout(candidate.id, "", "dev", 0, "", Unscored("no answer"))
