"""Switching a gene: thinking first, the form of the answer, votes, retrieved demos."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace

from topout.contracts import Member, Move
from topout.domain import Prompt, Task
from topout.search.trial import RaceTerms, race_calls

__all__ = ["Genes", "switch_move", "switched_prompt"]


@dataclass(frozen=True, slots=True)
class Genes:
    """What a search may switch on: thinking first, JSON answers, up to `max_votes` votes, up to `max_retrieved` retrieved demos (0: not at all)."""

    think: bool = False
    json: bool = False
    max_votes: int = 0
    max_retrieved: int = 0


def switch_move(
    task: Task, parent: Member, genes: Genes, terms: RaceTerms, rng: random.Random, kind: int | None = None, rows: int = 0
) -> Move | None:
    """A parent with one gene switched (the `kind`-th of those allowed, or any); None when there is none to switch. It is raced like any other proposal, over so many
    dev rows (0: all), at its own price."""
    found = switched_prompt(parent.candidate.prompt, genes, rng, kind) if not task.program else None
    if found is None:
        return None
    prompt, what = found
    calls = parent.calls // max(1, parent.candidate.prompt.votes) * prompt.votes
    first, rest = race_calls(rows or len(task.rows("dev")), terms, calls)
    return Move("switch", (parent,), prompt=prompt, rationale=what, calls=first, more=rest, rows=rows)


def switched_prompt(prompt: Prompt, genes: Genes, rng: random.Random, kind: int | None = None) -> tuple[Prompt, str] | None:
    """The prompt with one gene switched, each of those allowed with the same chance, and what was done; None when none is allowed."""
    kinds: list[list[tuple[Prompt, str]]] = []
    if genes.think:
        think = prompt.reasoning == "direct"
        text = "think step by step before the answer" if think else "answer at once, without thinking first"
        kinds.append([(replace(prompt, reasoning="think" if think else "direct"), text)])
    if genes.json:
        json = prompt.answer_format == "plain"
        text = "answer with a JSON object" if json else "answer in plain text"
        kinds.append([(replace(prompt, answer_format="json" if json else "plain"), text)])
    votes = [n for n in steps(prompt.votes, 2, 1, genes.max_votes) if n != prompt.votes]
    if genes.max_votes >= 3 and votes:
        kinds.append(
            [(replace(prompt, votes=n), f"draw {n} answers, the majority counts" if n > 1 else "draw one answer") for n in votes]
        )
    nearest = [n for n in ladder(prompt.retrieved, genes.max_retrieved) if n != prompt.retrieved]
    if nearest:
        told = {n: f"show the {n} train examples most like each input" if n else "retrieve no demos" for n in nearest}
        kinds.append([(replace(prompt, retrieved=n), told[n]) for n in nearest])
    if kind is not None:
        return rng.choice(kinds[kind]) if kind < len(kinds) else None
    return rng.choice(rng.choice(kinds)) if kinds else None


def steps(now: int, step: int, least: int, most: int) -> list[int]:
    """One step up, and back to the least: odd numbers of votes, which know fewer ties."""
    return [n for n in dict.fromkeys((least, now + step)) if least <= n <= max(least, most)]


def ladder(now: int, most: int) -> list[int]:
    """From none, any power of two up to `most`; else none, half or twice as many."""
    if not now:
        return [n for n in (1, 2, 4, 8, 16, 32) if n <= most]
    return [n for n in dict.fromkeys((0, now // 2, 2 * now)) if n <= most]
