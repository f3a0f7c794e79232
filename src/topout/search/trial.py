"""Carrying out a move, as every optimizer here does it: the critic's proposal if one is needed, then the race against the first parent.

What differs between optimizers is what they plan; how a proposal is tried is the same for all, so that their figures can be compared.
"""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from topout.contracts import Critique, History, Lab, Member, Move
from topout.domain import Attempt, Candidate, Component, Outcome, Prompt, Rollout, Scored
from topout.search.grafting import joined
from topout.search.population import scores_of
from topout.search.racing import Standing, blocks, first_rows, promising, standing
from topout.search.reading import alike_together, choose_references, choose_rows, choose_shown

__all__ = ["RaceTerms", "Terms", "carry_out", "closing", "failed_edits", "fruitless", "instructs", "race_calls", "rewrite_move"]


@dataclass(frozen=True, slots=True)
class RaceTerms:
    """How many train rows are read before a race, and how it is run: the settings that all optimizers here share. What each means stands beside it in
    optimizers/evolve.toml. Raises ValueError when out of range."""

    read_rows: int = 60
    first_block: int = 20
    block_growth: float = 2.0
    stay_z: float = 0.3

    def __post_init__(self) -> None:
        for name, value in (("read_rows", self.read_rows), ("first_block", self.first_block), ("block_growth", self.block_growth)):
            if value < 1:
                raise ValueError(f"{name} must be at least 1")


@dataclass(frozen=True, slots=True)
class Terms(RaceTerms):
    """Also what the critic is shown (rows, words), how often it is asked and how long its text may be: the settings of optimizers that ask it."""

    fresh_rows: int = 8
    shown_failures: int = 80
    shown_successes: int = 40
    shown_words: int = 3000
    reference_words: int = 4000
    word_cap: int = 700
    enough_failures: int = 1000
    edits: int = 1
    proof_rows: int = 0
    together: bool = False

    def __post_init__(self) -> None:
        RaceTerms.__post_init__(self)
        least = {
            "fresh_rows": self.fresh_rows,
            "shown_failures": self.shown_failures,
            "enough_failures": self.enough_failures,
            "edits": self.edits,
        }
        for name, value in least.items():
            if value < 1:
                raise ValueError(f"{name} must be at least 1")
        if self.proof_rows < 0:
            raise ValueError("proof_rows must not be negative")


class Ended(Protocol):
    """Closes an attempt, with where its race stood if it came to one."""

    def __call__(
        self, outcome: Outcome, reason: str, candidate: Candidate | None = None, now: Standing | None = None
    ) -> Attempt: ...


def closing(number: int, move: Move) -> Ended:
    """What closes the attempt at this move."""
    parents = tuple(member.candidate.id for member in move.parents)

    def ended(outcome: Outcome, reason: str, candidate: Candidate | None = None, now: Standing | None = None) -> Attempt:
        if now is None or not now.rows:
            return Attempt(number, move.operator, parents, outcome, reason, candidate)
        return Attempt(number, move.operator, parents, outcome, reason, candidate, now.gain, now.se, now.rows)

    return ended


def race_calls(rows: int, terms: RaceTerms, calls: int = 1) -> tuple[int, int]:
    """Calls of the first heat over so many dev rows, and those of all later heats together, at so many `calls` an answer: a move's `calls` and `more`."""
    heats = blocks(rows, terms.first_block, terms.block_growth)
    return calls * heats[0].stop, calls * (heats[-1].stop - heats[0].stop)


def rewrite_move(parent: Member, component: Component, history: History, terms: Terms, rng: random.Random, rows: int = 0) -> Move:
    """A rewrite of one component by the critic, shown train rows that the parent fails, and others with their expected answers alone. `rows` is how many
    dev rows the race is over, 0 for all."""
    train = history.task.rows("train")
    first, rest = race_calls(rows or len(history.task.rows("dev")), terms, parent.calls)
    read = choose_rows(
        train, history.train_scores.get(parent.candidate.id, {}), terms.read_rows, terms.fresh_rows, terms.enough_failures, rng
    )
    return Move(
        "rewrite",
        (parent,),
        read=read,
        references=choose_references(train, read, terms.reference_words, rng),
        component=component.name,
        notes=failed_edits(history, parent.candidate.id),
        word_cap=terms.word_cap,
        calls=terms.edits + first,
        more=rest + parent.calls * terms.proof_rows,
        critiques=terms.edits,
        rows=rows,
    )


