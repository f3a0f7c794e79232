"""`fewshot`: a Bayesian search over pairings of a few-shot set with an instruction text, after MIPROv2.

After Opsahl-Ong et al. 2024 (arXiv 2406.11695): a menu of few-shot sets and a menu of instructions are made first, then Optuna's TPE (Bergstra et
al. 2011) proposes which of each to pair, and learns from the dev scores. What is different: a pairing is raced against the champion in growing
blocks instead of being scored on a minibatch of its own, so that a poor one costs a fraction; what a race that was stopped early
says is a paired difference, added to the champion's mean. Nothing is stored: each plan refills a study from the committed attempts.
"""

from __future__ import annotations

import random
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from topout.contracts import History, Lab, Member, Move, Stop
from topout.domain import Attempt, Component, Demo, Operator, Prompt, Task
from topout.search.demos import fitting, spread
from topout.search.place import rng_for
from topout.search.trial import Terms, carry_out, instructs, race_calls, rewrite_move

__all__ = ["Fewshot", "FewshotSettings", "Menu", "propose"]

ASKS = 24
"""So many times the sampler is asked for a pairing that was not tried yet; then chance decides among those left."""

BASELINE = -1
"""The place of the baseline's own few-shot set and instructions."""

Pairing = tuple[int, int]


@dataclass(frozen=True, slots=True)
class FewshotSettings(Terms):
    """Settings of `fewshot`; what each means stands beside it in optimizers/fewshot.toml. Raises ValueError when out of range."""

    lanes: int = 6
    fresh_rows: int = 60
    demo_sets: int = 18
    max_demos: int = 48
    demo_word_cap: int = 1500
    instructions: int = 8
    startup: int = 10

    def __post_init__(self) -> None:
        Terms.__post_init__(self)
        least = {
            "lanes": (self.lanes, 1),
            "demo_sets": (self.demo_sets, 0),
            "max_demos": (self.max_demos, 1),
            "instructions": (self.instructions, 0),
            "startup": (self.startup, 1),
        }
        for name, (value, bound) in least.items():
            if value < bound:
                raise ValueError(f"{name} must be at least {bound}")
        if self.demo_sets + self.instructions < 1:
            raise ValueError("demo_sets and instructions must not both be 0")


class Fewshot:
    """The optimizer. Holds settings only: the menus and the study are rebuilt from what is handed to it."""

    def __init__(self, settings: FewshotSettings) -> None:
        self.settings = settings

    @property
    def lanes(self) -> int:
        return self.settings.lanes

    def plan(self, number: int, history: History, rng: random.Random) -> Move | Stop:
        """An instruction text from the critic in each of the first attempts, then pairings; the end when all were tried."""
        s = self.settings
        editable = [c for c in history.pool[0].candidate.prompt.components if instructs(c)]
        writes = s.instructions if editable else 0
        if number < writes:
            return rewrite_move(history.pool[0], editable[number % len(editable)], history, self.settings, rng)
        all_written = len(history.attempts) >= writes
        menu = Menu.of(history, s, all_written)
        tried = menu.tried(history)
        untried = [pair for pair in menu.pairings() if pair not in tried]
        if not untried and all_written:
            return Stop(f"all {len(tried)} pairings of few-shot sets and instructions were tried")
        allowed = untried or menu.pairings()
        own = [pair for pair in allowed if sum(pair) % s.lanes == number % s.lanes]  # so that no two in flight try the same one
        return self.pairing(menu, propose(menu, menu.trials(history), own or allowed, s.startup, rng), history)

    def pairing(self, menu: Menu, pair: Pairing, history: History) -> Move:
        """The move that tries a pairing against the champion."""
        champion = history.pool[history.champion]
        first, rest = race_calls(len(history.task.rows("dev")), self.settings, champion.calls)
        demos, components = menu.demos[pair[0]], menu.instructions[pair[1]]
        prompt = replace(champion.candidate.prompt, components=components, demos=demos)
        few_shot = f"few-shot set {pair[0]} ({len(demos)} demos)" if pair[0] != BASELINE else "the baseline's few-shot set"
        text = f"the instructions of attempt {pair[1]}" if pair[1] != BASELINE else "the baseline's instructions"
        same = shown(demos) == shown(champion.candidate.prompt.demos)
        operator: Operator = "rewrite" if same else "demos"
        return Move(operator, (champion,), prompt=prompt, rationale=f"{few_shot} with {text}", calls=first, more=rest)

    async def attempt(self, number: int, move: Move, lab: Lab) -> Attempt:
        """Get the proposal, then race it against the baseline (an instruction text) or the champion (a pairing)."""
        return await carry_out(number, move, lab, self.settings)


