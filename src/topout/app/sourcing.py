"""What `topout init --from` can name: a file, a folder, a dataset of a hub, what a registry keeps; each brings rows, a prompt, or both."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from topout.app.importing import absent
from topout.contracts import Registry
from topout.domain import Prompt
from topout.errors import UserError
from topout.exporters import langfuse_registry, mlflow_registry
from topout.exporters.names import check_name
from topout.intake.hub import fetch_dataset, folder_sheet
from topout.intake.nested import listed
from topout.intake.promptfoo import first_prompt, is_promptfoo, promptfoo_sheet
from topout.intake.saved_program import SavedProgram, is_program, program_prompt, read_program
from topout.intake.tables import Sheet, document, read_table, table_of

__all__ = ["Brought", "bring"]

PromptFor = Callable[[Sequence[str]], tuple[Prompt, tuple[str, ...]]]
POINTED = re.compile(r"(?P<name>[^@]+?)(?:@(?P<alias>[^@/]+)|/(?P<version>\d+))?")


@dataclass(frozen=True, slots=True)
class Brought:
    """What one source holds. `name` is what it is called in the README. `prompt` makes the prompt for a task with these fields, and says what was left out;
    None without one."""

    name: str
    sheet: Sheet | None = None
    prompt: PromptFor | None = None
    notes: tuple[str, ...] = ()


def bring(source: str) -> Brought:
    """Read one source. Raises UserError when there is no such thing, or it cannot be read."""
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", source):
        raise UserError(f"--from {source}: an address, and nothing is fetched from one. Download the file, and name it here.")
    kind, colon, rest = source.partition(":")
    match kind if colon else "":
        case "hf":
            if Path(rest).is_dir():
                return Brought(rest, folder_sheet(Path(rest)))
            sheet, name = fetch_dataset(rest, os.environ)
            return Brought(name, sheet)
        case "mlflow" | "langfuse":
            return registered(kind, rest)
        case "dspy" | "promptfoo" | "file":
            return from_file(rest)
        case _:
            return from_file(source)


def from_file(source: str) -> Brought:
    """A file of rows, a folder of them, promptfoo's configuration or a saved DSPy program (`program.json#predictor`)."""
    name, _, predictor = source.partition("#")
    path = Path(name if predictor and not Path(source).exists() else source)
    if path.is_dir():
        return Brought(path.name, folder_sheet(path))
    if path.suffix.lower() in (".json", ".yaml", ".yml"):
        found, notes = document(path)
        if isinstance(found, dict) and is_promptfoo(found):
            prompt, left = first_prompt(found, path)
            sheet = table_of(path, promptfoo_sheet(found, path))
            return Brought(path.name, sheet, fixed(prompt) if prompt else None, (*notes, *left))
        if isinstance(found, dict) and is_program(found):
            return Brought(path.name, None, from_program(read_program(found, str(path), predictor)), notes)
        return Brought(path.name, table_of(path, Sheet(listed(path, found), notes)))
    return Brought(path.name, read_table(path))


def registered(kind: str, rest: str) -> Brought:
    """A prompt and a dataset of that name, whichever the registry has. `NAME@alias` and `NAME/3` are a prompt alone."""
    asked = POINTED.fullmatch(rest)
    if asked is None or not rest.strip():
        raise UserError(
            f"--from {kind}:{rest}: expected the name of a prompt or a dataset, such as {kind}:tickets or {kind}:tickets@production."
        )
    name = check_name(asked["name"], "--from")
    pointer = asked["alias"] or asked["version"] or ""
    store = mlflow_registry.connect("") if kind == "mlflow" else langfuse_registry.connect("")
    rows = None if pointer else store.dataset(name)
    registry: Registry = store
    found = registry.find(name, pointer) if pointer else next(iter(registry.versions(name, 1)), None)
    if pointer and found is None:
        raise UserError(f"--from {kind}:{rest}: {absent(registry, name, pointer)}")
    if rows is None and found is None:
        raise UserError(
            f"--from {kind}:{rest}: there is neither a prompt nor a dataset '{name}'. Check its name, and where the registry is."
        )
    notes: tuple[str, ...] = ()
    if found is not None and found.prompt is None:
        reason = f"the prompt '{name}' has no place in topout: {found.unread}"
        if rows is None:
            raise UserError(f"--from {kind}:{rest}: {reason}.")
        notes = (reason,)
    if found is not None and not pointer:
        notes = (*notes, f"the prompt is version {found.version}, the newest (name an alias to choose: {kind}:{name}@production)")
    label = f"{kind}:{rest}"
    prompt = fixed(found.prompt) if found is not None and found.prompt is not None else None
    return Brought(label, table_of(label, Sheet(rows)) if rows is not None else None, prompt, notes)


def fixed(prompt: Prompt) -> PromptFor:
    """A prompt that says itself where its inputs go."""
    return lambda fields: (prompt, ())


def from_program(program: SavedProgram) -> PromptFor:
    """A prompt whose inputs go by the fields of the task."""
    return lambda fields: program_prompt(program, fields)
