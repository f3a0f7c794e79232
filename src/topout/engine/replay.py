"""What a journal already knows. Resuming is running again with this memory: nothing in it is asked or paid for twice."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from topout.domain import AttemptDone, Critiqued, Event, Rollout, RolloutDone

__all__ = ["Replay"]


@dataclass(slots=True)
class Replay:
    """Memory of a run by what was asked.

    Failures are remembered for the attempt that met them, and only once it was committed: an attempt that an outage cut short is tried anew.
    """

    rollouts: dict[tuple[str, str, int], Rollout] = field(default_factory=dict)
    failures: dict[tuple[int, str, str, int], Rollout] = field(default_factory=dict)
    critiques: dict[int, list[Critiqued]] = field(default_factory=dict)
    attempts: dict[int, AttemptDone] = field(default_factory=dict)

    @classmethod
    def of(cls, events: Iterable[Event]) -> Replay:
        """The memory of a journal."""
        replay = cls()
        failed: list[RolloutDone] = []
        critiques: list[Critiqued] = []
        for event in events:
            match event:
                case RolloutDone(_, rollout) if rollout.failure is None:
                    replay.rollouts[rollout.candidate, rollout.example, rollout.sample] = rollout
                case RolloutDone():
                    failed.append(event)
                case Critiqued():
                    critiques.append(event)
                case AttemptDone():
                    replay.attempts[event.attempt.number] = event
                case _:
                    pass
        for done in failed:
            if done.attempt in replay.attempts:
                r = done.rollout
                replay.failures[done.attempt, r.candidate, r.example, r.sample] = r
        for critique in critiques:
            if critique.failure is None or critique.attempt in replay.attempts:
                replay.critiques.setdefault(critique.attempt, []).append(critique)
        return replay
