"""The provenance file: what a prompt is worth and where it comes from, beside every export."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from pathlib import Path

from topout.contracts import Exported, Offer, Provenance
from topout.domain import Estimate, Gain, Json
from topout.errors import UserError

__all__ = ["EMBEDDED_NOTE", "as_json", "beside", "content", "encoded", "headline", "provenance_document"]

SCHEMA = 1
EMBEDDED_NOTE = "measured with the embedded reader, a program in this process: says nothing about LLMs"


def provenance_document(offer: Offer) -> dict[str, Json]:
    """The document: scores are fractions with interval, level and n; what is unknown is null."""
    p = offer.provenance
    return {
        "schema": SCHEMA,
        "name": offer.name,
        "run": p.run,
        "candidate": p.candidate,
        "task": p.task,
        "task_fingerprint": p.task_fingerprint,
        "holdout_fingerprint": p.holdout_fingerprint,
        "model": p.model,
        "critic": p.critic,
        **({"caution": EMBEDDED_NOTE} if p.model.startswith("embedded/") else {}),
        "scorer": p.scorer,
        "recipe": p.recipe,
        "fields": list(offer.fields),
        "holdout": {"baseline": estimate(p.baseline), "this": estimate(p.score), "paired_gain": gain(p.gain)},
        "verdict": {"ruling": p.verdict.ruling, "delta": p.verdict.delta, "sentence": p.verdict.sentence},
        "topout": p.topout,
    }


def estimate(e: Estimate) -> dict[str, Json]:
    known = e.n > 0 and math.isfinite(e.mean)
    mean, low, high = (e.mean, e.low, e.high) if known else (None, None, None)
    return {"mean": mean, "low": low, "high": high, "level": e.level, "n": e.n, "unscored": e.unscored}


def gain(g: Gain | None) -> dict[str, Json] | None:
    return None if g is None else {**estimate(g.estimate), "better": g.better, "worse": g.worse}


def as_json(document: Mapping[str, Json]) -> bytes:
    """A JSON file's bytes: one key a line, for people and for git."""
    return encoded(json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n")


def encoded(text: str) -> bytes:
    """UTF-8. Raises UserError for half a surrogate pair, which no file and no model takes."""
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise UserError(
            f"the prompt holds half a surrogate pair (\\u{ord(text[error.start]):04x}), which no file takes. "
            "Export another candidate with --candidate ID."
        ) from None


def beside(offer: Offer, folder: Path, stem: str, files: Mapping[str, bytes], note: str, warnings: tuple[str, ...]) -> Exported:
    """These files with `STEM.provenance.json`, which also holds their hashes.

    A file that is there and is no export of ours as it was written is not replaced: raises UserError, unless the offer forces it.
    """
    record = f"{stem}.provenance.json"
    known = hashes(folder / record)
    for name, data in files.items():
        there = content(folder / name)
        if there is not None and there != data and sha(there) != known.get(name) and not offer.force:
            what = "was edited since it was exported" if name in known else "was not written by an export"
            raise UserError(f"{folder / name}: {what}, and nothing was written. Choose another folder with --out, or --force.")
    written: dict[str, Json] = {name: sha(data) for name, data in files.items()}
    return Exported({**files, record: as_json({**provenance_document(offer), "files": written})}, note, warnings)


def content(path: Path) -> bytes | None:
    """What a file holds, None when there is none. Raises UserError when it cannot be read."""
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror or error}. Choose another folder with --out.") from error


def hashes(path: Path) -> dict[str, str]:
    """The hashes of an earlier export's files; none when it is not readable."""
    data = content(path)
    if data is None:
        return {}
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        return {}
    found = document.get("files") if isinstance(document, dict) else None
    return {str(name): str(value) for name, value in found.items()} if isinstance(found, dict) else {}


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def headline(p: Provenance) -> str:
    """Run, candidate and held-out score in one line."""
    if not p.score.n:
        return f"topout {p.topout}, run {p.run}, candidate {p.candidate}: not measured on held-out rows"
    e = p.score
    figures = f"{100 * e.mean:.1f} % [{100 * e.low:.1f}, {100 * e.high:.1f}], n = {e.n}"
    return f"topout {p.topout}, run {p.run}, candidate {p.candidate}: held-out score {figures} ({p.model})"
