"""From a registry to a task: a registered prompt becomes the baseline that the next run begins with.

So the loop closes: the run measures it on its own held-out rows beside every other candidate, and what the alias points at can be compared row by row,
whoever wrote it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path

from topout.app.targets import plug_in, registry_target
from topout.config.task_file import TaskFile
from topout.config.toml_files import read_toml
from topout.contracts import Registered, Registry
from topout.domain import Prompt
from topout.errors import UserError, did_you_mean
from topout.exporters.names import check_name
from topout.exporters.provenance import content
from topout.exporters.text_file import files_prompt, prompt_files
from topout.plugins.prompt_folders import GENES_FILE, genes_text
from topout.plugins.tasks import load_task
from topout.store.batch import write_batch
from topout.text.genes import recognised
from topout.text.rendering import placeholders
from topout.text.templates import alike

__all__ = ["Imported", "absent", "import_prompt", "suits"]

SOURCE = re.compile(r"(?P<target>[\w.-]+):(?P<name>[^:@]+)(?P<kind>[@/])(?P<pointer>[^:@/]+)")
EXAMPLE = "Write it as mlflow:NAME@production, or mlflow:NAME/3 for a version."


@dataclass(frozen=True, slots=True)
class Imported:
    """What came from where. `files` are those written (or that would be, when `written` is False after a dry run), empty when all was there already; `kept`
    are the copies of what stood there before."""

    source: str
    version: str
    prompt: Prompt
    files: tuple[Path, ...]
    kept: tuple[Path, ...]
    written: bool
    warnings: tuple[str, ...]


def import_prompt(task: str | Path, source: str, *, uri: str | None = None, force: bool = False, dry_run: bool = False) -> Imported:
    """Make a registered prompt the baseline of a task folder: prompt.md, and demos.jsonl when it has demos.

    `source` is `TARGET:NAME@ALIAS` or `TARGET:NAME/VERSION`, `uri` the registry's address. A prompt that is there already is replaced only with
    `force`, and kept beside the new one. Raises UserError when there is no such version, its format holds what topout has no place for, or it asks for
    fields that the task does not have; StoreError when the disk refuses.
    """
    folder = Path(task)
    if not (folder / "task.toml").is_file():
        raise UserError(f"{folder}: no task.toml there. Name the task folder whose baseline the prompt shall be.")
    settings = read_toml(folder / "task.toml", TaskFile)
    fields = settings.fields
    asked = SOURCE.fullmatch(source)
    if asked is None:
        raise UserError(f"--from {source}: not the address of a registered prompt. {EXAMPLE}")
    target, name, pointer = asked["target"], check_name(asked["name"], "--from"), asked["pointer"]
    if (asked["kind"] == "/") != pointer.isdigit():
        raise UserError(f"--from {source}: an alias follows an '@', the number of a version a '/'. {EXAMPLE}")
    connect = registry_target(target, "--from").connect
    with plug_in(target, "--from"):
        registry = connect(uri or "")
        found = registry.find(name, pointer)
        if found is None:
            raise UserError(f"--from {source}: {absent(registry, name, pointer)}")
        where = registry.address(name, pointer)
    prompt = checked_steps(found, folder, where) if settings.program is not None else recognised(checked(found, fields, where))
    files, warnings = prompt_files(prompt)
    genes = genes_text(prompt).encode()
    if genes or (folder / GENES_FILE).exists():
        files = {**files, GENES_FILE: genes}
    there = {file: data for file in files if (data := content(folder / file)) is not None}
    if not prompt.demos and "demos.jsonl" not in there:
        files = {file: data for file, data in files.items() if file != "demos.jsonl"}
    if "prompt.md" in there and held(there, files, prompt):
        return Imported(where, found.version, prompt, (), (), not dry_run, warnings)
    if there and not force:
        raise UserError(
            f"{folder / next(iter(there))}: the task has a prompt already, and nothing was written. With --force it is replaced, and kept beside the new one."
        )
    number = next(i for i in range(1, 10_000) if not any((folder / old(file, i)).exists() for file in there))
    kept = {old(file, number): data for file, data in there.items()}
    if not dry_run:
        write_batch(folder, {**kept, **files}, remedy="Make the task's folder writable.")
    written = tuple(folder / file for file in files)
    return Imported(where, found.version, prompt, written, tuple(folder / file for file in kept), not dry_run, warnings)


def absent(registry: Registry, name: str, pointer: str) -> str:
    """What is not there, and what is."""
    known = registry.versions(name, 5)
    if not known:
        return f"there is no prompt '{name}'. Check its name, and where the registry is (--uri)."
    kind = "version" if pointer.isdigit() else "alias"
    return f"'{name}' has no {kind} '{pointer}'. Its newest versions: {', '.join(one.version for one in known)}."


def checked(found: Registered, fields: tuple[str, ...], where: str) -> Prompt:
    """The prompt, if it suits a task with these fields."""
    prompt = found.prompt
    if prompt is None:
        raise UserError(
            f"{where}: topout has no place for this prompt: {found.unread}. Register it as plain text or as a chat with {{{{field}}}}s."
        )
    suits(prompt, fields, where)
    return prompt


def checked_steps(found: Registered, folder: Path, where: str) -> Prompt:
    """The prompt, if it has the parts of the task's program."""
    ours = [c.name for c in load_task(folder).task.baseline.components]
    theirs = [c.name for c in found.prompt.components] if found.prompt is not None else []
    if found.prompt is None or theirs != ours:
        raise UserError(
            f"{where}: the task's program has the parts {', '.join(ours)}, and this prompt has {', '.join(theirs) or 'none that can be read'}. "
            "Import one that was exported to a folder (--to registry), whole."
        )
    return found.prompt


def suits(prompt: Prompt, fields: tuple[str, ...], where: str) -> None:
    """Raises UserError when the prompt asks for fields that a task of these does not have, or never shows the example."""
    for component in prompt.components:
        for name in placeholders(component.text):
            if name not in fields:
                raise UserError(
                    f"{where}: the prompt asks for {{{{{name}}}}}, which is no field of the task.{did_you_mean(name, fields)} Rename the field in "
                    "task.toml and in the data, or the placeholder in the registry."
                )
    needed = {name for c in prompt.components if c.role == "user" for name in placeholders(c.text)}
    if not needed:
        raise UserError(
            f"{where}: no {{{{field}}}} in a user part, so a model would never see the example. Register one with {{{{{fields[0]}}}}} in it."
        )
    for demo in prompt.demos:
        for name in sorted((needed - demo.inputs.keys()) | (demo.inputs.keys() - set(fields))):
            raise UserError(
                f"{where}: its demos do not have the task's fields ('{name}'). Register the prompt without demos, or mend them."
            )


def held(there: dict[str, bytes], files: dict[str, bytes], prompt: Prompt) -> bool:
    """Whether the folder holds this prompt already, whatever its file looks like."""
    if all(there.get(file) == data for file, data in files.items()):
        return True
    try:
        before = files_prompt(there)
    except UserError:
        return False
    asked = there.get(GENES_FILE, b"") == files.get(GENES_FILE, b"")
    return (
        asked
        and alike(before, replace(prompt, reasoning="direct"))
        and [c.frozen for c in before.components] == [c.frozen for c in prompt.components]
    )


def old(file: str, number: int) -> str:
    """prompt.md -> prompt.old.md, prompt.old-2.md, ..."""
    stem, _, suffix = file.partition(".")
    return f"{stem}.old{'' if number == 1 else f'-{number}'}.{suffix}"
