"""The prompt as this model understands it: labels with what is said about them, worked examples, fields, the answer's form.

The parser is the model: a shape that it cannot read is knowledge that it does not have. Everything comes from the prompt.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from topout.models.embedded.fields import field_specs, field_style
from topout.models.embedded.listing import Block, blocks, enumeration, inline_names, is_coded, lead_kind
from topout.models.embedded.marks import inline_shots, tidy_query
from topout.models.embedded.prose import named_in_prose, phrases, sentences, speaks_of
from topout.models.embedded.shapes import Label, Parsed, Shot, Split
from topout.models.embedded.splitting import squeezed
from topout.models.embedded.styles import json_object, label_style, marked_fields, output_value, schema_of, wants

__all__ = ["all_shots", "label_blocks", "read"]

_LITERAL: Final = re.compile(r"Literal\[(?P<options>[^\]]+)\]")
_LEAD_MARK: Final = re.compile(r"^[ \t>#*-]*[A-Za-z][\w -]{0,30}:\**[ \t]*")


def all_shots(parts: Split) -> tuple[tuple[Shot, ...], str]:
    """The worked examples of chat turns and text, in order, and the instruction without them."""
    inline, rest = inline_shots(parts.instruction)
    turns = tuple(Shot(_asked(user, parts), assistant.strip()) for user, assistant in parts.turns)
    return (*inline, *turns), rest


def _asked(user: str, parts: Split) -> str:
    text = tidy_query(user)[0]
    same_mark = all(_LEAD_MARK.match(u) for u, _ in parts.turns)
    return tidy_query(_LEAD_MARK.sub("", text, count=1))[0] if same_mark and "\n" not in text.split(":")[0] else text


def label_blocks(text: str, known: Sequence[str], keys: Sequence[str] = ()) -> list[Block]:
    """The lists in a text whose entries are labels: led into as such, in code spelling, or known from worked examples.
    Lists of fields and lists of rules are none, unless most of their entries are labels by their spelling."""
    lower = {name.lower() for name in known}
    found = []
    for block in blocks(text):
        names = [item.name for item in block.items]
        coded = sum(1 for name in names if is_coded(name) or name.lower() in lower)
        kind = lead_kind(block.lead)
        if len(names) < 2 and not (names and names[0].lower() in lower):
            continue
        if keys and sum(1 for name in names if name in keys) * 2 > len(names):
            continue
        if kind == "fields" and not (lower and coded * 2 > len(names) and any(n.lower() in lower for n in names)):
            continue
        if 2 * coded > len(names) or (kind == "labels" and (block.kind != "plain" or len(names) >= 3)):
            found.append(block)
    return found


def read(parts: Split, response_format: object = None) -> Parsed:
    """Everything the prompt gives. Pure and slow (milliseconds): callers cache it."""
    schema = schema_of(response_format)
    turns = tuple((squeezed(asked), squeezed(reply)) for asked, reply in parts.turns)
    parts = replace(parts, instruction=squeezed(parts.instruction), turns=turns)
    shots, text = all_shots(parts)
    fields = field_specs(text, shots, schema)
    if fields:
        style = field_style(text, shots, schema, wants(response_format), fields)
        return Parsed((), shots, (), fields, style, ())
    marked = marked_fields(text)
    if marked:
        at = re.search(r"your objective is:\s*", text, re.I)
        literal = _LITERAL.search(" ".join(kind for _, kind, _ in marked))
        text_of_task = "\n".join(line.strip() for line in text[at.end() :].split("\n")) if at else text
        told = [part.strip("'\" ") for part in literal["options"].split(",")] if literal else []
    else:
        text_of_task, told = text, _enum(schema)
    answers = tuple(output_value(shot.output) for shot in shots)
    labels, unused = _labels(text_of_task, told, answers)
    style = label_style(text if marked else text_of_task, shots, schema, parts.open_mark, wants(response_format))
    return Parsed(labels, shots, answers, (), style, unused)


def _enum(schema: Mapping[str, object]) -> list[str]:
    properties = schema.get("properties")
    if isinstance(properties, Mapping):
        for value in properties.values():
            if isinstance(value, Mapping) and isinstance(value.get("enum"), list):
                return [str(one) for one in value["enum"]]
    return []


def _short(answers: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(a for a in answers if a and len(a.split()) <= 6 and "\n" not in a and json_object(a) is None))


def _labels(text: str, told: Sequence[str], answers: Sequence[str]) -> tuple[tuple[Label, ...], tuple[str, ...]]:
    seen = _short(answers)
    lists = label_blocks(text, [*told, *seen])
    names: dict[str, str] = {}

    def take(found: Sequence[str]) -> None:
        for name in found:
            names.setdefault(name.lower(), name)

    take(told)
    if not told:
        take([item.name for block in lists for item in block.items])
        if not names:
            take(inline_names(text, seen))
        if not names or lists == []:
            take(named_in_prose(text))
    take(seen if not told else ())
    spelled = list(names.values())
    lines = text.split("\n")
    definitions: dict[str, list[str]] = {name: [] for name in spelled}
    used: set[int] = set()
    for block in lists:
        used.add(block.lead_line)
        for item in block.items:
            name = names.get(item.name.lower())
            if name is not None:
                definitions[name].append(item.definition)
                used.update(range(item.line, item.last + 1))
    rest = "\n".join(line for number, line in enumerate(lines) if number not in used)
    rules: dict[str, list[str]] = {name: [] for name in spelled}
    unused: list[str] = []
    listed, without = enumeration(rest, seen)
    for sentence in sentences(without if any(name.lower() in names for name in listed) else rest):
        about = speaks_of(sentence, spelled)
        if not about:
            unused.append(sentence)
        for name in about:
            (definitions if len(about) == 1 and not any(definitions[name]) else rules)[name].append(sentence)
    found = []
    for name in spelled:
        told_of, ruled = ". ".join(d for d in definitions[name] if d), rules[name]
        spoken = [phrases(part) for part in (told_of, *ruled)]
        found.append(
            Label(
                name,
                told_of,
                tuple(dict.fromkeys(p for cues, _ in spoken for p in cues if p.lower() not in names)),
                tuple(dict.fromkeys(p for _, anti in spoken for p in anti if p.lower() not in names)),
                tuple(ruled),
            )
        )
    return tuple(found), tuple(unused)
