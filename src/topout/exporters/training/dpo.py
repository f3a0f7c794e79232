"""Preference pairs: a better and a worse answer to the same row."""

from __future__ import annotations

from pathlib import Path

from topout.contracts import Answer, Exported, HandOff
from topout.domain import Json
from topout.errors import UserError
from topout.exporters.provenance import beside
from topout.exporters.text_file import prompt_files
from topout.exporters.training.readme import readme
from topout.exporters.training.rows import amount, answers_by_row, as_lines, conversation, label_counts, usable

__all__ = ["dpo"]

PAIRS_A_ROW = 3
"""At most so many pairs of a row, so that one that everybody got wrong in another way does not outweigh the rest."""
USE = """    from datasets import load_dataset
    from trl import DPOConfig, DPOTrainer

    data = load_dataset("json", data_files="dpo.jsonl", split="train")
    DPOTrainer("MODEL", args=DPOConfig(), train_dataset=data).train()

Usually after supervised fine-tuning on the same task (`--to sft`)."""


def dpo(hand_off: HandOff, folder: Path) -> Exported:
    """dpo.jsonl: `{"prompt", "chosen", "rejected"}` as messages. Raises UserError without a row that has a good and a worse answer."""
    rows, left_out = usable(hand_off)
    found = answers_by_row(hand_off)
    pairs = [(row, better, worse) for row in rows for better, worse in pairs_of(found.get(row.id, []), hand_off.bar)]
    if not pairs:
        raise UserError(
            f"--to dpo: no row has an answer of {hand_off.bar:g} or more and a worse one, and nothing was written. Lower the first with --bar."
        )
    lines: list[dict[str, Json]] = [
        {
            "prompt": conversation(hand_off, row),
            "chosen": [{"role": "assistant", "content": better.text}],
            "rejected": [{"role": "assistant", "content": worse.text}],
        }
        for row, better, worse in pairs
    ]
    taught = list({row.id: row for row, _, _ in pairs}.values())
    counts = label_counts(hand_off, taught)
    said = amount(len(pairs), "pairs", counts)
    files, kept = prompt_files(hand_off.offer.prompt)
    only_good = sum(pair_less(found.get(row.id, []), hand_off.bar) for row in rows)
    note = readme(
        hand_off,
        "preference pairs",
        "`dpo.jsonl`: the prompt with a row's inputs, a better answer (`chosen`) and a worse one (`rejected`). `prompt.md` (and `demos.jsonl`): that prompt.",
        {"pairs": len(pairs), "rows with a pair": len(taught), "rows with good answers only": only_good, **counts},
        "- It teaches to prefer right answers over the mistakes that candidates of this run made.\n"
        "- The answers were given to different prompts (those of the run's candidates), not all to this one: they are off-policy.\n"
        f"- Rows that were always right, or never reached {hand_off.bar:g}, make no pair.",
        USE,
        (*left_out, *said),
    )
    shown = "dpo.jsonl is for TRL's DPOTrainer; README.md says how to measure the trained model."
    written = {"dpo.jsonl": as_lines(lines), **files, "README.md": note}
    return beside(hand_off.offer, folder, "dpo", written, shown, (*said, *left_out, *kept))


def pairs_of(found: list[Answer], bar: float) -> list[tuple[Answer, Answer]]:
    """The best answer with each worse one, worst first."""
    if not found or found[0].score < bar:
        return []
    worse = [one for one in reversed(found) if one.score < found[0].score and one.text.strip()]
    return [(found[0], one) for one in worse[:PAIRS_A_ROW]]


def pair_less(found: list[Answer], bar: float) -> bool:
    """Whether a row has good answers and no worse ones."""
    return bool(found) and found[0].score >= bar and not pairs_of(found, bar)