async def carry_out(number: int, move: Move, lab: Lab, terms: Terms) -> Attempt:
    """Get the proposal, then race it against the move's first parent over the dev rows."""
    ended = closing(number, move)
    prompt = move.prompt
    if prompt is None:
        seen = await lab.measure(move.parents[0].candidate, move.read)
        if seen is None:
            return ended("cut", "the budget ended")
        train = {example.id: example for example in move.read}
        failing, passing = choose_shown(seen, terms.shown_failures, terms.shown_successes, terms.shown_words, train)
        if move.read and not failing:
            scored = sum(isinstance(r.score, Scored) for r in seen)
            reason = f"no failure among {scored} train rows to learn from" if scored else "no train row could be scored"
            return ended("rejected" if scored else "failed", reason)
        critique = await edited(move, lab, failing, passing, terms.together)
        if critique is None:
            return ended("cut", "the budget ended or the run was halted before the critic answered")
        if critique.prompt is None:
            return ended("rejected", critique.rejected)
        child = lab.candidate(critique.prompt, move, critique.rationale)
        if terms.proof_rows and failing:
            asked = failing[: terms.proof_rows]
            tried = await lab.measure(child, [train[one.example] for one in asked])
            if tried is None:
                return ended("cut", "the budget ended before it answered rows that it was written from", child)
            now = standing(scores_of(tried), scores_of(asked))
            if not now.rows:
                return ended("failed", f"none of {len(asked)} train rows that it was written from could be scored", child)
            if not now.gain > 0:
                return ended("dropped", f"no better on {len(asked)} failing train rows that it was written from", child)
        return await race(child, move.parents[0], lab, terms, ended, move.rows, move.bar)
    return await race(lab.candidate(prompt, move, move.rationale), move.parents[0], lab, terms, ended, move.rows, move.bar)


async def edited(
    move: Move, lab: Lab, failing: Sequence[Rollout], passing: Sequence[Rollout], together: bool = False
) -> Critique | None:
    """What the critic makes of the first parent in `move.critiques` edits, one upon the other or asked for at the same time (`together`); None when the
    budget ended or the run was halted.

    One race tells of all of them. That pays, for most of what a race costs is to tell a small effect from luck, and edits together have a larger one. An
    edit that is refused is left out; with none left the last refusal is told."""
    ask = edited_at_once if together and move.critiques > 1 else edited_in_turn
    told = await ask(move, lab, failing, passing)
    if told is None:
        return None
    prompt, critiques = told
    made = [one for one in critiques if one.prompt is not None]
    if prompt is None or not made:
        return critiques[-1] if critiques else Critique(None, "", "no edit was asked for")
    return Critique(prompt, "; ".join(one.rationale for one in made if one.rationale))


async def edited_in_turn(
    move: Move, lab: Lab, failing: Sequence[Rollout], passing: Sequence[Rollout]
) -> tuple[Prompt | None, list[Critique]] | None:
    """One edit upon the other: the last prompt, and what the critic said."""
    parent, prompt = move.parents[0], None
    critiques: list[Critique] = []
    for _ in range(move.critiques):
        critique = await lab.critique(replace(move, parents=(parent, *move.parents[1:])), failing, passing)
        if critique is None:
            return None
        critiques.append(critique)
        if critique.prompt is not None:
            prompt = critique.prompt
            parent = replace(parent, candidate=replace(parent.candidate, prompt=prompt))
    return prompt, critiques


