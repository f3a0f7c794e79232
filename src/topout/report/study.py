"""The attempts of a run as an Optuna study, in the form that optuna-dashboard opens (Optuna's journal file).

A trial is an attempt: its parameters are the few-shot set and the instruction texts that it paired, numbered in the order in which they came up (0 is the
baseline's), its value the dev score that the search took it to have. Derived: the truth is the run's journal, and the search never reads this file.
"""

from __future__ import annotations

import math
import tempfile
import warnings
from dataclasses import dataclass
from pathlib import Path

from topout.domain import Attempt, Prompt
from topout.report.findings import Findings
from topout.report.measures import split_means

__all__ = ["Trial", "study_log", "trials_of"]


@dataclass(frozen=True, slots=True)
class Trial:
    """An attempt that came to a prompt. `value` is None where it was not measured."""

    attempt: int
    demos: int
    instructions: int
    value: float | None
    outcome: str
    reason: str
    rows: int
    candidate: str


def trials_of(f: Findings) -> list[Trial]:
    """The run's attempts in order, the baseline first. One that was raced and dropped is worth its parent's mean plus the paired difference."""
    means = {candidate: mean for candidate, (mean, _) in split_means(f, "dev").items()}
    sets: dict[str, int] = {}
    texts: dict[str, int] = {}
    out: list[Trial] = []
    for done in f.attempts:
        tried = done.attempt
        if tried.candidate is None:
            continue
        demos, instructions = parts(tried.candidate.prompt)
        value = worth(tried, means)
        out.append(
            Trial(
                tried.number,
                sets.setdefault(demos, len(sets)),
                texts.setdefault(instructions, len(texts)),
                value,
                tried.outcome,
                tried.reason,
                tried.rows,
                tried.candidate.id,
            )
        )
    return out


def parts(prompt: Prompt) -> tuple[str, str]:
    """What tells few-shot sets apart, and instruction texts."""
    return repr([(demo.example_id, demo.output) for demo in prompt.demos]), repr([(c.name, c.text) for c in prompt.components])


def worth(tried: Attempt, means: dict[str, float]) -> float | None:
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
                "demos": optuna.distributions.CategoricalDistribution(tuple(sorted({t.demos for t in trials}))),
                "instructions": optuna.distributions.CategoricalDistribution(tuple(sorted({t.instructions for t in trials}))),
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
                            params={"demos": t.demos, "instructions": t.instructions},
                            distributions=choices,
                            user_attrs={
                                "attempt": t.attempt,
                                "outcome": t.outcome,
                                "reason": t.reason,
                                "rows": t.rows,
                                "candidate": t.candidate,
                            },
                        )
                    )
                return path.read_bytes()
        finally:
            optuna.logging.set_verbosity(level)
