"""In which form the prompt wants its answer: as its worked examples write it, else as its instruction says."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

from topout.models.embedded.marks import SECTION, bare_value, sections
from topout.models.embedded.shapes import Shot, Style

__all__ = ["TALK", "json_object", "label_style", "output_keys", "output_value", "schema_of", "wants"]

TALK: Final = frozenset({"reasoning", "rationale", "explanation", "thought", "thoughts", "reason", "chain_of_thought", "analysis"})

_JSON_KEYS: Final = re.compile(r"[\"']([A-Za-z_][\w -]{0,40})[\"']\s*:")
_TEMPLATE: Final = re.compile(r"\{[^{}]*?[\"'][A-Za-z_][\w -]*[\"']\s*:[^{}]*(?:\{[^{}]*\}[^{}]*)*\}", re.S)
_KEY: Final = re.compile(
    r"json[^.\n]{0,60}?(?:key|field|property|attribute)s?\b[^\n\"'`]{0,30}[\"'`](\w+)[\"'`]"
    r"|json[^.\n]{0,40}?[\"'`](\w+)[\"'`]\s+(?:key|field|property)",
    re.I,
)
_HOLE: Final = re.compile(r"^[ \t>*-]*(?P<before>[A-Za-z][\w ]{0,24}:[ \t]*)[<\[{(]+[\w |/-]+[>\]})]+(?P<after>[ \t]*)\.?$", re.M)
_INLINE_HOLE: Final = re.compile(r"[\"'`](?P<before>[A-Z][\w ]{0,24}:[ \t]*)[<\[{(]*[\w |/-]+[>\]})]*[\"'`]")
_TAGGED: Final = re.compile(
    r"<(?P<tag>answer|label|category|intent|output|class|result|final)>(?P<hole>[^<\n]{0,40})</(?P=tag)>", re.I
)
_TAG_ONLY: Final = re.compile(
    r"(?:inside|within|in|between|using) <(?P<tag>\w+)>(?:\s*(?:and|\.\.\.|…)?\s*</(?P=tag)>)? ?(?:tags?)?", re.I
)
_BARE: Final = re.compile(
    r"\b(?:only|exactly|just|nothing else|no other (?:text|words)|without (?:any )?(?:explanation|other)|single (?:word|label)|verbatim|bare|alone|"
    r"no (?:explanation|punctuation|extra))\b",
    re.I,
)
_ABOUT_ANSWER: Final = re.compile(
    r"\b(?:answer|reply|respond|return|output|write|give|print|say|name|label|category|intent|class|option)\w*\b", re.I
)
_PY_FIELDS: Final = re.compile(r"^\d+\.\s+`(?P<name>\w+)`\s*\((?P<type>[^\n]*?)\):[ \t]*(?P<description>[^\n]*)", re.M)


def json_object(text: str) -> Mapping[str, object] | None:
    """The JSON object that a text is (fences around it allowed), or None."""
    text = text.strip()
    if text.startswith("```"):
        text = re.sub(r"^```\w*\s*|\s*```$", "", text)
    if not text.startswith("{"):
        return None
    try:
        value = json.loads(text)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def schema_of(response_format: object) -> Mapping[str, object]:
    """The JSON schema inside a `response_format` of either shape, or an empty one."""
    if not isinstance(response_format, Mapping):
        return {}
    inner = response_format.get("json_schema", response_format)
    schema = inner.get("schema", inner) if isinstance(inner, Mapping) else {}
    return schema if isinstance(schema, Mapping) and isinstance(schema.get("properties"), Mapping) else {}


def wants(response_format: object) -> bool:
    """Whether the request forces JSON."""
    return isinstance(response_format, Mapping) and response_format.get("type") in ("json_object", "json_schema")


def marked_fields(instruction: str) -> list[tuple[str, str, str]]:
    """Output fields of a DSPy prompt: name, Python type and description; empty for other prompts."""
    at = instruction.find("Your output fields are:")
    if at < 0:
        return []
    end = instruction.find("All interactions will be structured", at)
    return [
        (m["name"], m["type"], m["description"].strip()) for m in _PY_FIELDS.finditer(instruction[at : end if end > 0 else None])
    ]


def output_keys(instruction: str, shots: Sequence[Shot], schema: Mapping[str, object]) -> list[str]:
    """The keys of the wanted JSON object in order: schema, DSPy fields, worked examples, a template in the text, a named key."""
    properties = schema.get("properties")
    if isinstance(properties, Mapping):
        return [str(key) for key in properties]
    marked = marked_fields(instruction)
    if marked:
        return [name for name, _, _ in marked]
    for shot in shots:
        found = json_object(shot.output)
        if found:
            return [str(key) for key in found]
    for template in _TEMPLATE.finditer(instruction):
        keys = list(dict.fromkeys(_JSON_KEYS.findall(template[0])))
        if keys:
            return keys
    named = _KEY.search(instruction)
    return [named[1] or named[2]] if named else []


def output_value(output: str) -> str:
    """What a worked example answers, without the JSON, markers, tags or `Answer:` around it; '' for an object of several values."""
    found: Mapping[str, object] | None = json_object(output) or (sections(output) if SECTION.search(output) else None)
    if found is not None:
        values = [v for k, v in found.items() if k.lower() not in TALK]
        return str(values[0]) if len(values) == 1 and isinstance(values[0], str) else ""
    tagged = re.fullmatch(r"<(\w+)>\s*(.*?)\s*</\1>", output.strip(), re.S)
    if tagged:
        return tagged[2]
    last = output.strip().rsplit("\n", 1)[-1]
    led = re.fullmatch(r"(?:\**[A-Za-z][\w ]{0,24}\**:\**)\s+(\S.*)", last)
    return bare_value(led[1] if led else output)


def label_style(instruction: str, shots: Sequence[Shot], schema: Mapping[str, object], open_mark: bool, force_json: bool) -> Style:
    """How a single label is to be written."""
    keys = output_keys(instruction, shots, schema)
    talk = tuple(key for key in keys if key.lower() in TALK)
    if marked_fields(instruction):
        form = "json" if "Respond with a JSON object" in instruction else "sections"
        return Style("json" if form == "json" else "sections", keys=tuple(keys), talk=talk)
    if schema or force_json:
        return Style("json", keys=tuple(keys) or ("label",), talk=talk)
    templates: Counter[tuple[str, str]] = Counter()
    for shot in shots:
        value = output_value(shot.output)
        if json_object(shot.output):
            return Style("json", keys=tuple(keys), talk=talk)
        at = shot.output.rfind(value) if value else -1
        if at >= 0:
            templates[shot.output[:at], shot.output[at + len(value) :]] += 1
    if templates:
        (before, after), count = templates.most_common(1)[0]
        if 2 * count >= sum(templates.values()):
            return Style("around", before, after)
    if keys:
        return Style("json", keys=tuple(keys), talk=talk)
    return _told(instruction, open_mark)


def _told(instruction: str, open_mark: bool) -> Style:
    tagged = _TAGGED.search(instruction) or _TAG_ONLY.search(instruction)
    if tagged:
        return Style("around", f"<{tagged['tag']}>", f"</{tagged['tag']}>")
    hole = _HOLE.search(instruction) or _INLINE_HOLE.search(instruction)
    if hole and hole["before"].strip().lower().rstrip(":") not in ("input", "text", "question", "q", "query", "message"):
        before = hole["before"]
        return Style("around", before if before.endswith(" ") else before + " ")
    if open_mark:
        return Style("around")
    for line in re.split(r"(?<=[.!])\s+|\n", instruction):
        if _BARE.search(line) and _ABOUT_ANSWER.search(line):
            return Style("around")
    if re.search(r"\bjson\b", instruction, re.I):
        return Style("json", keys=("label",))
    return Style("around", "This looks like ", " to me.")