async def edited_at_once(
    move: Move, lab: Lab, failing: Sequence[Rollout], passing: Sequence[Rollout]
) -> tuple[Prompt | None, list[Critique]] | None:
    """Edits that know nothing of each other, each shown failures that are alike, joined sentence by sentence as far as the cap of words allows: a rewrite waits for the
    critic once."""
    shares = alike_together(failing, {example.id: example for example in move.read}, move.critiques)
    told = await asyncio.gather(*(lab.critique(move, share, passing) for share in shares))
    critiques = [one for one in told if one is not None]
    if len(critiques) < len(told):
        return None
    parent = move.parents[0].candidate.prompt
    before = parent.component(move.component).text
    made = [one for one in critiques if one.prompt is not None]
    texts = [one.prompt.component(move.component).text for one in made if one.prompt is not None]
    while len(texts) > 1:
        text = joined(before, texts)
        if len(text.split()) <= move.word_cap:
            return parent.with_text(move.component, text), critiques
        texts.pop()
    return made[0].prompt if made else None, critiques


async def race(
    candidate: Candidate, parent: Member, lab: Lab, terms: RaceTerms, ended: Ended, rows: int = 0, bar: Sequence[float] = ()
) -> Attempt:
    """Measure in growing blocks over the first so many dev rows (0: all), in an order of this attempt's own; stop as soon as it does not look better than
    the `bar` (empty: the parent's own scores). What the attempt tells is the difference to the parent itself, on the rows that both were measured on.

    When it stays to the end, the parent is measured on those rows too: so the rows that leaders are compared on grow with the races, and a challenger that is
    dropped costs nothing of that."""
    dev = lab.task.rows("dev")
    against = bar or parent.scores
    chosen = first_rows(len(dev), rows or len(dev))
    lab.rng("race").shuffle(chosen)
    met = [i for i in chosen if against[i] == against[i]]
    met += [i for i in chosen if against[i] != against[i]]
    challenger: list[float] = []
    now = Standing(math.nan, math.nan, 0)
    for block in blocks(len(met), terms.first_block, terms.block_growth):
        rollouts = await lab.measure(candidate, [dev[i] for i in met[block]])
        if rollouts is None:
            return ended("cut", "the budget ended before the race did", candidate, now)
        challenger += scores_of(rollouts)
        so_far = met[: len(challenger)]
        now = standing(challenger, [parent.scores[i] for i in so_far])
        scored = sum(score == score for score in challenger)
        if 2 * scored < len(challenger):
            return ended("failed", f"only {scored} of {len(challenger)} rows could be scored", candidate, now)
        if not promising(standing(challenger, [against[i] for i in so_far]), terms.stay_z):
            return ended("dropped", told(now, scored), candidate, now)
    lacking = [i for i in met if parent.scores[i] != parent.scores[i]]
    if lacking:
        rollouts = await lab.measure(parent.candidate, [dev[i] for i in lacking])
        if rollouts is None:
            return ended("cut", "the budget ended before the race did", candidate, now)
        own = dict(zip(lacking, scores_of(rollouts), strict=True))
        now = standing(challenger, [own.get(i, parent.scores[i]) for i in met])
    return ended("kept", told(now, len(met)), candidate, now)


def told(now: Standing, rows: int) -> str:
    """How a race went, for a person."""
    if not now.rows:
        return f"no row in common with its parent among {rows} dev rows"
    return f"{100 * now.gain:+.1f} points against its parent on {now.rows} dev rows"


def instructs(component: Component) -> bool:
    """Whether a component is there to be edited: not frozen, and more than a frame around placeholders (`Ticket: {{text}}`)."""
    return not component.frozen and (component.role == "system" or len(component.text.split()) >= 8)


def failed_edits(history: History, parent: str, most: int = 5) -> tuple[str, ...]:
    """The latest edits of this parent that were rejected or dropped, a line each."""
    lines = [
        f"{a.reason}: {a.candidate.rationale if a.candidate else 'refused before its trial'}"[:240]
        for a in history.attempts[-60:]
        if a.outcome in ("rejected", "dropped") and a.parents[:1] == (parent,) and a.operator == "rewrite"
    ]
    return tuple(lines[-most:])


def fruitless(history: History) -> int:
    """How many attempts at the end of the history never came to a trial."""
    count = 0
    for attempt in reversed(history.attempts):
        if attempt.outcome not in ("rejected", "failed"):
            break
        count += 1
    return count
