"""The fields that a prompt asks for, with their kinds, and in which form it wants them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Final

from topout.models.embedded.features import words
from topout.models.embedded.listing import Block, blocks, lead_kind
from topout.models.embedded.marks import SECTION, sections
from topout.models.embedded.prose import phrases
from topout.models.embedded.shapes import FieldKind, FieldSpec, Shot, Style
from topout.models.embedded.styles import TALK, json_object, marked_fields, output_keys

__all__ = ["field_blocks", "field_specs", "field_style", "values_of"]

_DATE: Final = frozenset({"date", "day", "deadline", "when", "birthday", "dated"})
_NUMBER: Final = frozenset(
    {"total", "amount", "price", "sum", "cost", "quantity", "count", "fee", "tax", "balance", "age", "weight", "rate", "score"}
)
_ID: Final = frozenset(
    {"number", "id", "code", "reference", "ref", "no", "sku", "iban", "vat", "zip", "postcode", "phone", "serial"}
)
_ISO: Final = re.compile(r"\d{4}-\d{2}-\d{2}")
_OPTIONS: Final = re.compile(r"one of:?\s*([^\n.;]+)|\b((?:[A-Z]{3}(?:\s*[,/|]\s*|\s+or\s+)){1,8}[A-Z]{3})\b", re.I)
_PAIR: Final = re.compile(r"[\"'](?P<name>[A-Za-z_][\w -]*)[\"']\s*:\s*(?P<hole>\"[^\"\n]*\"|<[^>\n]*>|[^,}\n]+)")


def values_of(output: str) -> Mapping[str, object] | None:
    """The values that a worked example gives, by field: its JSON object or marked sections; None when it is neither."""
    found = json_object(output)
    if found is not None:
        return found
    marked = sections(output) if SECTION.search(output) else {}
    return {key: _loose(value) for key, value in marked.items()} or None


def _loose(value: str) -> object:
    if value in ("null", "None"):
        return None
    try:
        return float(value)
    except ValueError:
        return value


def field_blocks(text: str, keys: Sequence[str]) -> list[Block]:
    """The lists in a text whose entries are fields: named as keys, or led into as fields."""
    known = {key.lower() for key in keys}
    return [
        block
        for block in blocks(text)
        if any(item.name.lower() in known for item in block.items)
        or (not keys and lead_kind(block.lead) == "fields" and len(block.items) >= 2 and all(_is_name(i.name) for i in block.items))
    ]


def _is_name(name: str) -> bool:
    return bool(re.fullmatch(r"[A-Za-z]\w*", name))


def field_specs(text: str, shots: Sequence[Shot], schema: Mapping[str, object]) -> tuple[FieldSpec, ...]:
    """The fields to extract, empty when the prompt asks for one label instead: at least two keys, or one that is no list to choose from."""
    keys = [key for key in output_keys(text, shots, schema) if key.lower() not in TALK]
    lists = field_blocks(text, keys)
    if not keys:
        keys = list(dict.fromkeys(item.name for block in lists for item in block.items))
    if len(keys) < 2:
        return ()
    told: dict[str, list[str]] = {key: [] for key in keys}
    spelled = {key.lower(): key for key in keys}
    for block in lists:
        for item in block.items:
            if item.name.lower() in spelled:
                told[spelled[item.name.lower()]].append(item.definition)
    for match in _PAIR.finditer(text):
        if match["name"] in told:
            told[match["name"]].append(match["hole"].strip('"<> '))
    marked = {name: (kind, description) for name, kind, description in marked_fields(text)}
    given = [found for found in (values_of(shot.output) for shot in shots) if found]
    properties = schema.get("properties")
    found = []
    for key in keys:
        rule = properties.get(key) if isinstance(properties, Mapping) else None
        rule = rule if isinstance(rule, Mapping) else {}
        kind_word, said = marked.get(key, ("", ""))
        description = ". ".join(part for part in (*told[key], said, str(rule.get("description", ""))) if part)
        cues, anti = phrases(description)
        found.append(_spec(key, description, cues, anti, rule, kind_word, [one.get(key) for one in given]))
    return tuple(found)


def _spec(
    key: str,
    description: str,
    cues: tuple[str, ...],
    anti: tuple[str, ...],
    rule: Mapping[str, object],
    typed: str,
    seen: list[object],
) -> FieldSpec:
    listed = rule.get("enum")
    if isinstance(listed, list):
        options = tuple(str(one) for one in listed if one is not None)
    else:
        literal = re.search(r"Literal\[([^\]]+)\]", typed)
        match = literal or _OPTIONS.search(description)
        raw = next((group for group in match.groups() if group), "") if match else ""
        options = tuple(part.strip(" '\"`") for part in re.split(r",|/|\||\bor\b", raw) if part.strip(" '\"`"))
        options = options if literal or (len(options) > 1 and all(len(o.split()) <= 2 for o in options)) else ()
    return FieldSpec(
        key, _kind(key, description, rule, typed, [v for v in seen if v is not None], options), description, cues, anti, options
    )


def _kind(
    key: str, description: str, rule: Mapping[str, object], typed: str, seen: Sequence[object], options: tuple[str, ...]
) -> FieldKind:
    if seen:
        if all(isinstance(value, bool) for value in seen):
            return "flag"
        if all(isinstance(value, int | float) for value in seen):
            return "number"
        texts = [str(value) for value in seen]
        if all(_ISO.fullmatch(text) for text in texts):
            return "date"
        if all(re.fullmatch(r"[A-Z]{3}", text) for text in texts):
            return "currency"
        if all("@" in text for text in texts):
            return "email"
    kinds = {str(rule.get("type")), *(map(str, rule["type"]) if isinstance(rule.get("type"), list) else ())}  # type: ignore[call-overload]
    if options:
        return "option"
    if kinds & {"number", "integer"} or re.search(r"\b(?:float|int)\b", typed):
        return "number"
    if kinds & {"boolean"} or re.search(r"\bbool\b", typed):
        return "flag"
    if rule.get("format") == "date" or re.search(r"YYYY|\bdate\b", typed):
        return "date"
    name = set(words(re.sub(r"(?<=[a-z])(?=[A-Z])", " ", key)))
    if name & _DATE or "yyyy" in description.lower():
        return "date"
    if "currency" in name:
        return "currency"
    if name & {"email", "mail"}:
        return "email"
    if name & _ID:
        return "id"
    if name & _NUMBER or re.match(r"\s*(?:a )?(?:number|float|integer|decimal)\b", description, re.I):
        return "number"
    if seen and all(any(c.isdigit() for c in str(v)) and " " not in str(v) for v in seen):
        return "id"
    return "text"


def field_style(text: str, shots: Sequence[Shot], schema: Mapping[str, object], forced: bool, fields: Sequence[FieldSpec]) -> Style:
    """The form of an answer with several fields. JSON when the prompt, its examples or the request say so, else one line a field.

    Normal forms are asked for by the words (YYYY-MM-DD, ISO; number; null), the schema, or the examples.
    """
    keys = tuple(output_keys(text, shots, schema)) or tuple(field.name for field in fields)
    talk = tuple(key for key in keys if key.lower() in TALK)
    shown = [found for found in (values_of(shot.output) for shot in shots) if found]
    values = [value for one in shown for value in one.values()]
    typed = " ".join(kind for _, kind, _ in marked_fields(text))
    rules = json.dumps(schema)
    iso = bool(re.search(r"YYYY-MM-DD|ISO[ -]?(?:8601|date|format)", text, re.I)) or '"date"' in rules
    numbers = bool(
        re.search(r"\b(?:as|a|plain|json|decimal) numbers?\b|\bnumber\b(?: with|\)|,|;|$)|: number|\bfloat\b", text, re.I | re.M)
    )
    if marked_fields(text):
        form = "json" if "Respond with a JSON object" in text else "sections"
    else:
        form = "json" if forced or schema or shown or re.search(r"\bjson\b", text, re.I) or "{" in text else "lines"
    return Style(
        "json" if form == "json" else "sections" if form == "sections" else "lines",
        keys=keys,
        talk=talk,
        iso_dates=iso or any(isinstance(v, str) and _ISO.fullmatch(v) for v in values),
        numbers=numbers
        or '"number"' in rules
        or '"integer"' in rules
        or "float" in typed
        or any(isinstance(v, float | int) for v in values),
        nulls=bool(re.search(r"\b(?:null|none)\b", text, re.I)) or '"null"' in rules or any(v is None for v in values),
    )
