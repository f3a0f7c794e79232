"""A program that DSPy saved as JSON -> a prompt to start from: its instructions, and its demos where they have the task's fields."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from topout.domain import Component, Demo, Json, Prompt
from topout.errors import UserError, did_you_mean
from topout.intake.shapes import text

__all__ = ["SavedProgram", "is_program", "program_prompt", "read_program"]

OURS = ("augmented", "dspy_uuid", "dspy_split")
"""Keys of a demo that are DSPy's own."""
REASONING = ("reasoning", "rationale")


@dataclass(frozen=True, slots=True)
class SavedProgram:
    """One predictor of a saved program. `prefixes` are what its fields are called in prompts, in their order, inputs first."""

    name: str
    instructions: str
    demos: tuple[Mapping[str, Json], ...]
    prefixes: tuple[str, ...]


def is_program(document: Json) -> bool:
    """Whether a JSON document is what `program.save("x.json")` writes."""
    return isinstance(document, dict) and bool(predictors(document))


def predictors(document: Mapping[str, Json]) -> dict[str, Mapping[str, Json]]:
    """The predictors of a program by their names; one alone is the document itself ('')."""
    if "signature" in document and "demos" in document:
        return {"": document}
    return {
        str(name): state
        for name, state in document.items()
        if isinstance(state, dict) and "signature" in state and "demos" in state
    }


def read_program(document: Mapping[str, Json], where: str, predictor: str = "") -> SavedProgram:
    """The one predictor of a program, or the one that was named. Raises UserError when it has several and none was named, or no instructions."""
    known = predictors(document)
    if predictor and predictor not in known:
        raise UserError(f"{where}: no predictor '{predictor}'.{did_you_mean(predictor, known)}")
    if not predictor and len(known) > 1:
        raise UserError(
            f"{where}: a program of {len(known)} predictors ({', '.join(known)}); a task has one prompt. Name one: {where}#{next(iter(known))}."
        )
    name = predictor or next(iter(known))
    state = known[name]
    match state["signature"]:
        case {"instructions": str(instructions), **rest} if instructions.strip():
            fields = rest.get("fields")
        case _:
            raise UserError(
                f"{where}: the saved program has no instructions. Save it with DSPy 2.6 or newer: program.save('x.json')."
            )
    prefixes = [text(one.get("prefix")) for one in fields if isinstance(one, dict)] if isinstance(fields, list) else []
    demos = state["demos"]
    return SavedProgram(
        name, instructions, tuple(d for d in demos if isinstance(d, dict)) if isinstance(demos, list) else (), tuple(prefixes)
    )


def program_prompt(program: SavedProgram, fields: Sequence[str]) -> tuple[Prompt, tuple[str, ...]]:
    """Instructions as the system part, the inputs by name as a frozen user part, and the demos that bring all of `fields`; and what was left behind."""
    notes = []
    demos, lacking, reasoned, several = [], 0, 0, 0
    for demo in program.demos:
        keys = {plain_name(key): key for key in demo if key not in OURS}
        inputs = {field: text(demo[keys[plain_name(field)]]) for field in fields if plain_name(field) in keys}
        outputs = [key for plain, key in keys.items() if plain not in {plain_name(f) for f in fields}]
        answers = [key for key in outputs if key not in REASONING]
        if len(inputs) < len(fields) or not answers:
            lacking += 1
            continue
        reasoned += len(answers) < len(outputs)
        several += len(answers) > 1
        said = text(demo[answers[0]]) if len(answers) == 1 else json.dumps({k: demo[k] for k in answers}, ensure_ascii=False)
        demos.append(Demo(inputs, said))
    if lacking:
        notes.append(f"{lacking} of {len(program.demos)} demos left out: they lack a field of the task ({', '.join(fields)})")
    if reasoned:
        notes.append(f"the reasoning in {reasoned} demos was left out: a demo here is an input and its answer")
    if several:
        notes.append(f"{several} demos have several outputs, written as one JSON object")
    labels = {plain_name(prefix): prefix.strip().rstrip(":") for prefix in program.prefixes if prefix.strip()}
    asked = "\n".join(f"{labels.get(plain_name(field), field.replace('_', ' ').capitalize())}: {{{{{field}}}}}" for field in fields)
    notes.append(
        "DSPy's adapters add words of their own to every call (field names, marks); the prompt here has the instructions alone"
    )
    components = (Component("system", "system", program.instructions.strip()), Component("user", "user", asked, frozen=True))
    return Prompt(components, tuple(demos)), tuple(notes)


def plain_name(name: str) -> str:
    """A name as it is compared: `Ticket text:` and `ticket_text` are one."""
    return re.sub(r"[\W_]+", "_", name.strip().rstrip(":").casefold())
