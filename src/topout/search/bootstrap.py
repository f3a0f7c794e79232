"""`bootstrap`: random search over few-shot sets of answers that the model itself got right.

After DSPy's BootstrapFewShotWithRandomSearch (Khattab et al. 2023, arXiv 2310.03714): the champion answers train rows, those that score full marks become demos
in the model's own words, some labelled rows are added, and the set is tried. What is different: the champion teaches instead of the baseline, so that later sets hold what
earlier ones unlocked; a set is raced against it in growing blocks; rows and sizes are drawn by place. The critic is never asked.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace

from topout.contracts import History, Lab, Move, Stop
from topout.domain import Attempt, Demo, Example, Rollout, Scored
from topout.search.demos import fitting, spread
from topout.search.trial import RaceTerms, closing, fruitless, race, race_calls

__all__ = ["Bootstrap", "BootstrapSettings"]


@dataclass(frozen=True, slots=True)
class BootstrapSettings(RaceTerms):
    """Settings of `bootstrap`; what each means stands beside it in optimizers/bootstrap.toml. Raises ValueError when out of range."""

    lanes: int = 6
    max_bootstrapped: int = 16
    max_labelled: int = 16
    demo_word_cap: int = 1500
    tries: int = 400
    give_up_after: int = 100

    def __post_init__(self) -> None:
        RaceTerms.__post_init__(self)
        least = {
            "lanes": (self.lanes, 1),
            "max_bootstrapped": (self.max_bootstrapped, 1),
            "max_labelled": (self.max_labelled, 0),
            "tries": (self.tries, 1),
            "give_up_after": (self.give_up_after, 1),
        }
        for name, (value, bound) in least.items():
            if value < bound:
                raise ValueError(f"{name} must be at least {bound}")


class Bootstrap:
    """The optimizer. Holds settings only."""

    def __init__(self, settings: BootstrapSettings) -> None:
        self.settings = settings

    @property
    def lanes(self) -> int:
        return self.settings.lanes

    def plan(self, number: int, history: History, rng: random.Random) -> Move | Stop:
        """Which train rows the champion is to answer, one of each answer before a second, and which labelled ones may stand beside them
        (`references`). The move's own prompt is what comes of it when the first of them are all right."""
        s = self.settings
        if number >= s.tries:
            return Stop(f"{s.tries} few-shot sets were tried")
        if fruitless(history) >= s.give_up_after:
            return Stop(f"the last {s.give_up_after} few-shot sets repeated an earlier one, or no train row passed")
        train = list(history.task.rows("train"))
        if not train:
            return Stop("there are no train rows to show")
        champion = history.pool[history.champion]
        rng.shuffle(train)
        wanted = min(rng.randint(1, s.max_bootstrapped), len(train))
        labelled = rng.randint(0, s.max_labelled)
        read = tuple(spread(train)[: min(len(train), max(s.read_rows, wanted))])
        first, rest = race_calls(len(history.task.rows("dev")), s, champion.calls)
        demos = tuple(fitting(read, wanted, s.demo_word_cap))
        return Move(
            "demos",
            (champion,),
            read=read,
            references=tuple(train[-labelled:] if labelled else ()),
            prompt=champion.candidate.prompt.with_demos(demos),
            rationale=f"{wanted} bootstrapped",
            calls=first,
            more=rest,
        )

    async def attempt(self, number: int, move: Move, lab: Lab) -> Attempt:
        """Let the champion answer, make demos of what it got right, and race the new set against it."""
        champion = move.parents[0]
        ended = closing(number, move)
        seen = await lab.measure(champion.candidate, move.read)
        if seen is None:
            return ended("cut", "the budget ended")
        wanted = len(move.prompt.demos) if move.prompt else 0
        demos = few_shot_set(move.read, seen, wanted, move.references, self.settings.demo_word_cap)
        if not demos:
            scored = sum(isinstance(r.score, Scored) for r in seen)
            return ended("rejected" if scored else "failed", f"none of {scored} scored train rows passed")
        own = sum(demo.example_id in {row.id for row in move.read} for demo in demos)
        prompt = champion.candidate.prompt.with_demos(demos)
        candidate = lab.candidate(prompt, move, f"{own} demos in the model's own words, {len(demos) - own} labelled")
        if candidate.id == champion.candidate.id:
            return ended("rejected", "the same few-shot set as the champion's")
        return await race(candidate, champion, lab, self.settings, ended)


def few_shot_set(
    read: Sequence[Example], seen: Sequence[Rollout], wanted: int, labelled: Sequence[Example], word_cap: int
) -> tuple[Demo, ...]:
    """The first `wanted` rows that got full marks, with the model's answers, then labelled rows that are not among those read, within the words.

    Empty when none passed and none is labelled."""
    passed = [(row, r.answer) for row, r in zip(read, seen, strict=True) if isinstance(r.score, Scored) and r.score.value >= 1]
    answers = {row.id: answer for row, answer in passed[:wanted]}
    shown = {row.id for row in read}
    rows = [row for row, _ in passed[:wanted]] + [row for row in labelled if row.id not in shown]
    return tuple(replace(demo, output=answers.get(demo.example_id, demo.output)) for demo in fitting(rows, len(rows), word_cap))
