"""Reinforcement learning with TRL's GRPO: prompts, and the task's scorer as a reward function."""

from __future__ import annotations

from pathlib import Path

from topout.contracts import Exported, HandOff
from topout.exporters.provenance import beside, encoded
from topout.exporters.text_file import prompt_files
from topout.exporters.training.grader import foreign_imports, grader
from topout.exporters.training.readme import readme
from topout.exporters.training.rows import amount, answers_by_row, as_lines, carried, conversation, label_counts, usable

__all__ = ["LEARNS", "decided", "grpo"]

TAIL = '''

def reward(completions: list, expected: list, inputs: list, **columns: object) -> list[float]:
    """A reward in [0, 1] for each completion, as TRL asks for it: `expected` and `inputs` are the data's columns, JSON text each."""
    texts = [one if isinstance(one, str) else one[-1]["content"] for one in completions]
    return [judged(text, json.loads(e), json.loads(i))[0] for text, e, i in zip(texts, expected, inputs, strict=True)]
'''
USE = """    from datasets import load_dataset
    from trl import GRPOConfig, GRPOTrainer

    from reward import reward

    data = load_dataset("json", data_files="prompts.jsonl", split="train")
    GRPOTrainer("MODEL", reward_funcs=reward, args=GRPOConfig(num_generations=8), train_dataset=data).train()"""
LEARNS = (
    "- It teaches whatever the scorer rewards, its blind spots included: read some answers of the trained model.\n"
    "- It learns from rows that the model sometimes gets right and sometimes wrong. Rows that are always right or never right give no signal; start from a "
    "model (or a supervised fine-tune) that is right now and then.\n"
    "- It needs no right answers from the run, so hard rows are in it."
)


def grpo(hand_off: HandOff, folder: Path) -> Exported:
    """prompts.jsonl (`prompt`, `expected`, `inputs`) and reward.py. Raises UserError for a scorer that cannot travel."""
    rows, left_out = usable(hand_off)
    code = grader(
        hand_off.grading,
        f"The scorer of {hand_off.offer.name} as a reward, from topout. It needs nothing of topout.",
        TAIL,
        ("import json",),
    )
    counts = label_counts(hand_off, rows)
    said = (*amount(len(rows), "prompts", counts), *needs(code))
    files, kept = prompt_files(hand_off.offer.prompt)
    note = readme(
        hand_off,
        "reinforcement learning with GRPO",
        "`prompts.jsonl`: the prompt with a row's inputs, and what the scorer needs. `reward.py`: the task's scorer, on its own. "
        "`prompt.md` (and `demos.jsonl`): that prompt.",
        {"prompts": len(rows), **decided(hand_off), **counts},
        LEARNS,
        USE,
        (*left_out, *said),
    )
    shown = "prompts.jsonl and reward.py are for TRL's GRPOTrainer; README.md says how to measure the trained model."
    lines = [{"prompt": conversation(hand_off, row), **carried(row)} for row in rows]
    written = {"prompts.jsonl": as_lines(lines), "reward.py": encoded(code), **files, "README.md": note}
    return beside(hand_off.offer, folder, "prompts", written, shown, (*said, *left_out, *kept))


def decided(hand_off: HandOff) -> dict[str, int]:
    """How many rows no candidate of the run got right, and how many all did: little to learn for a model like the run's."""
    found = [[a.score for a in answers] for answers in answers_by_row(hand_off).values()]
    return {
        "rows that each candidate got fully right": sum(min(scores) >= 1 for scores in found),
        "rows that no candidate got fully right": sum(max(scores) < 1 for scores in found),
    }


def needs(code: str) -> tuple[str, ...]:
    """A word about packages that the grader imports."""
    found = foreign_imports(code)
    return (f"The scorer imports {', '.join(found)}: install what it needs where it runs.",) if found else ()
