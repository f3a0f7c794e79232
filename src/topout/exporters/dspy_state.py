"""The state of a DSPy program: what `dspy.Predict(signature).load(path)` reads, written by dspy itself.

DSPy has no templates. An adapter lays out instructions, demos and inputs in its own way, so what a model is sent differs from what was measured here.
"""

from __future__ import annotations

import keyword
import re
from pathlib import Path
from tempfile import TemporaryDirectory

from topout.contracts import Exported, Offer
from topout.domain import Prompt
from topout.errors import UserError
from topout.exporters.provenance import beside, encoded
from topout.text.rendering import PLACEHOLDER

__all__ = ["dspy_state"]

FILE = "program.json"
ARGUMENTS = ("signature", "demos", "config", "lm", "prediction", "new_signature")  # what Predict takes for itself
LABELLED = re.compile(rf"[ \t]*(?P<label>[^{{}}\n]{{0,60}}?)[ \t]*{PLACEHOLDER.pattern}[ \t]*")


def dspy_state(offer: Offer, folder: Path) -> Exported:
    """program.json: instructions, fields and demos. `lm` is null: DSPy's own setting decides.

    Raises UserError for field names that DSPy cannot take.
    """
    if offer.state is not None:
        note = f"Load with module.load('{FILE}'), where module is the task's own program."
        return beside(offer, folder, "program", {FILE: offer.state}, note, ())
    output = "answer"
    while output in offer.fields:
        output += "_"
    labels, kept = instruction_texts(offer.prompt)
    instructions = "\n\n".join(PLACEHOLDER.sub(r"`\1`", text) for text in kept)
    encoded(instructions + "".join(value for d in offer.prompt.demos for value in (*d.inputs.values(), d.output)))
    demos = [{**{name: d.inputs[name] for name in offer.fields if name in d.inputs}, output: d.output} for d in offer.prompt.demos]
    data, loaded = saved(offer.fields, output, instructions, labels, demos)
    signature = f"{', '.join(offer.fields)} -> {output}"
    warnings: tuple[str, ...] = (
        "A DSPy adapter adds words of its own to every call: the held-out score was measured without them. Measure again in DSPy.",
    )
    if any(PLACEHOLDER.search(text) for text in kept):
        warnings += ("DSPy has no templates: in the instructions, {{field}} became `field`, the name of the input.",)
    if loaded != instructions:
        warnings += ("DSPy tidies instructions: indentation, tabs or blank lines around them are not kept.",)
    return beside(offer, folder, "program", {FILE: data}, f'Load with dspy.Predict("{signature}").load("{FILE}").', warnings)


def instruction_texts(prompt: Prompt) -> tuple[dict[str, str], list[str]]:
    """Labels by field (DSPy's descriptions), and the texts that are instructions, system parts first.

    A user part of lines such as `Ticket: {{text}}` only says what the inputs are called; all other parts are instructions.
    """
    labels: dict[str, str] = {}
    kept = [c.text for c in prompt.components if c.role == "system" and c.text]
    for c in prompt.components:
        if c.role != "user" or not c.text:
            continue
        lines = [LABELLED.fullmatch(line) for line in c.text.split("\n") if line.strip()]
        found = {m[2]: m["label"] for m in lines if m is not None}
        if len(found) == len(lines):
            labels |= found
        else:
            kept.append(c.text)
    return labels, kept


def saved(
    fields: tuple[str, ...], output: str, instructions: str, labels: dict[str, str], demos: list[dict[str, str]]
) -> tuple[bytes, str]:
    """The state as dspy writes it, and the instructions as dspy reads them back."""
    import dspy

    for name in fields:
        if name in ARGUMENTS or not name.isidentifier() or keyword.iskeyword(name) or name.startswith("_"):
            raise UserError(f"DSPy cannot take an input named '{name}'. Rename the field, or export with --to messages.")
    names: dict[str, object] = {}
    for name in fields:
        label = labels.get(name, "").rstrip(": ")
        names[name] = (str, dspy.InputField(desc=label) if label else dspy.InputField())
    names[output] = (str, dspy.OutputField())
    try:
        program = dspy.Predict(dspy.Signature(names, instructions))
    except (NameError, TypeError, ValueError) as error:  # a field named as an attribute of its signatures
        raise UserError(f"DSPy cannot take these inputs: {error}. Rename them, or export with --to messages.") from error
    program.demos = demos
    with TemporaryDirectory() as place:
        path = Path(place) / FILE
        program.save(path)
        again = dspy.Predict(program.signature)
        again.load(path)
        return path.read_bytes(), str(again.signature.instructions)
