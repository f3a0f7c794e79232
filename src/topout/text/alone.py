"""One lever at a time: what of a winner's change is its instructions, and what its demos."""

from __future__ import annotations

from topout.domain import Candidate, Lever, Prompt
from topout.text.fingerprints import prompt_id

__all__ = ["alone"]


def alone(baseline: Prompt, winner: Prompt) -> dict[Lever, Candidate]:
    """The prompts that have one lever of the winner's and everything else of the baseline's, by that lever.

    A function of the two alone, so who to measure is settled before anything is measured. Empty when they differ by less than two levers: then the
    winner itself is the answer.
    """
    found: dict[Lever, Prompt] = {"instructions": winner.with_demos(baseline.demos), "demos": baseline.with_demos(winner.demos)}
    ends = {prompt_id(baseline), prompt_id(winner)}
    made = {lever: Candidate(prompt_id(prompt), prompt) for lever, prompt in found.items()}
    return {} if any(one.id in ends for one in made.values()) else made
