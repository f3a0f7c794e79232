"""From scores to the text of an answer."""

from __future__ import annotations

import json
import math
import random
import zlib
from collections.abc import Sequence

from topout.models.embedded.candidates import Candidate, number_of
from topout.models.embedded.extraction import Extractor
from topout.models.embedded.ranking import Index
from topout.models.embedded.shapes import FieldSpec, Parsed, Style

__all__ = ["CANNOT", "field_answer", "label_answer", "pick"]

CANNOT = "I can only choose among labels or fields that the prompt lists, and I found none in this one."
"""The whole answer of a reader that found no labels and no fields. Callers may look for its first words."""

_SPREAD = 0.05


def pick(scores: Sequence[float], temperature: float, rng: random.Random, salt: str) -> int:
    """The index of the best score; ties fall by a hash of `salt`. Above temperature 0 a draw from softmax(score / (0.05 temperature))."""
    if temperature <= 0:
        top = max(scores)
        ties = [i for i, score in enumerate(scores) if score >= top - 1e-12]
        return ties[zlib.crc32(salt.encode()) % len(ties)]
    top = max(scores)
    return rng.choices(range(len(scores)), [math.exp((score - top) / (_SPREAD * temperature)) for score in scores])[0]


def _written(style: Style, values: dict[str, object]) -> str:
    if style.form == "json":
        return json.dumps(values, ensure_ascii=False)
    if style.form == "sections":
        return "\n\n".join([*(f"[[ ## {k} ## ]]\n{_plain(v)}" for k, v in values.items()), "[[ ## completed ## ]]"])
    return "\n".join(f"{key}: {_plain(value)}" for key, value in values.items())


def _plain(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def label_answer(parsed: Parsed, index: Index, question: str, temperature: float, rng: random.Random, salt: str) -> str:
    """The best label for the question in the form that the prompt asks for, or `CANNOT`."""
    if not index.names:
        return CANNOT
    name = index.names[pick(index.scores(question), temperature, rng, salt)]
    style = parsed.style
    if style.form == "around":
        return f"{style.before}{name}{style.after}"
    keys = style.keys or ("label",)
    target = next((key for key in keys if key not in style.talk), keys[-1])
    return _written(
        style, {k: name if k == target else "Closest to what the prompt says about it." if k in style.talk else None for k in keys}
    )


def field_answer(parsed: Parsed, extractor: Extractor, question: str) -> str:
    """The fields found in the question, in the form that the prompt asks for."""
    style = parsed.style
    found = extractor.extract(question)
    values = {field.name: _value(field, one.candidate, style) for field, one in zip(extractor.fields, found, strict=True)}
    ordered: dict[str, object] = {}
    for key in style.keys:
        ordered[key] = "Read from the text." if key in style.talk else values.pop(key, None)
    return _written(style, {**ordered, **values})


def _value(field: FieldSpec, one: Candidate | None, style: Style) -> object:
    if one is None:
        return None if style.nulls else ""
    if field.kind == "date":
        return one.value if style.iso_dates else one.written
    if field.kind == "number":
        number = number_of(one.written) if style.numbers else None
        return (
            one.written
            if number is None
            else int(number)
            if number.is_integer() and "." not in one.value.rstrip("0").rstrip(".")
            else number
        )
    if field.kind == "flag":
        return one.value == "true"
    return one.value
