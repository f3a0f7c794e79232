"""The values that pass between reading, ranking, extraction and answering."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["FieldKind", "FieldSpec", "Label", "Parsed", "Shot", "Split", "Style"]

FieldKind = Literal["date", "number", "id", "currency", "option", "flag", "email", "text"]


@dataclass(frozen=True, slots=True)
class Shot:
    """A worked example found in the prompt: what went in and, as written there, what came out."""

    text: str
    output: str


@dataclass(frozen=True, slots=True)
class Split:
    """Messages taken apart. Everything but `query` is the prompt and the same for all calls of one candidate.

    `open_mark` is True when the prompt ends with an empty output marker ("Label:"), which asks for the bare answer.
    """

    instruction: str
    turns: tuple[tuple[str, str], ...]
    query: str
    open_mark: bool = False


@dataclass(frozen=True, slots=True)
class Label:
    """What the prompt says about one label. `cues` speak for it and `anti` against it (quoted phrases)."""

    name: str
    definition: str = ""
    cues: tuple[str, ...] = ()
    anti: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FieldSpec:
    """One field to extract, as the prompt describes it."""

    name: str
    kind: FieldKind = "text"
    description: str = ""
    cues: tuple[str, ...] = ()
    anti: tuple[str, ...] = ()
    options: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Style:
    """How the answer is to be written.

    `before` and `after` stand around the label. `keys` are the output fields in order (JSON or marked sections) with the
    reasoning ones in `talk`. `iso_dates`, `numbers` and `nulls` say whether the prompt asks for YYYY-MM-DD, for JSON numbers and
    for null where a value is absent: nothing is normalised that nobody asked for.
    """

    form: Literal["around", "json", "sections", "lines"] = "around"
    before: str = ""
    after: str = ""
    keys: tuple[str, ...] = ()
    talk: tuple[str, ...] = ()
    iso_dates: bool = False
    numbers: bool = False
    nulls: bool = False


@dataclass(frozen=True, slots=True)
class Parsed:
    """A prompt as the model understood it. `unused` are the sentences that it could make nothing of."""

    labels: tuple[Label, ...] = ()
    shots: tuple[Shot, ...] = ()
    answers: tuple[str, ...] = ()
    fields: tuple[FieldSpec, ...] = ()
    style: Style = Style()
    unused: tuple[str, ...] = ()
