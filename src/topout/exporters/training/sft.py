"""Supervised fine-tuning: chat JSONL of the answers that were right."""

from __future__ import annotations

from pathlib import Path

from topout.contracts import Exported, HandOff
from topout.domain import Json
from topout.errors import UserError
from topout.exporters.provenance import beside
from topout.exporters.text_file import prompt_files
from topout.exporters.training.readme import readme
from topout.exporters.training.rows import amount, answers_by_row, as_lines, conversation, label_counts, usable

__all__ = ["sft"]

USE = """    from datasets import load_dataset
    from trl import SFTConfig, SFTTrainer

    data = load_dataset("json", data_files="sft.jsonl", split="train")
    SFTTrainer("MODEL", args=SFTConfig(assistant_only_loss=True), train_dataset=data).train()

The same file is what OpenAI's fine-tuning takes. `assistant_only_loss` needs a chat template with generation marks; leave it out where there are none."""


def sft(hand_off: HandOff, folder: Path) -> Exported:
    """sft.jsonl: `{"messages": [...]}`, one answer a row, the best that reached the bar. Raises UserError when none did."""
    rows, left_out = usable(hand_off)
    found = answers_by_row(hand_off)
    taught = [(row, found[row.id][0]) for row in rows if row.id in found and found[row.id][0].score >= hand_off.bar]
    if not taught:
        best = max((a.score for a in hand_off.answers), default=None)
        had = "no train or dev row was answered" if best is None else f"the best answer has {best:g}"
        raise UserError(
            f"--to sft: no answer reached the bar of {hand_off.bar:g} ({had}), and nothing was written. Lower it with --bar."
        )
    lines: list[dict[str, Json]] = [
        {"messages": [*conversation(hand_off, row), {"role": "assistant", "content": answer.text}]} for row, answer in taught
    ]
    asked = sum(row.id in found for row in rows)
    counts = label_counts(hand_off, [row for row, _ in taught])
    said = amount(len(taught), "examples", counts)
    files, kept = prompt_files(hand_off.offer.prompt)
    note = readme(
        hand_off,
        "supervised fine-tuning",
        "`sft.jsonl`: chat examples, the prompt with a row's inputs and an answer that the run found to be right. `prompt.md` (and `demos.jsonl`): that prompt.",
        {
            "examples": len(taught),
            "rows with answers, none of which reached the bar": asked - len(taught),
            "rows that were never asked": len(rows) - asked,
            **counts,
        },
        "- It teaches to answer as the best candidates of the run did, with less prompt or a smaller model.\n"
        f"- It cannot teach what they did not know: rows without an answer of {hand_off.bar:g} or more are missing, and those are the hard ones.\n"
        "- Answers that are right by chance are taught too, and so are mistakes in the labels.",
        USE,
        (*left_out, *said),
    )
    shown = "sft.jsonl is for TRL's SFTTrainer and OpenAI's fine-tuning; README.md says how to measure the trained model."
    written = {"sft.jsonl": as_lines(lines), **files, "README.md": note}
    return beside(hand_off.offer, folder, "sft", written, shown, (*said, *left_out, *kept))
