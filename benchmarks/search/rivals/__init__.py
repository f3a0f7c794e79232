"""The rivals: gepa and DSPy's optimizers at settings that their own documentation names, on equal models, all calls of both models counted.

| name | what it is |
|---|---|
| gepa | gepa as it comes: minibatch 3, parents from the Pareto frontier |
| gepa-tuned | minibatch 8, parent is the current best, evaluation cache: the best of its settings that we know of |
| gepa-pxn | 2 parents x 4 mutations an iteration, minibatch 8, evaluation cache |
| mipro-light, mipro-medium | MIPROv2's auto settings, cut at the budget; they end by themselves after some 700 and 1,200 calls at 100 dev rows |
| mipro-fitted | MIPROv2 with candidates and trials to fit each budget: kinder than the cut at small budgets and at 2,000 |
| random-search | DSPy's bootstrap random search as it comes; cut at the budget |

What each returns at a budget is the prompt that it itself took to be the best by then. A call counts when it is made; what completes after the budget does not.
Kindnesses: DSPy's programs are measured without the frame that its adapters write, so that its prompts are as short as ours; gepa is told the
scorer's feedback; MIPROv2's proposals are shown rows (`proposing`).
"""

from __future__ import annotations

from benchmarks.search.course import Course, Entrant
from benchmarks.search.landscape import Ground
from benchmarks.search.rivals.direct import Direct, course
from topout.bridges.dspy_loop import MINIBATCH, MiproSettings, RandomSearchSettings, run_mipro, run_random_search
from topout.bridges.gepa_loop import GepaSettings, run_gepa

__all__ = ["RIVALS", "fitted"]

TUNED = GepaSettings(candidate_selection_strategy="current_best", reflection_minibatch_size=8, cache_evaluation=True)
PXN = GepaSettings(reflection_minibatch_size=8, parents=2, mutations=4, cache_evaluation=True)


def gepa(settings: GepaSettings) -> Entrant:
    def run(ground: Ground, calls: int, seed: int) -> Course:
        host = Direct(ground, calls, seed)
        return course(host, lambda: run_gepa(host, settings, seed, lambda: host.calls >= calls))

    return Entrant(run, anytime=True)


def mipro(auto: str) -> Entrant:
    def run(ground: Ground, calls: int, seed: int) -> Course:
        host = Direct(ground, calls, seed)
        return course(host, lambda: run_mipro(host, MiproSettings(auto=auto), seed, calls))

    return Entrant(run, anytime=True)


def mipro_fitted(ground: Ground, calls: int, seed: int) -> Course:
    host = Direct(ground, calls, seed)
    return course(host, lambda: run_mipro(host, fitted(len(ground.task.rows("dev")), calls), seed, calls))


def fitted(dev: int, calls: int) -> MiproSettings:
    """As many trials as the calls allow for, over candidates in the proportion of MIPROv2's own settings (a trial for two thirds of a candidate)."""
    found = MiproSettings(num_candidates=2, num_trials=1)
    for trials in range(1, 200):
        candidates = max(2, min(18, round(trials / 1.5)))
        full = 2 + trials // 5 + (trials % 5 > 0)
        made = dev * (1 + trials) if dev <= MINIBATCH else dev * full + MINIBATCH * trials
        if made + 13 * candidates + 14 > calls:  # bootstrapping about ten rows a set, a summary, three questions a proposal
            break
        found = MiproSettings(num_candidates=candidates, num_trials=trials)
    return found


def random_search(ground: Ground, calls: int, seed: int) -> Course:
    host = Direct(ground, calls, seed)
    return course(host, lambda: run_random_search(host, RandomSearchSettings(), seed))


RIVALS: dict[str, Entrant] = {
    "gepa": gepa(GepaSettings()),
    "gepa-tuned": gepa(TUNED),
    "gepa-pxn": gepa(PXN),
    "mipro-light": mipro("light"),
    "mipro-medium": mipro("medium"),
    "mipro-fitted": Entrant(mipro_fitted),
    "random-search": Entrant(random_search, anytime=True),
}
