"""A prompt registry that is a directory, for git:

    prompts/support-tickets/
      versions/1/prompt.md, demos.jsonl, provenance.json, scores.json
      aliases/production            the number of a version

Versions are numbered from 1 and never change; an alias is a file with a number. scores.json holds the held-out score of each row under a hash of
its id, so that a later prompt can be compared on the same rows without the run that measured this one.
"""

from __future__ import annotations

import json
import math
from pathlib import Path

from topout.contracts import Exported, Offer
from topout.domain import Estimate, Json
from topout.errors import UserError
from topout.exporters.comparing import Comparison, Recorded, compare, row_name
from topout.exporters.provenance import as_json, content, provenance_document
from topout.exporters.text_file import prompt_files

__all__ = ["registry"]


def registry(offer: Offer, folder: Path) -> Exported:
    """A new version (none when a version holds the same prompt and demos), and the alias on it when one was asked for.

    Raises UserError when the alias points at a version that this prompt is not shown to be better than, unless the offer forces it.
    """
    home = folder / offer.name
    texts, warnings = prompt_files(offer.prompt)
    numbers = versions(home)
    same = next((n for n in reversed(numbers) if holds(home / "versions" / str(n), texts)), None)
    version = same if same is not None else max(numbers, default=0) + 1
    fresh = "" if same is not None else f"{offer.name}/versions/{version}"
    files: dict[str, bytes] = {}
    if fresh:
        known = {**texts, "provenance.json": as_json(provenance_document(offer)), "scores.json": scores(offer)}
        files = {f"{fresh}/{name}": data for name, data in known.items()}
    note = f"{offer.name} version {version}" + (
        " (new)." if fresh else ": the same prompt is there already, so no new version was made."
    )
    if offer.alias:
        current = alias_target(home, offer.alias, offer.force)
        note += f" {decision(offer, home, current, version)}"
        if current != version:
            files[f"{offer.name}/aliases/{offer.alias}"] = f"{version}\n".encode()
    return Exported(files, note, warnings, fresh, version)


def decision(offer: Offer, home: Path, current: int | None, version: int) -> str:
    """Why the alias may point at that version and no longer at the current one, in a sentence. Raises UserError when it may not."""
    if current is None:
        return f"'{offer.alias}' points at it, and at nothing before."
    if current == version:
        return f"'{offer.alias}' points at it already."
    if offer.force:
        found = forced(offer, home, current)
        return f"'{offer.alias}' was version {current}: {found.reason}{'' if found.better else '; moved because of --force'}."
    found = compare(offer, recorded(home, current))
    if found.better:
        return f"'{offer.alias}' moved from version {current}: {found.reason}."
    raise UserError(
        f"{home / 'aliases' / offer.alias}: not shown to be better than what '{offer.alias}' points at: {found.reason}. Nothing was written. "
        "Without --alias it becomes a version that nothing points at; --force moves the alias all the same."
    )


def forced(offer: Offer, home: Path, current: int) -> Comparison:
    """The comparison; a version that cannot be read does not stand in the way."""
    try:
        return compare(offer, recorded(home, current))
    except UserError:
        return Comparison(False, f"version {current} cannot be read")


def versions(home: Path) -> list[int]:
    """The numbers that are taken, in order."""
    try:
        return sorted(int(p.name) for p in (home / "versions").iterdir() if p.name.isascii() and p.name.isdigit())
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise UserError(f"{home}: cannot be read: {error.strerror or error}. Choose another folder with --out.") from error


def holds(version: Path, texts: dict[str, bytes]) -> bool:
    """Whether a version is this prompt. Git may have changed line ends."""
    return all((content(version / name) or b"").replace(b"\r\n", b"\n") == data for name, data in texts.items())


def alias_target(home: Path, alias: str, force: bool) -> int | None:
    """The version that an alias points at, None without such an alias. Raises UserError for what is no number, unless forced."""
    path = home / "aliases" / alias
    data = content(path)
    if data is None:
        return None
    text = data.decode("utf-8", "replace").strip()
    if text.isascii() and text.isdigit():
        return int(text)
    if force:
        return None
    raise UserError(f"{path}: found '{text[:40]}', expected the number of a version. Restore the file, or --force.")


def scores(offer: Offer) -> bytes:
    """The held-out rows' scores under hashed ids."""
    rows: dict[str, Json] = {
        row_name(offer.provenance.holdout_fingerprint, example): score for example, score in offer.scores.items()
    }
    return as_json({"schema": 1, "rows": {name: rows[name] for name in sorted(rows)}})


def recorded(home: Path, version: int) -> Recorded:
    """What is known of a version. Raises UserError when its provenance is not there or not readable; scores may be missing."""
    folder = home / "versions" / str(version)
    document = read(folder / "provenance.json")
    holdout = document.get("holdout")
    this = holdout.get("this") if isinstance(holdout, dict) else None
    if not isinstance(this, dict):
        raise UserError(f"{folder / 'provenance.json'}: no held-out score in it. Restore the file, or --force.")
    rows = read(folder / "scores.json").get("rows") if (folder / "scores.json").is_file() else None
    found = {name: float(v) for name, v in rows.items() if isinstance(v, int | float)} if isinstance(rows, dict) else {}
    n = this.get("n")
    score = Estimate(
        figure(this.get("mean"), math.nan),
        figure(this.get("low"), 0.0),
        figure(this.get("high"), 1.0),
        n if isinstance(n, int) else 0,
    )
    return Recorded(version, str(document.get("holdout_fingerprint", "")), str(document.get("model")), score, found)


def read(path: Path) -> dict[str, Json]:
    """A JSON object of the registry."""
    data = content(path)
    try:
        document: Json = json.loads(data) if data is not None else None
    except ValueError:
        document = None
    if not isinstance(document, dict):
        found = "no such file" if data is None else "not a JSON object"
        raise UserError(f"{path}: {found}, so there is nothing to compare with. Restore it, or --force.")
    return document


def figure(value: Json, default: float) -> float:
    """A number of a document."""
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else default
