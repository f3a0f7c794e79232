"""The attempts of a run as an Optuna study: whole, in the form that optuna-dashboard opens (Optuna's journal file), or event by event while the run goes on.

A trial is an attempt: its parameters are the few-shot set and the instruction texts that it paired, numbered in the order in which they came up (0 is the
baseline's), its value the dev score that the search took it to have. Derived: the truth is the run's journal, and the search never reads a study.
"""

from __future__ import annotations

import math
import tempfile
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from topout.domain import (
    Attempt,
    AttemptDone,
    Critiqued,
    Event,
    Json,
    Prompt,
    RolloutDone,
    RunEnded,
    RunResumed,
    RunStarted,
    Scored,
    probe_of,
)
from topout.report.findings import Findings
from topout.report.measures import split_means
from topout.report.words import safe_text

__all__ = ["Trial", "Unfolding", "study_log", "trials_of"]


@dataclass(frozen=True, slots=True)
class Trial:
    """A decided attempt. `params` are the numbers of what it paired, none where it came to no prompt; `value` is None where it was not measured."""

    attempt: int
    params: Mapping[str, int]
    value: float | None
    outcome: str
    reason: str
    rows: int
    candidate: str

    def attributes(self) -> dict[str, Json]:
        """What Optuna keeps beside parameters and value."""
        return {
            "attempt": self.attempt,
            "reason": self.reason,
            "rows": self.rows,
            "candidate": self.candidate,
            "outcome": self.outcome,
        }


@dataclass(slots=True)
class Numbers:
    """Numbers for few-shot sets and instruction texts, in the order in which they come up."""

    sets: dict[str, int] = field(default_factory=dict)
    texts: dict[str, int] = field(default_factory=dict)

    def trial(self, tried: Attempt, means: Mapping[str, float]) -> Trial:
        """An attempt with what it paired and, by the dev means of candidates so far, what it is worth."""
        params = {}
        if tried.candidate is not None:
            demos, instructions = parts(tried.candidate.prompt)
            params = {
                "demos": self.sets.setdefault(demos, len(self.sets)),
                "instructions": self.texts.setdefault(instructions, len(self.texts)),
            }
        name = tried.candidate.id if tried.candidate is not None else ""
        return Trial(tried.number, params, worth(tried, means), tried.outcome, safe_text(tried.reason, 400), tried.rows, name)


def trials_of(f: Findings) -> list[Trial]:
    """The run's attempts in order, the baseline first. One that was raced and dropped is worth its parent's mean plus the paired difference."""
    means = {candidate: mean for candidate, (mean, _) in split_means(f, "dev").items()}
    numbers = Numbers()
    return [numbers.trial(done.attempt, means) for done in f.attempts if done.attempt.candidate is not None]


class Unfolding:
    """The trials of a run as its events come. An attempt is under way from the first reply that was bought for it to its decision, in the session that began it. Values are those of
    the moment of the decision: later rows do not change them.

    `decided` grows, in order; `running` are the numbers of the attempts under way. `begun`: the critic has answered once, so
    that there is a run to come back to."""

    def __init__(self) -> None:
        self.decided: list[Trial] = []
        self.running: dict[int, None] = {}
        self.begun = False
        self._numbers = Numbers()
        self._dev: dict[str, tuple[float, int]] = {}

    def take(self, event: Event) -> bool:
        """Take one event; whether a trial began or ended by it."""
        before = len(self.running), len(self.decided), self.begun
        match event:
            case RolloutDone(number, rollout):
                if rollout.split == "dev" and rollout.sample == 0 and isinstance(rollout.score, Scored) and not probe_of(number):
                    total, n = self._dev.get(rollout.candidate, (0.0, 0))
                    self._dev[rollout.candidate] = total + rollout.score.value, n + 1
                self._see(number)
            case Critiqued(number):
                self.begun = True
                self._see(number)
            case AttemptDone(tried):
                self.running.pop(tried.number, None)
                self.decided.append(self._numbers.trial(tried, {name: total / n for name, (total, n) in self._dev.items()}))
            case RunStarted() | RunResumed() | RunEnded():
                self.running.clear()
            case _:
                pass
        return before != (len(self.running), len(self.decided), self.begun)

    def _see(self, number: int) -> None:
        if number >= -1 and not probe_of(number) and len(self.decided) <= number + 1:  # decided in order, the baseline (-1) first
            self.running[number] = None


def parts(prompt: Prompt) -> tuple[str, str]:
    """What tells few-shot sets apart, and instruction texts."""
    return repr([(demo.example_id, demo.output) for demo in prompt.demos]), repr([(c.name, c.text) for c in prompt.components])


def worth(tried: Attempt, means: Mapping[str, float]) -> float | None:
    """The dev score that an attempt's prompt is taken to have, None when it was not raced."""
    if tried.candidate is None:
        return None
    if tried.outcome == "kept":
        value = means.get(tried.candidate.id)
    elif tried.outcome == "dropped" and tried.gain is not None and tried.parents:
        value = means.get(tried.parents[0], math.nan) + tried.gain
    else:
        value = None
    return value if value is not None and math.isfinite(value) else None


def study_log(f: Findings, name: str) -> bytes:
    """The study under that name, as Optuna's journal file. Trials without a value are marked as failed."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import optuna
        from optuna.storages.journal import JournalFileBackend

        level = optuna.logging.get_verbosity()
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        try:
            trials = trials_of(f)
            choices = {
                name: optuna.distributions.CategoricalDistribution(tuple(sorted({t.params[name] for t in trials})))
                for name in ("demos", "instructions")
            }
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / "study.log"
                storage = optuna.storages.JournalStorage(JournalFileBackend(str(path)))
                study = optuna.create_study(storage=storage, study_name=name, direction="maximize")
                study.set_metric_names(["dev score"])
                for t in trials:
                    known = t.value is not None
                    study.add_trial(
                        optuna.trial.create_trial(
                            state=optuna.trial.TrialState.COMPLETE if known else optuna.trial.TrialState.FAIL,
                            value=t.value,
                            params=dict(t.params),
                            distributions=choices,
                            user_attrs=t.attributes(),
                        )
                    )
                return path.read_bytes()
        finally:
            optuna.logging.set_verbosity(level)
