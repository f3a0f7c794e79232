"""promptfoo's configuration -> rows and a prompt: tests in the file or in files beside it, `defaultTest`, assertions that name a variable, prompts.

What would run code (`.py`, `.js` files, `exec:`) is never run: it is left out, and said.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path

from topout.domain import Component, Json, Message, Prompt
from topout.errors import UserError
from topout.intake.tables import KINDS, Sheet, Table, read_table
from topout.text.rendering import PLACEHOLDER
from topout.text.templates import from_chat

__all__ = ["first_prompt", "is_promptfoo", "promptfoo_sheet"]

FILE = "file://"


def is_promptfoo(document: Json) -> bool:
    """Whether a document is a promptfoo configuration."""
    return (
        isinstance(document, dict)
        and "tests" in document
        and ("prompts" in document or "providers" in document or "defaultTest" in document)
    )


def promptfoo_sheet(document: Mapping[str, Json], path: Path) -> Sheet:
    """The tests, each with the variables and assertions of `defaultTest`. Raises UserError when there are none, or they are in code."""
    tests, notes = tests_of(document["tests"], path)
    match document.get("defaultTest"):
        case dict() as default:
            shared, asserts = default.get("vars"), default.get("assert")
        case _:
            shared, asserts = None, None
    common = shared if isinstance(shared, dict) else {}
    rows: Table = []
    for test in tests:
        if "vars" not in test:
            rows.append({**common, **test})  # a row of a table
            continue
        own, mine = test.get("vars"), test.get("assert")
        row: dict[str, Json] = {**test, "vars": {**common, **(own if isinstance(own, dict) else {})}}
        row["assert"] = [*(mine if isinstance(mine, list) else []), *(asserts if isinstance(asserts, list) else [])]
        rows.append(row)
    if (
        isinstance(asserts, list)
        and any("vars" not in row for row in rows)
        and not any(k.startswith("__expected") for k in rows[0])
    ):
        rows = [row if "vars" in row else {"vars": dict(row), "assert": list(asserts)} for row in rows]
    return Sheet(rows, notes)


def tests_of(found: Json, path: Path) -> tuple[Table, tuple[str, ...]]:
    """The tests, whether they stand in the file or in a table beside it."""
    rows: Table = []
    notes: list[str] = []
    for one in found if isinstance(found, list) else [found]:
        match one:
            case dict():
                rows.append(one)
            case str():
                name = one.removeprefix(FILE)
                if Path(name).suffix.lower() not in KINDS:
                    notes.append(
                        f"tests in '{name}' left out: {'code is not run' if name.partition(':')[0].endswith(('.py', '.js', '.ts', '.mjs')) else 'not a file of rows'}"
                    )
                    continue
                sheet = read_table(beside(path, name))
                rows += sheet.rows
                notes += sheet.notes
            case _:
                pass
    if not rows:
        raise UserError(
            f"{path}: no tests that can be read{f' ({notes[0]})' if notes else ''}. Write them into the file, or into a CSV beside it."
        )
    return rows, tuple(notes)


def beside(path: Path, name: str) -> Path:
    """A file that a configuration names. Raises UserError for one outside of its folder: a file from elsewhere should not pull in others of yours."""
    found = path.parent / name
    if not found.resolve().is_relative_to(path.parent.resolve()):
        raise UserError(f"{path}: names '{name}', outside of its own folder. Copy the file beside the configuration.")
    return found


def first_prompt(document: Mapping[str, Json], path: Path) -> tuple[Prompt | None, tuple[str, ...]]:
    """The first prompt that is plain text or chat messages with `{{variables}}`; None, with the reason, when none is."""
    found = document.get("prompts")
    prompts = found if isinstance(found, list) else [found] if found is not None else []
    notes = []
    for one in prompts:
        raw = one.get("raw", one.get("id", "")) if isinstance(one, dict) else one
        if not isinstance(raw, str) or not raw.strip():
            continue
        name = raw.removeprefix(FILE)
        if raw.startswith(FILE) or re.fullmatch(r"[\w./-]+\.(txt|md|json|py|js|ts|mjs|ya?ml|j2)", raw.strip()):
            if Path(name).suffix.lower() not in (".txt", ".md", ".json"):
                notes.append(f"prompt '{name}' left out: not plain text, and code is not run")
                continue
            file = beside(path, name)
            if not file.is_file():
                notes.append(f"prompt '{name}' left out: no such file")
                continue
            raw = file.read_text("utf-8-sig", "replace")
        prompt, reason = prompt_of(raw)
        if prompt is None:
            notes.append(f"a prompt left out: {reason}")
            continue
        if len(prompts) > 1:
            notes.append(f"of {len(prompts)} prompts, the first that can be read is the baseline")
        return prompt, tuple(notes)
    return None, tuple(notes)


def prompt_of(raw: str) -> tuple[Prompt | None, str]:
    """A prompt of a text, or of a JSON list of messages; None with the reason."""
    if "{%" in raw or re.search(r"\{\{[^{}]*\|[^{}]*\}\}", raw):
        return None, "it is a template with logic ({% ... %} or a filter)"
    if raw.lstrip().startswith("["):
        try:
            messages = [Message(one["role"], one["content"]) for one in json.loads(raw)]
            if all(m.role in ("system", "user", "assistant") and isinstance(m.content, str) for m in messages):
                return from_chat(messages), ""
        except (ValueError, TypeError, KeyError, RecursionError):
            pass
    if not PLACEHOLDER.search(raw):
        return None, "no {{variable}} in it"
    return Prompt((Component("user", "user", raw.strip()),)), ""
