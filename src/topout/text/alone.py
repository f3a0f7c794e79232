"""One lever at a time: what of a winner's change is its instructions, what its demos, what each gene."""

from __future__ import annotations

from dataclasses import replace

from topout.domain import Candidate, Lever, Prompt
from topout.text.fingerprints import prompt_id

__all__ = ["alone"]


def alone(baseline: Prompt, winner: Prompt) -> dict[Lever, Candidate]:
    """The prompts that have one lever of the winner's and everything else of the baseline's, by that lever.

    A function of the two alone, so who to measure is settled before anything is measured. Empty when they differ by less than two levers: then the
    winner itself is the answer.
    """
    found: dict[Lever, Prompt] = {
        "instructions": replace(baseline, components=winner.components),
        "demos": replace(baseline, demos=winner.demos),
        "reasoning": replace(baseline, reasoning=winner.reasoning),
        "format": replace(baseline, answer_format=winner.answer_format),
        "voting": replace(baseline, votes=winner.votes),
        "retrieval": replace(baseline, retrieved=winner.retrieved),
    }
    same = prompt_id(baseline)
    made = {lever: Candidate(name, prompt) for lever, prompt in found.items() if (name := prompt_id(prompt)) != same}
    return made if len(made) > 1 else {}
