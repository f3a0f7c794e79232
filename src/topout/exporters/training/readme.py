"""The README of a hand-off: what it is, how much there is, what it can and cannot teach, how to measure what came of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from topout.contracts import HandOff
from topout.exporters.provenance import EMBEDDED_NOTE, encoded, headline

__all__ = ["readme"]


def readme(
    hand_off: HandOff, title: str, what: str, amounts: Mapping[str, int], teaches: str, use: str, said: Sequence[str]
) -> bytes:
    """`amounts` are counts by what is counted, `teaches` a paragraph or list, `use` how to run it, `said` what was left out and warnings."""
    p = hand_off.offer.provenance
    lines = [f"# {hand_off.offer.name}: {title}", "", what, "", f"From {headline(p)}."]
    if p.model.startswith("embedded/"):
        lines += ["", f"The answers and scores were {EMBEDDED_NOTE}. Nothing worth training on: use them to try the pipeline."]
    lines += ["", "## How much", "", *(f"- {' '.join(name.split())}: {count:,}" for name, count in amounts.items())]
    if said:
        lines += ["", *(f"- {one}" for one in said)]
    lines += ["", "## What it can and cannot teach", "", teaches, "", "## How to use it", "", use]
    lines += [
        "",
        "## Measure it on the same holdout",
        "",
        "No held-out row is in this folder. Ask the trained model with the prompt that it was trained on:",
        "",
        f"    topout evaluate {hand_off.source} --model MODEL --prompt THIS_FOLDER --against {p.run}",
        "",
        "(with `--api-base` for a server of your own) gives the score, and the gain over the run's winner, paired on the same held-out rows. Dev rows are no "
        "measure any more: the model has seen them.",
    ]
    return encoded("\n".join(lines) + "\n")
