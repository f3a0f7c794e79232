"""Hashes of content: equal content, equal hash, on every machine and in every process."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence

from topout.domain import Prompt
from topout.text.genes import switched

__all__ = ["Hashable", "digest", "prompt_id"]

Hashable = None | bool | int | float | str | Sequence["Hashable"] | Mapping[str, "Hashable"]


def digest(value: Hashable) -> str:
    """64 hex digits of SHA-256 over canonical JSON: keys sorted, no white space, ASCII only. Raises ValueError for nan and infinities."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def prompt_id(prompt: Prompt) -> str:
    """12 hex digits that name a prompt's content, genes that are switched on included. Where a demo came from is not content: equal demos, equal prompt."""
    return digest(
        {
            "components": [[c.name, c.role, c.text, c.frozen] for c in prompt.components],
            "demos": [[dict(d.inputs), d.output, *([d.component] if d.component else [])] for d in prompt.demos],
            **switched(prompt),
        }
    )[:12]
