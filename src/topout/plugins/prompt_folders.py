"""Prompts on disk: prompt.md, and beside it demos.jsonl and, where genes are switched on, prompt.toml."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from topout.config.prompt_file import PromptGenes
from topout.config.toml_files import read_text, read_toml
from topout.domain import Demo, Prompt, Task
from topout.errors import StoreError, UserError, did_you_mean, place
from topout.plugins.rows import Row, as_text, read_rows, value_of
from topout.text.genes import switched
from topout.text.prompts import format_prompt, parse_prompt
from topout.text.rendering import placeholders

__all__ = ["GENES_FILE", "PROMPT_FILE", "genes_text", "load_prompt", "read_prompt", "read_steps", "save_prompt"]

PROMPT_FILE = "prompt.md"
DEMOS_FILE = "demos.jsonl"
GENES_FILE = "prompt.toml"


def load_prompt(path: Path, task: Task) -> Prompt:
    """The prompt in a file, or in a folder's prompt.md and demos.jsonl, checked against the task's fields.

    Raises UserError with path and line: no such file, a malformed prompt, an unknown placeholder, a demo that lacks a field; of a program, a part that
    it does not have or a missing one.
    """
    return read_steps(path, task.baseline) if task.program else read_prompt(path, task.fields)


def read_steps(path: Path, known: Prompt | None = None) -> Prompt:
    """The prompt of a program: a part a step. `known` is one that has all its parts; None when this is the first to name them."""
    file = path / PROMPT_FILE if path.is_dir() else path
    prompt = parse_prompt(read_text(file), str(file), steps=True)
    if known is None and [c.name for c in prompt.components] == ["user"]:
        raise UserError(
            f"{file}: no part in it. A program's prompt has one a step: a line '--- system: name-of-the-step ---' and its text."
        )
    names = [c.name for c in prompt.components]
    if known is not None:
        ours = [c.name for c in known.components]
        for name in names:
            if name not in ours:
                raise UserError(f"{file}: the program has no step for the part '{name}'.{did_you_mean(name, ours)}")
        for name in ours:
            if name not in names:
                raise UserError(f"{file}: no part '{name}', which the program has. Add it, or write the task's own text there.")
    if file.name == PROMPT_FILE and file.with_name(GENES_FILE).is_file():
        raise UserError(f"{file.with_name(GENES_FILE)}: a program decides itself how its model is asked. Remove the file.")
    demos = file.with_name(DEMOS_FILE)
    if file.name != PROMPT_FILE or not demos.is_file():
        return prompt
    return prompt.with_demos(tuple(step_demo(row, names) for row in read_rows(demos)))


def step_demo(row: Row, names: Sequence[str]) -> Demo:
    """One demo of a program's step: {"component": step, "inputs": {name: text}, "output": text, "example_id": ""}."""
    keys = ("component", "inputs", "output", "example_id")
    for key in sorted(row.values.keys() - set(keys)):
        raise UserError(f"{row.where}: unknown key '{key}'.{did_you_mean(key, keys)}")
    step, inputs, output = as_text(value_of(row, "component")), value_of(row, "inputs"), value_of(row, "output")
    if not any(name == step or name.startswith(step + ".") for name in names):
        raise UserError(f"{row.where}: the program has no step '{step}'.{did_you_mean(step, names)}")
    if not isinstance(inputs, dict):
        raise UserError(f'{row.where}: \'inputs\' is no object. Write {{"inputs": {{"name": ...}}, "output": ...}}.')
    given = {name: as_text(value) for name, value in inputs.items()}
    return Demo(given, as_text(output), as_text(row.values.get("example_id")), step)


