"""What a decision costs with many candidates and rows: CPU of `plan` and of taking a member in, and peak memory.

    python -m benchmarks.search.scale [candidates] [rows]

The worst case: every member was measured on every dev row, right or wrong by chance, so that the frontier is as broad as it can be.
"""

from __future__ import annotations

import random
import resource
import statistics
import sys
import time
from dataclasses import dataclass

from topout.contracts import History
from topout.domain import Attempt, Candidate, Rollout, Scored
from topout.search.evolve import Evolve, EvolveSettings
from topout.search.population import Population
from topout.testing.fakes import made_up_task

__all__ = ["Cost", "costs", "main"]

RIGHT, WRONG = Scored(1.0), Scored(0.0)


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds of CPU that one member took to be taken in, and the plan after it."""

    taking_s: float
    planning_s: float


def costs(candidates: int, rows: int) -> list[Cost]:
    """Of each of so many members in turn."""
    task, rng = made_up_task(200, rows, 10), random.Random(0)
    population, optimizer = Population(rows), Evolve(EvolveSettings())
    attempts: list[Attempt] = []
    found: list[Cost] = []
    for number in range(candidates):
        prompt = task.baseline.with_text("system", f"Answer. {number} " + "Do it well. " * 20)
        parents = (population.pool[population.champion].candidate.id,) if number else ()
        candidate = Candidate(f"c{number}", prompt, parents, "rewrite" if number else "baseline")
        share = 0.5 + 0.3 * number / candidates
        rollouts = [
            Rollout(candidate.id, e.id, "dev", 0, "", RIGHT if rng.random() < share else WRONG, 10) for e in task.rows("dev")
        ]
        begun = time.process_time()
        population.add(candidate, rollouts)
        taken = time.process_time()
        attempts.append(Attempt(number, "rewrite", parents, "kept" if number % 5 == 0 else "dropped", "", candidate))
        history = History(
            task,
            attempts,
            population.pool,
            population.champion,
            population.holders,
            population.train_scores,
            20 * number,
            10**6,
            ease=population.ease,
        )
        planned = time.process_time()
        optimizer.plan(number, history, random.Random(number))
        found.append(Cost(taken - begun, time.process_time() - planned))
    return found


def main() -> None:
    candidates, rows = (int(a) for a in (*sys.argv[1:], *("1000", "5000")[len(sys.argv) - 1 :]))
    found = costs(candidates, rows)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{candidates:,} candidates x {rows:,} dev rows, ms CPU, mean and median:")
    for what, each in (
        ("a plan", [c.planning_s for c in found]),
        ("taking in a member that was measured on all rows", [c.taking_s for c in found]),
    ):
        print(f"  {what} {1000 * statistics.mean(each):.2f}, {1000 * statistics.median(each):.2f}")
    print(f"  peak memory {peak:.0f} MB")


if __name__ == "__main__":
    main()
