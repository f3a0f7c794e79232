"""Answers that are a JSON object: valid against a schema, right field by field."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, Literal

from topout.contracts import Scorer
from topout.domain import Example, Json, Score, Scored
from topout.errors import ScorerError
from topout.scoring.answers import capped, shown
from topout.scoring.numbers import close

__all__ = ["Credit", "Kind", "json_check", "json_fields"]

Kind = Literal["exact", "casefold", "number"]
Credit = Literal["fields", "all"]

OPENING = re.compile(r"(?:`{3,}+|~{3,}+)[ \t]*+\w*+[ \t]*+\n")
TEXT = re.compile(r'"(?:[^"\\]|\\.)*"')
DEEPEST = 64


def json_fields(
    *,
    schema: Mapping[str, Json] | None = None,
    kinds: Mapping[str, Kind] | None = None,
    credit: Credit = "fields",
    fences: bool = True,
    tolerance: float = 0.0,
) -> Scorer:
    """Compares an object with the expected object, key by key.

    `kinds` says how a field is compared: `exact` (JSON equality, white space around a text aside), `casefold` (texts, case aside), `number`
    (within `tolerance`); by default numbers as `number`, the rest `exact`. `credit` "fields" gives the share of right fields; a key
    that nobody asked for counts as a wrong field, and so does a field whose value breaks the schema. "all" gives 1 when
    every field is right and the answer is valid, else 0. `fences` accepts an answer that is one fenced block.
    `parts` holds 0 or 1 by field, and under "schema" whether the answer was valid. Raises ValueError for a bad schema.
    """
    broken = checker(schema)
    kind_of = dict(kinds or {})

    def score(answer: str, example: Example) -> Score:
        expected = example.expected if isinstance(example.expected, dict) else {}
        parts = dict.fromkeys([*expected, *(["schema"] if broken else [])], 0.0)
        gold = json.dumps(expected, ensure_ascii=False)
        try:
            got = read_json(capped(answer), fences)
        except ValueError as error:
            return Scored(0.0, f"expected {gold}, but the answer is not JSON: {error}", parts)
        if not isinstance(got, dict):
            return Scored(0.0, f"expected {gold}, but the answer is no JSON object: {shown(got)}", parts)
        faults = broken(got) if broken else {}
        if broken:
            parts["schema"] = float(not faults)
        notes: list[str] = []
        for name, wanted in expected.items():
            right = name in got and name not in faults and agrees(got[name], wanted, kind_of.get(name), tolerance)
            parts[name] = float(right)
            if not right:
                fault = f" ({faults[name]})" if name in faults and name in got else ""
                notes.append(
                    f"field {name}: expected {as_json(wanted)}, got {as_json(got[name]) if name in got else 'none'}{fault}"
                )
        extra = [name for name in got if name not in expected]
        notes += [f"field {shown(name, 40)}: not asked for" for name in extra]
        if "" in faults:
            notes.append(f"schema: {faults['']}")
        right_fields = sum(parts[name] for name in expected)
        value = right_fields / (len(expected) + len(extra)) if expected or extra else 1.0
        if credit == "all":
            value = float(value == 1.0 and not faults)
        return Scored(value, "; ".join(notes), parts)

    return score


def json_check(schema: Mapping[str, Json] | None) -> Callable[[Json], str]:
    """A function that says why a row's expected value cannot be answered ('' when it can): no object, or it breaks the task's own schema."""
    broken = checker(schema)

    def problem(expected: Json) -> str:
        if not isinstance(expected, dict):
            return f"expected a JSON object, found {shown(expected)}."
        for name, fault in (broken(expected) if broken else {}).items():
            return f"the expected object breaks the schema: {f'field {name}: ' if name else ''}{fault}."
        return ""

    return problem


def checker(schema: Mapping[str, Json] | None) -> Callable[[dict[str, Json]], dict[str, str]] | None:
    """A function object -> what breaks the schema, by field ('' for the object as a whole). What the schema refers to has to be in it: a task folder may be
    anybody's, and decides no address that is called. The function raises ScorerError for a reference that leads elsewhere."""
    if schema is None:
        return None
    from jsonschema import SchemaError
    from jsonschema.validators import validator_for
    from referencing.exceptions import Unresolvable
    from referencing.jsonschema import EMPTY_REGISTRY

    kind = validator_for(schema)
    try:
        kind.check_schema(dict(schema))
    except SchemaError as error:
        raise ValueError(f"no valid JSON Schema: {shown(error.message)}") from None
    validator: Any = kind(dict(schema), registry=EMPTY_REGISTRY)

    def broken(value: dict[str, Json]) -> dict[str, str]:
        try:
            return {str(error.path[0]) if error.path else "": shown(error.message, 120) for error in validator.iter_errors(value)}
        except Unresolvable as error:
            raise ScorerError(
                f"scorer 'json': the schema refers to '{shown(error.ref)}', which is not in it, and nothing is fetched. Put it under $defs."
            ) from None
        except RecursionError:
            return {"": "nested too deeply to be checked"}

    return broken


def agrees(got: Json, wanted: Json, kind: Kind | None, tolerance: float) -> bool:
    """Whether a field is right."""
    if kind == "number" or (kind is None and is_number(wanted)):
        if isinstance(got, int | float) and isinstance(wanted, int | float) and is_number(got) and is_number(wanted):
            return close(got, wanted, tolerance)
        return got is None and wanted is None
    if isinstance(got, str) and isinstance(wanted, str):
        got, wanted = got.strip(), wanted.strip()
        return got.casefold() == wanted.casefold() if kind == "casefold" else got == wanted
    return as_json(got, None) == as_json(wanted, None)


def is_number(value: Json) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def as_json(value: Json, limit: int | None = 120) -> str:
    """Canonical JSON: keys sorted, so that equal values give equal text, and true is not 1."""
    text = json.dumps(value, ensure_ascii=False, sort_keys=True)
    return text if limit is None or len(text) <= limit else text[: limit - 3] + "..."


def read_json(text: str, fences: bool) -> Json:
    """The value of an answer. Raises ValueError, in words, for anything that is not JSON and for values nested too deeply to compare."""
    if not text:
        raise ValueError("it is empty")
    inside = unfenced(text)
    if inside is not None:
        if not fences:
            raise ValueError("it stands in a fence, only the object was asked")
        text = inside
    if nesting(text) > DEEPEST:
        raise ValueError(f"it is nested more than {DEEPEST} deep")
    try:
        value: Json = json.loads(text, parse_constant=refuse)
    except json.JSONDecodeError as error:
        raise ValueError(f"{error.msg} at line {error.lineno} column {error.colno}: '{shown(text)}'") from None
    return value


def unfenced(text: str) -> str | None:
    """What stands in a fence that holds all of the text; None where there is none. In one pass: models that are held to JSON may write blanks by the thousand."""
    opening = OPENING.match(text)
    if opening is None or text[-1] not in "`~":
        return None
    inside = text[opening.end() :]
    body = inside.rstrip(text[-1])
    return body.rstrip(" \t").removesuffix("\n") if len(inside) - len(body) >= 3 else None


def refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON value")


def nesting(text: str) -> int:
    """How deep brackets nest at most; 0 where there are too few of them to matter."""
    if text.count("[") + text.count("{") <= DEEPEST:
        return 0
    depth = deepest = 0
    for character in TEXT.sub("", text):
        if character in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif character in "]}":
            depth -= 1
    return deepest