def read_prompt(path: Path, fields: Sequence[str]) -> Prompt:
    """As `load_prompt`, for a task with these fields."""
    file = path / PROMPT_FILE if path.is_dir() else path
    text = read_text(file)
    prompt = parse_prompt(text, str(file))
    for component in prompt.components:
        for name in placeholders(component.text):
            if name not in fields:
                line = next((i for i, line in enumerate(text.split("\n"), 1) if name in placeholders(line)), None)
                raise UserError(f"{place(file, line)}: unknown placeholder {{{{{name}}}}}.{did_you_mean(name, fields)}")
    if not any(placeholders(c.text) for c in prompt.components if c.role == "user"):
        raise UserError(
            f"{file}: no placeholder in a user part, so a model would never see the example. Write {{{{{fields[0]}}}}} in it."
        )
    if file.name != PROMPT_FILE:
        return prompt
    demos = file.with_name(DEMOS_FILE)
    if demos.is_file():
        prompt = prompt.with_demos(read_demos(demos, fields, prompt))
    genes = file.with_name(GENES_FILE)
    if not genes.is_file():
        return prompt
    found = read_toml(genes, PromptGenes)
    return replace(
        prompt,
        reasoning=found.reasoning,
        answer_format=found.answer_format,
        votes=found.votes,
        retrieved=found.retrieved,
    )


def read_demos(path: Path, fields: Sequence[str], prompt: Prompt) -> tuple[Demo, ...]:
    """The demos of a file, one object a line: {"inputs": {field: text}, "output": text, "example_id": ""}."""
    needed = {name for c in prompt.components if c.role == "user" for name in placeholders(c.text)}
    demos: list[Demo] = []
    for row in read_rows(path):
        unknown = row.values.keys() - {"inputs", "output", "example_id"}
        if unknown:
            name = min(unknown)
            raise UserError(f"{row.where}: unknown key '{name}'.{did_you_mean(name, ('inputs', 'output', 'example_id'))}")
        inputs, output = value_of(row, "inputs"), value_of(row, "output")
        if not isinstance(inputs, dict):
            raise UserError(f'{row.where}: \'inputs\' is no object. Write {{"inputs": {{"{fields[0]}": ...}}, "output": ...}}.')
        for name in inputs:
            if name not in fields:
                raise UserError(f"{row.where}: unknown field '{name}' in 'inputs'.{did_you_mean(name, fields)}")
        for name in sorted(needed - inputs.keys()):
            raise UserError(f"{row.where}: the prompt names {{{{{name}}}}}, and this demo has no '{name}' in 'inputs'. Add it.")
        demos.append(
            Demo({name: as_text(value) for name, value in inputs.items()}, as_text(output), as_text(row.values.get("example_id")))
        )
    return tuple(demos)


def save_prompt(prompt: Prompt, folder: Path) -> None:
    """Write prompt.md, demos.jsonl (empty without demos) and, where genes are switched on, prompt.toml into a folder, which is made when it is missing.

    Each file is replaced at once: a reader sees the old one or the new one, never half of it. Raises StoreError when the disk refuses.
    """
    lines = [
        json.dumps(
            {
                **({"component": d.component} if d.component else {}),
                "inputs": dict(d.inputs),
                "output": d.output,
                "example_id": d.example_id,
            },
            ensure_ascii=False,
        )
        for d in prompt.demos
    ]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        replace_file(folder / DEMOS_FILE, "".join(line + "\n" for line in lines))
        genes = genes_text(prompt)
        if genes:
            replace_file(folder / GENES_FILE, genes)
        else:
            (folder / GENES_FILE).unlink(missing_ok=True)
        replace_file(folder / PROMPT_FILE, format_prompt(prompt))
    except OSError as error:
        raise StoreError(f"{folder}: cannot be written: {error.strerror or error}. Make room or choose another folder.") from error


def genes_text(prompt: Prompt) -> str:
    """What prompt.toml says of a prompt, '' where no gene is switched on."""
    return "".join(f"{name} = {json.dumps(value)}\n" for name, value in switched(prompt).items())


def replace_file(path: Path, text: str) -> None:
    """Write beside, flush to disk, then put in place."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with draft.open("w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
