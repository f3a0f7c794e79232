"""An environment for `verifiers` (its v1 interface): a taskset as a package, with the task's scorer as the reward."""

from __future__ import annotations

import keyword
from pathlib import Path

from topout.contracts import Exported, HandOff
from topout.domain import Example, Json
from topout.exporters.provenance import beside, encoded
from topout.exporters.text_file import prompt_files
from topout.exporters.training.grader import foreign_imports, grader
from topout.exporters.training.grpo import LEARNS, decided, needs
from topout.exporters.training.readme import readme
from topout.exporters.training.rows import amount, as_lines, carried, conversation, label_counts, usable

__all__ = ["verifiers_env"]

TASKSET = '''"""The tasks of {name}, and how an answer is scored."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import verifiers.v1 as vf

from {package}.reward import judged

ROWS = Path(__file__).with_name("rows.jsonl")


class RowData(vf.TaskData):
    """A row: what the scorer needs of it, as JSON text."""

    expected: str
    inputs: str


class RowTask(vf.Task[RowData]):
    """One row to answer."""

    @vf.reward(weight=1.0)
    async def task_score(self, trace: vf.Trace) -> float:
        """The task's own score of the last reply, in [0, 1]."""
        return judged(trace.last_reply, json.loads(self.data.expected), json.loads(self.data.inputs))[0]


class Rows(vf.Taskset[RowTask, vf.TasksetConfig]):
    """All rows, in their order."""

    def load(self) -> Iterator[RowTask]:
        with ROWS.open(encoding="utf-8") as lines:
            for line in lines:
                yield RowTask(RowData(**json.loads(line)), self.config.task)
'''
PROJECT = """[project]
name = "{dashed}"
version = "0.1.0"
description = "The task {name}, from topout."
requires-python = ">=3.11"
dependencies = [{packages}]

[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[tool.hatch.build.targets.wheel]
packages = ["{package}"]
"""


def verifiers_env(hand_off: HandOff, folder: Path) -> Exported:
    """A package with pyproject.toml; `vf-eval NAME` runs it. Raises UserError for a scorer that cannot travel."""
    offer = hand_off.offer
    package = offer.name.replace("-", "_").replace(".", "_").lower()
    if package[0].isdigit() or keyword.iskeyword(package) or package in ("verifiers", "topout"):
        package = f"task_{package}"
    dashed = package.replace("_", "-")
    rows, left_out = usable(hand_off)
    code = grader(hand_off.grading, f"The scorer of {offer.name}, from topout. It needs nothing of topout.", "")
    counts = label_counts(hand_off, rows)
    said = (*amount(len(rows), "tasks", counts), *needs(code))
    prompt, kept = prompt_files(offer.prompt)
    note = readme(
        hand_off,
        "an environment for verifiers",
        f"A taskset for `verifiers` (0.4, its `verifiers.v1`): `{package}/rows.jsonl` holds the prompts, `{package}/reward.py` the task's scorer. "
        "`prompt.md` (and `demos.jsonl`): the prompt in them.",
        {"tasks": len(rows), **decided(hand_off), **counts},
        LEARNS,
        f"    uv pip install -e .\n    vf-eval {dashed} -m MODEL --env.agent.harness.id null --env.agent.runtime.type subprocess -n 3\n\n(the harness `null` asks the model and gives it no tools). Trainers that take verifiers environments (prime-rl) load it by that name. White space around a reply is gone "
        "before it is scored.",
        (*left_out, *said),
    )
    packages = ", ".join(f'"{name}"' for name in ("verifiers>=0.4,<0.5", *(n for n in foreign_imports(code) if n.isidentifier())))
    names = {"name": offer.name, "package": package, "dashed": dashed, "packages": packages}
    files = {
        "pyproject.toml": encoded(PROJECT.format(**names)),
        f"{package}/__init__.py": encoded(
            f'"""The task {offer.name} for verifiers."""\n\nfrom {package}.taskset import Rows\n\n__all__ = ["Rows"]\n'
        ),
        f"{package}/taskset.py": encoded(TASKSET.format(**names)),
        f"{package}/reward.py": encoded(code),
        f"{package}/rows.jsonl": as_lines(data(hand_off, row) for row in rows),
        **prompt,
        "README.md": note,
    }
    shown = f"uv pip install -e FOLDER, then vf-eval {dashed}; README.md says how to measure the trained model."
    return beside(offer, folder, "environment", files, shown, (*said, *left_out, *kept))


def data(hand_off: HandOff, row: Example) -> dict[str, Json]:
    """A task's data: a prompt of one message is a text, as every harness takes it; demos make it a conversation."""
    asked = conversation(hand_off, row)
    system = asked.pop(0) if isinstance(asked[0], dict) and asked[0]["role"] == "system" else None
    last = asked[-1]
    prompt: Json = last["content"] if len(asked) == 1 and isinstance(last, dict) else asked
    return {"prompt": prompt, **({"system_prompt": system["content"]} if isinstance(system, dict) else {}), **carried(row)}
