"""What a journal already knows. Resuming is running again with this memory: nothing in it is asked or paid for twice."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from topout.domain import (
    ALONE,
    ANALYSIS,
    EXAM,
    PROVIDER_IS_DOWN,
    Analysed,
    AttemptDone,
    Critiqued,
    Event,
    FailureKind,
    Rollout,
    RolloutDone,
    RunEnded,
    RunResumed,
)
from topout.engine.pairs import Key, Pairs

__all__ = ["Replay"]

RECOVERED = 64
"""So many answers in a row show that a provider had recovered. Fewer can be replies that were on their way when it went down."""

BILLED: tuple[FailureKind, ...] = ("filtered", "empty", "unreadable")
"""Failures that were paid for, of rows and of the critic: a resumed run does not buy them again, whether or not their attempt was committed."""


@dataclass(slots=True)
class Replay:
    """Memory of a run by what was asked.

    Answers are remembered for good. A failure is remembered once the attempt that met it was committed: an attempt that an outage cut short is
    tried anew. An attempt may have shared the failure of one that was not committed, and that pair may have been asked again since; so a committed
    attempt is always told what the journal held when it was committed (`told`), and decides now as it did then. `held_out` counts calls for answered holdout
    rows by attempt number, candidate and sample. `analysed` holds analyses of failures by candidate, `analysis_calls` counts the critic's replies to them.
    """

    rollouts: Pairs[Rollout] = field(default_factory=Pairs)
    critiques: dict[int, dict[int, Critiqued]] = field(default_factory=dict)
    attempts: dict[int, AttemptDone] = field(default_factory=dict)
    unsteady: dict[Key, list[tuple[int, RolloutDone]]] = field(default_factory=dict)
    committed_at: dict[int, int] = field(default_factory=dict)
    held_out: dict[tuple[int, str, int], int] = field(default_factory=dict)
    analysed: dict[str, Analysed] = field(default_factory=dict)
    analysis_calls: int = 0

    @classmethod
    def of(cls, events: Iterable[Event]) -> Replay:
        """The memory of a journal."""
        replay = cls()
        streaks: dict[str, tuple[int, int]] = {}  # by role: where its last failures began, and how many answers came since
        for position, event in enumerate(events):
            match event:
                case RolloutDone(_, rollout):
                    note(streaks, "task", rollout.failure, position)
                case Critiqued():
                    note(streaks, "critic", event.failure, position)
                case RunEnded("outage") if streaks:
                    replay.undo_since(min(began for began, _ in streaks.values()))
                    streaks.clear()
                case _:
                    pass
            match event:
                case RolloutDone(_, rollout):
                    key = (rollout.candidate, rollout.example, rollout.sample)
                    if rollout.failure is not None or key in replay.unsteady:
                        replay.unsteady.setdefault(key, []).append((position, event))
                    if rollout.failure is None:
                        replay.rollouts[key] = rollout
                        if rollout.split == "holdout":
                            seat = (event.attempt, rollout.candidate, rollout.sample)
                            replay.held_out[seat] = replay.held_out.get(seat, 0) + rollout.all_calls
                case Critiqued(attempt):
                    replay.critiques.setdefault(attempt, {})[event.turn] = event
                    replay.analysis_calls += attempt == ANALYSIS
                case AttemptDone(attempt):
                    replay.attempts[attempt.number] = event
                    replay.committed_at[attempt.number] = position
                    replay.critiques.pop(ANALYSIS, None)  # it was about another winner
                case Analysed(candidate):
                    replay.analysed[candidate] = event
                    replay.critiques.pop(ANALYSIS, None)
                case RunResumed():
                    replay.forget_failed_critiques()
                case _:
                    pass
        replay.forget_failed_critiques()
        for key, records in replay.unsteady.items():
            last = records[-1][1]
            if last.rollout.failure is not None and (last.attempt in replay.attempts or last.rollout.failure in BILLED):
                replay.rollouts[key] = last.rollout
        return replay

    def undo_since(self, position: int) -> None:
        """Forget what was committed after this place in the journal: it was decided while the provider was going down, on rows that could not be scored. The
        resumed run decides it anew, as a run without the outage would have."""
        for number in [number for number, at in self.committed_at.items() if at > position]:
            del self.attempts[number], self.committed_at[number]

    def told(self, attempt: int, key: Key) -> Rollout | None:
        """What a committed attempt was told about a pair that once failed; None for any other attempt or pair."""
        records = self.unsteady.get(key)
        at = self.committed_at.get(attempt)
        if records is None or at is None:
            return None
        return next((done.rollout for position, done in reversed(records) if position < at), None)

    def critique(self, attempt: int, turn: int) -> Critiqued | None:
        """What the critic said to the `turn`-th question of this attempt, from 1."""
        return self.critiques.get(attempt, {}).get(turn)

    def examined(self, sample: int = 0) -> set[str]:
        """The candidates that sat the exam (or its repetition, with `sample` 1), in part at least."""
        return {candidate for attempt, candidate, n in self.held_out if (attempt, n) == (EXAM, sample)}

    def measured_alone(self) -> dict[str, int]:
        """The prompts with one lever of a winner's, and how many calls on holdout rows were made for each."""
        return {candidate: calls for (attempt, candidate, _), calls in self.held_out.items() if attempt == ALONE}

    def forget_failed_critiques(self) -> None:
        """A session ended here: attempts that were not committed ask again, from their first critique that failed unbilled."""
        for attempt, known in self.critiques.items():
            if attempt not in self.attempts:
                failed = [turn for turn, critique in known.items() if critique.failure not in (None, *BILLED)]
                self.critiques[attempt] = {
                    turn: critique for turn, critique in known.items() if turn < min(failed, default=turn + 1)
                }


def note(streaks: dict[str, tuple[int, int]], role: str, failure: FailureKind | None, position: int) -> None:
    """A failure that says that the provider is down begins a streak, or goes on with it; `RECOVERED` answers end it."""
    if failure in PROVIDER_IS_DOWN:
        streaks[role] = (streaks.get(role, (position, 0))[0], 0)
    elif failure is None and role in streaks:
        began, answers = streaks.pop(role)
        if answers + 1 < RECOVERED:
            streaks[role] = (began, answers + 1)