@dataclass(frozen=True, slots=True)
class Menu:
    """What can be paired: few-shot sets by their place in the series of `demo_set`, instruction texts by the attempt that wrote them, and the
    baseline's own of each under `BASELINE`."""

    demos: Mapping[int, tuple[Demo, ...]]
    instructions: Mapping[int, tuple[Component, ...]]

    @classmethod
    def of(cls, history: History, s: FewshotSettings, all_written: bool) -> Menu:
        """The few-shot sets, those of rows that the baseline passes only when all instructions are written (what it passes is learned
        while the critic reads, and an entry must not change once it is on the menu); the instruction texts that came so far."""
        baseline = history.pool[0].candidate
        passes = {row for row, score in history.train_scores.get(baseline.id, {}).items() if score >= 1.0} if all_written else set()
        demos = {shown(baseline.prompt.demos): (BASELINE, baseline.prompt.demos)}
        for place in range(s.demo_sets):
            drawn = demo_set(place, history.task, s, passes)
            if drawn:
                demos.setdefault(shown(drawn), (place, drawn))
        texts = {baseline.prompt.components: BASELINE}
        for attempt in history.attempts[: s.instructions]:
            if attempt.candidate is not None:
                texts.setdefault(attempt.candidate.prompt.components, attempt.number)
        return cls(dict(demos.values()), {number: components for components, number in texts.items()})

    def pairings(self) -> list[Pairing]:
        return [(place, number) for place in self.demos for number in self.instructions]

    def finder(self) -> Callable[[Prompt], Pairing | None]:
        """Which pairing a prompt is, None when it is none of this menu."""
        places = {shown(demos): place for place, demos in self.demos.items()}
        numbers = {components: number for number, components in self.instructions.items()}

        def find(prompt: Prompt) -> Pairing | None:
            place, number = places.get(shown(prompt.demos)), numbers.get(prompt.components)
            return None if place is None or number is None else (place, number)

        return find

    def tried(self, history: History) -> set[Pairing]:
        """The pairings that some committed attempt came to, whatever became of it."""
        find = self.finder()
        prompts = [history.pool[0].candidate.prompt, *(a.candidate.prompt for a in history.attempts if a.candidate is not None)]
        return {pair for prompt in prompts if (pair := find(prompt)) is not None}

    def trials(self, history: History) -> list[tuple[Pairing, float]]:
        """What is known of pairings: the dev mean of those in the pool; of those dropped, the mean of what they met plus the paired difference."""
        find = self.finder()
        pool = {member.candidate.id: member for member in history.pool}
        known = [((BASELINE, BASELINE), history.pool[0].mean)]
        for attempt in history.attempts:
            pair = find(attempt.candidate.prompt) if attempt.candidate is not None else None
            value = worth(attempt, pool)
            if pair is not None and value is not None:
                known.append((pair, value))
        return [(pair, value) for pair, value in known if value == value]


def worth(attempt: Attempt, pool: Mapping[str, Member]) -> float | None:
    """The estimated dev score of an attempt's candidate, None when it was not measured."""
    match attempt:
        case Attempt(outcome="kept", candidate=candidate) if candidate is not None and candidate.id in pool:
            return pool[candidate.id].mean
        case Attempt(outcome="dropped", gain=float(gain), parents=(parent, *_)) if parent in pool:
            return pool[parent].mean + gain
    return None


def shown(demos: Sequence[Demo]) -> tuple[tuple[str, str], ...]:
    """What tells few-shot sets of one menu apart."""
    return tuple((demo.example_id, demo.output) for demo in demos)


def demo_set(index: int, task: Task, s: FewshotSettings, passes: set[str]) -> tuple[Demo, ...]:
    """The few-shot set at a place of the menu: train rows spread over the answers, of every second set only such as the baseline passes.

    Which rows come first depends on the task and the place alone, so a longer menu, or one of larger sets, begins with what the shorter one has. Sizes
    go through `max_demos`, a half and a quarter of it. Passing rows are MIPROv2's bootstrapped demos, but with the expected answer, not the model's words.
    """
    order = list(task.rows("train"))
    rng_for(0, index, f"few-shot set/{task.fingerprint}").shuffle(order)
    if index % 2:
        order = [example for example in order if example.id in passes]
    return tuple(fitting(spread(order), max(1, s.max_demos >> index % 3), s.demo_word_cap))


def propose(
    menu: Menu, trials: Sequence[tuple[Pairing, float]], open_pairs: Sequence[Pairing], startup: int, rng: random.Random
) -> Pairing:
    """One of `open_pairs`: what TPE asks for after these trials, chance among them when it insists on others.

    The study lives for this call: it is refilled from `trials`, which costs time in proportion to their number.
    """
    with quiet_optuna() as optuna:
        choices = {
            "demos": optuna.distributions.CategoricalDistribution(tuple(menu.demos)),
            "instructions": optuna.distributions.CategoricalDistribution(tuple(menu.instructions)),
        }
        sampler = optuna.samplers.TPESampler(
            seed=rng.getrandbits(31), n_startup_trials=startup, multivariate=True, constant_liar=True
        )
        study = optuna.create_study(direction="maximize", sampler=sampler)
        for (demos, instructions), value in trials:
            params = {"demos": demos, "instructions": instructions}
            study.add_trial(optuna.trial.create_trial(params=params, distributions=choices, value=value))
        wanted = set(open_pairs)
        for _ in range(ASKS):
            asked = study.ask(choices).params
            pair = (int(asked["demos"]), int(asked["instructions"]))
            if pair in wanted:
                return pair
    return rng.choice(open_pairs)


@contextmanager
def quiet_optuna() -> Iterator[Any]:
    """Optuna without its log lines and its warnings that options are experimental; what the caller had set is put back."""
    import optuna

    level = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield optuna
    finally:
        optuna.logging.set_verbosity(level)
