"""A prompt registry that is a directory, for git:

    prompts/support-tickets/
      versions/1/prompt.md, demos.jsonl, provenance.json, scores.json
      aliases/production            the number of a version

Versions are numbered from 1 and never change; an alias is a file with a number. Each is put in place at once, so that a kill leaves a whole version
that nothing points at, and nothing else.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from topout.contracts import Carried, Offer, Registered
from topout.domain import Json
from topout.errors import UserError
from topout.exporters.provenance import as_json, content
from topout.exporters.text_file import files_prompt, prompt_files

__all__ = ["DirectoryRegistry"]

Write = Callable[[Path, Mapping[str, bytes], str], None]
"""Writes files below a folder, all or none; the subfolder that the third argument names is new and appears as a whole."""


class DirectoryRegistry:
    """A registry in `folder`, which may not be there yet."""

    def __init__(self, folder: Path, write: Write) -> None:
        self._folder = folder
        self._write = write

    def carries(self, offer: Offer) -> Carried:
        texts, warnings = prompt_files(offer.prompt)
        return Carried(files_prompt(texts), warnings)

    def find(self, name: str, pointer: str) -> Registered | None:
        if pointer.isascii() and pointer.isdigit():
            return self._version(name, int(pointer)) if int(pointer) in self._numbers(name) else None
        path = self._folder / name / "aliases" / pointer
        data = content(path)
        if data is None:
            return None
        text = data.decode("utf-8", "replace").strip()
        if not (text.isascii() and text.isdigit()):
            return Registered(
                text[:40], None, {}, f"{path}: found '{text[:40]}', expected the number of a version; restore the file"
            )
        return self._version(name, int(text))

    def versions(self, name: str, most: int) -> Sequence[Registered]:
        return [self._version(name, number) for number in self._numbers(name)[: -most - 1 : -1]]

    def publish(self, offer: Offer, record: Mapping[str, Json]) -> str:
        version = str(max(self._numbers(offer.name), default=0) + 1)
        fresh = f"{offer.name}/versions/{version}"
        texts, _ = prompt_files(offer.prompt)
        provenance = as_json({key: value for key, value in record.items() if key != "rows"})
        scores = as_json({"schema": 1, "rows": record.get("rows", {})})
        known = {**texts, "provenance.json": provenance, "scores.json": scores}
        self._write(self._folder, {f"{fresh}/{name}": data for name, data in known.items()}, fresh)
        return version

    def point(self, name: str, alias: str, version: str) -> None:
        self._write(self._folder, {f"{name}/aliases/{alias}": f"{version}\n".encode()}, "")

    def address(self, name: str, pointer: str) -> str:
        if pointer.isascii() and pointer.isdigit():
            return str(self._folder / name / "versions" / pointer)
        return str(self._folder / name / "aliases" / pointer)

    def _numbers(self, name: str) -> list[int]:
        """The numbers that are taken, in order."""
        home = self._folder / name
        try:
            return sorted(int(p.name) for p in (home / "versions").iterdir() if p.name.isascii() and p.name.isdigit())
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            raise UserError(f"{home}: cannot be read: {error.strerror or error}. Choose another folder with --out.") from error

    def _version(self, name: str, number: int) -> Registered:
        """A version as it stands there, whole or damaged."""
        folder = self._folder / name / "versions" / str(number)
        texts = {file: data for file in ("prompt.md", "demos.jsonl") if (data := content(folder / file)) is not None}
        provenance = read(folder / "provenance.json")
        record = {**provenance, "rows": read(folder / "scores.json").get("rows", {})} if provenance else {}
        unread = "" if provenance else f"{folder / 'provenance.json'}: not a JSON object"
        try:
            return Registered(str(number), files_prompt(texts), record, unread)
        except UserError as error:
            return Registered(str(number), None, record, f"{folder}: {str(error).rstrip('.')}")


def read(path: Path) -> dict[str, Json]:
    """A JSON object of the registry; empty when there is none."""
    data = content(path)
    try:
        document: Json = json.loads(data) if data is not None else None
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}
