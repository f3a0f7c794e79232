"""A pretended run: the events of a search that never took place, for the tests of whatever reads journals."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from topout.domain import (
    Attempt,
    AttemptDone,
    Candidate,
    Component,
    Critiqued,
    Demo,
    Ending,
    Event,
    FailureKind,
    Json,
    Operator,
    Prompt,
    Rollout,
    RolloutDone,
    RunEnded,
    RunStarted,
    Scored,
    Split,
    Unscored,
)
from topout.store.codec import encode

__all__ = ["PretendedRun", "write_run"]


@dataclass(frozen=True, slots=True)
class PretendedRun:
    """What to pretend. `qualities` are the true accuracies of the baseline and of the champions that follow it; between two champions
    `idle` attempts lead nowhere. `dev`, `holdout` and `shift` are numbers of rows; on shift rows a candidate is `shift_drop` worse. `outages` holdout
    rows of the winner go unanswered. `price_usd` is that of a call (None: unknown), `cached` the share of calls that nobody paid for. `ending` None
    leaves the run unfinished. `settings` and `texts` (label, reason, rationale) replace what would be there. Equal values give equal events."""

    qualities: tuple[float, ...] = (0.42, 0.5, 0.55, 0.61, 0.64)
    idle: int = 4
    dev: int = 120
    holdout: int = 240
    shift: int = 60
    shift_drop: float = 0.1
    outages: int = 0
    price_usd: float | None = 0.0002
    cached: float = 0.0
    ending: Ending | None = "budget"
    reason: str = "the search's 2,400 calls are used up"
    seed: int = 0
    settings: Mapping[str, Json] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)

    def events(self) -> list[Event]:
        """The journal of the run."""
        return list(self._events())

    def _events(self) -> Iterator[Event]:
        rng = random.Random(self.seed)
        champions = [self._candidate(i) for i in range(len(self.qualities))]
        per_attempt = self.dev // 2
        total = self.dev + (len(champions) - 1) * (self.idle + 1) * per_attempt
        yield RunStarted(
            1, "20260301T101500Z-support-tickets-evolve-5f3a", self._settings(total), self._manifest(total), 1_772_360_100.0
        )
        yield from self._measured(-1, champions[0], self.qualities[0], "dev", self.dev, rng)
        calls, task_calls, number = self.dev, self.dev, 0
        baseline = Attempt(-1, "baseline", (), "kept", "what the task brought", champions[0], rows=self.dev)
        yield AttemptDone(baseline, calls, task_calls, champions[0].id, self._cost(calls))
        yield from self._measured(-2, champions[0], self.qualities[0], "holdout", self.holdout, rng)
        for place, (before, after) in enumerate(itertools.pairwise(champions), 1):
            for idle in range(self.idle):
                yield self._critique(number)
                calls, task_calls = calls + per_attempt + 1, task_calls + per_attempt
                yield AttemptDone(self._idle(number, idle, before), calls, task_calls, before.id, self._cost(calls))
                number += 1
            yield self._critique(number)
            yield from self._measured(number, after, self.qualities[place], "dev", self.dev, rng)
            calls, task_calls = calls + per_attempt + 1, task_calls + per_attempt
            gain = self.qualities[place] - self.qualities[place - 1]
            kept = Attempt(number, after.operator, (before.id,), "kept", "better on paired dev rows", after, gain, 0.02, self.dev)
            yield AttemptDone(kept, calls, task_calls, after.id, self._cost(calls))
            yield from self._measured(-2, after, self.qualities[place], "holdout", self.holdout, rng)
            number += 1
        for i in sorted({0, len(champions) - 1}) if self.shift else ():
            yield from self._measured(-2, champions[i], self.qualities[i] - self.shift_drop, "shift", self.shift, rng)
        if self.ending is not None:
            yield RunEnded(self.ending, self.texts.get("reason", self.reason), 1_772_360_141.0)

    def _settings(self, total: int) -> dict[str, Json]:
        return {
            "task": "tasks/support-tickets",
            "model": "openai/gpt-4.1-mini",
            "critic": "openai/gpt-5",
            "recipe": "evolve",
            "seed": self.seed,
            "max_calls": 2 * total,
            "max_cost": 5.0,
            "max_time": None,
            "concurrency": 32,
            "delta": 0.02,
            "runs_dir": "runs",
            **self.settings,
        }

    def _manifest(self, total: int) -> dict[str, Json]:
        return {
            "topout": "0.1.0",
            "python": "3.11.9",
            "task": "support-tickets",
            "splits": {"train": 240, "dev": self.dev, "holdout": self.holdout, "shift": self.shift},
            "checkpoints": [round(total / 2 ** (k / 2)) for k in range(6, -1, -1)],
            "levers": ["instructions", "demos"],
            "exam": {"champions": 9, "holdout": self.holdout, "shift": self.shift, "search": total},
        }

    def _candidate(self, i: int) -> Candidate:
        system = "Assign the ticket to one category. " + "When two fit, take the one that the customer asks about first. " * i
        demos = tuple(Demo({"text": f"my parcel no {k} is late"}, "delivery", f"train-{k}") for k in range(2 * i))
        prompt = Prompt((Component("system", "system", system.strip()), Component("user", "user", "Ticket: {{text}}")), demos)
        operator: Operator = "baseline" if i == 0 else "demos" if i % 2 else "rewrite"
        rationale = "" if i == 0 else self.texts.get("rationale", "Late parcels were taken for refunds: say which one wins.")
        return Candidate(f"{i:02x}c0ffee{i:04x}", prompt, (f"{i - 1:02x}c0ffee{i - 1:04x}",) if i else (), operator, rationale)

    def _idle(self, number: int, i: int, parent: Candidate) -> Attempt:
        if i % 4 == 3:
            reason = self.texts.get("reason", "the reply lost the placeholder {{text}}")
            return Attempt(number, "rewrite", (parent.id,), "rejected", reason)
        text = f"Assign the ticket, try {number}."
        tried = Candidate(f"{number:04x}dead", parent.prompt.with_text("system", text), (parent.id,), "rewrite", "Shorter.")
        return Attempt(number, "rewrite", (parent.id,), "dropped", "clearly worse after 30 rows", tried, -0.06, 0.03, 30)

    def _measured(
        self, attempt: int, candidate: Candidate, quality: float, split: Split, rows: int, rng: random.Random
    ) -> Iterator[Event]:
        last = candidate.id == f"{len(self.qualities) - 1:02x}c0ffee{len(self.qualities) - 1:04x}"
        tokens = 180 + 60 * len(candidate.prompt.demos)
        for i in range(rows):
            hard = (i * 0.6180339887) % 1.0  # how hard a row is, the same for all candidates, so that gains are paired ones
            right = 0.7 * hard + 0.3 * rng.random() < quality
            down: FailureKind | None = "outage" if last and split == "holdout" and i < self.outages else None
            label = self.texts.get("label", "delivery")
            score = Scored(1.0) if right else Scored(0.0, f"expected '{label}', got 'billing'")
            yield RolloutDone(
                attempt,
                Rollout(
                    candidate.id,
                    f"{split}-{i:04}",
                    split,
                    0,
                    "" if down else label if right else "billing",
                    Unscored("the server did not answer") if down else score,
                    None if down else tokens + i % 40,
                    None if down else 3,
                    None if down else self.price_usd,
                    0.0 if down else 0.4 + (i % 10) / 50,
                    rng.random() >= self.cached,
                    down,
                ),
            )

    def _critique(self, number: int) -> Critiqued:
        cost = None if self.price_usd is None else 40 * self.price_usd
        return Critiqued(number, "critic", "a better prompt", "stop", 2400, 350, cost, 1.2)

    def _cost(self, calls: int) -> float | None:
        return None if self.price_usd is None else calls * self.price_usd


def write_run(folder: Path, run: PretendedRun) -> Path:
    """A run's folder with its journal; the manifest names the task's fingerprint and scorer."""
    folder.mkdir(parents=True)
    first, *events = run.events()
    assert isinstance(first, RunStarted)
    manifest: dict[str, Json] = {**first.manifest, "task_fingerprint": "ab" * 32, "scorer": "label", "recipe": "evolve"}
    first = RunStarted(first.schema, first.run, first.settings, manifest, first.at)
    (folder / "journal.jsonl").write_text("".join(encode(event) + "\n" for event in (first, *events)))
    return folder
