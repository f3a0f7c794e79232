"""What rows mean: which values are inputs, which is the expected answer. The shapes that other tools write are recognised; a flat table goes by its heads."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

from topout.domain import Json
from topout.errors import UserError, did_you_mean
from topout.intake.nested import unfolded
from topout.intake.tables import IDS, Table

__all__ = ["EXPECTED", "Entry", "Reading", "Roles", "read_shape"]

EXPECTED = (
    "expected", "expected_output", "expected_answer", "answer", "label", "target", "category", "class", "gold", "ground_truth", "output", "completion",
    "response", "reference", "intent", "y", "kategorie", "antwort", "catégorie", "réponse", "categoría", "respuesta",
)  # fmt: skip
"""Heads that say "this is the answer", the plainest first."""
COUNTED = 10
"""From so many rows on, a column that counts them up by one is their number and nothing that a model should read."""
SAME = 20
"""From so many rows on, a column with one value in all of them is left out."""
GROUPS = ("group", "group_id", "conversation_id", "thread_id", "user_id", "customer_id")
SPLIT_HEADS = ("split", "subset", "fold", "partition")
ASSERTS = {
    "equals": "exact",
    "contains": "contains",
    "icontains": "contains",
    "contains-all": "contains",
    "regex": "regex",
}
"""promptfoo's assertions that hold the answer, and the scorer that judges alike. `is-json` holds a schema, and no answer."""
NAME = re.compile(r"[^\w.-]+")


@dataclass(frozen=True, slots=True)
class Roles:
    """What the user said of the columns; empty: to be found out."""

    inputs: tuple[str, ...] = ()
    expected: str = ""
    id: str = ""
    group: str = ""
    split: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """One row: text by field, the expected answer; id, group and split where the file tells them ('' where not)."""

    inputs: Mapping[str, str]
    expected: Json
    id: str = ""
    group: str = ""
    split: str = ""


@dataclass(frozen=True, slots=True)
class Reading:
    """How a file was read. `mapping` is told to the user: column -> what it became. `scorer` is what the file itself says about judging, `about` about the
    task ('' if nothing); `notes` what was left out."""

    shape: str
    entries: tuple[Entry, ...]
    fields: tuple[str, ...]
    mapping: tuple[tuple[str, str], ...]
    scorer: str = ""
    notes: tuple[str, ...] = field(default=())
    about: str = ""


def read_shape(rows: Table, roles: Roles) -> Reading:
    """The rows read. Ids that repeat are none, and that is said. Raises UserError when the expected answer cannot be told and was not named (`roles.expected`),
    and when the column that was named for the ids holds one twice."""
    reading = by_shape(rows, roles)
    if not any(entry.id for entry in reading.entries):
        return replace(reading, mapping=tuple((column, what) for column, what in reading.mapping if what != "id"))
    problem = repeated([(entry.id, [entry.inputs, entry.expected]) for entry in reading.entries])
    if not problem:
        return reading
    if roles.id:
        raise UserError(
            f"--id {roles.id}: {problem}. Name a column whose values differ, or leave --id out: rows are then named by their number."
        )
    return replace(
        reading,
        entries=tuple(replace(entry, id="") for entry in reading.entries),
        mapping=tuple((column, what) for column, what in reading.mapping if what != "id"),
        notes=(*reading.notes, f"ids left out: {problem}"),
    )


def repeated(rows: Sequence[tuple[str, object]]) -> str:
    """Why the first of each are no ids: `3 different rows have 'x'`; '' when they are. A row that repeats another as a whole may repeat its id."""
    counts = Counter(id_ for id_, _ in rows)
    if len(counts) < len(rows):
        counts = Counter(id_ for id_, _ in dict.fromkeys((id_, json.dumps(rest)) for id_, rest in rows))
    if nameless := sum(1 for id_, _ in rows if not id_):
        return f"{nameless:,} row{' has' if nameless == 1 else 's have'} none"
    twice = next((id_ for id_, count in counts.items() if count > 1), "")
    return f"{counts[twice]:,} different rows have '{twice}'" if twice else ""


def by_shape(rows: Table, roles: Roles) -> Reading:
    """The rows as the tool that wrote them means them; a flat table goes by its heads."""
    first = rows[0]
    if "vars" in first and isinstance(first["vars"], dict):
        return promptfoo_tests(rows)
    if any(name == "__expected" or re.fullmatch(r"__expected\d+", name) for name in first):
        return promptfoo_table(rows)
    if isinstance(first.get("inputs"), dict) and ("expectations" in first or "outputs" in first):
        return mlflow_rows(rows, roles)
    if "input" in first and "target" in first and not roles.expected:
        return inspect_rows(rows, roles)
    if "input" in first and "expectedOutput" in first:
        return langfuse_items(rows, roles)
    if not roles.expected and not roles.inputs and all(answered(row.get("messages")) for row in rows):
        return chat_rows(rows)
    return flat_rows(rows, roles)


def flat_rows(rows: Table, roles: Roles) -> Reading:
    """A table: one column is the answer, known ones are id, group and split, all others are inputs. Columns of objects are columns a key; those that count
    the rows, hold nothing or the same in each row are left out."""
    rows, ways = unfolded(rows, (*roles.inputs, roles.expected or named(list(rows[0]), EXPECTED)))
    heads = list(ways)
    roles = by_name(roles, {way: name for name, way in ways.items()})
    for name in (*roles.inputs, roles.expected, roles.id, roles.group, roles.split):
        if name and name not in heads:
            raise UserError(f"no column '{name}'.{did_you_mean(name, heads)}")
    expected = roles.expected or named(heads, EXPECTED)
    if not expected and len(heads) == 1 and any(isinstance(row.get("messages"), list) for row in rows):
        number, _ = next((i, row) for i, row in enumerate(rows, 1) if not answered(row.get("messages")))
        raise UserError(
            f"row {number}: its 'messages' do not end with an assistant's answer in text, which is what would be expected. Take such rows out, or add a column with"
            " the right answers."
        )
    if not expected and len(heads) == 1:
        raise UserError(
            f"one column, '{heads[0]}': a task needs an input and the answer that is expected to it. Add a column with the right answers."
        )
    if not expected:
        likely = likely_answer(rows, heads)
        guess = f" '{likely[0]}' looks like one ({likely[1]} different values in {len(rows):,} rows)." if likely else ""
        raise UserError(
            f"which column is the expected answer? Name it with --expected COLUMN. Columns: {', '.join(heads[:30])}.{guess}"
        )
    id_ = roles.id or named(heads, IDS)
    group = roles.group or named(heads, GROUPS)
    split = roles.split or named(heads, SPLIT_HEADS)
    no_id = id_ if id_ and not roles.id and repeated([(text(row.get(id_)), row) for row in rows]) else ""
    if no_id:
        id_ = ""
    if not roles.split and split and len({text(row.get(split)) for row in rows}) > 6:
        split = ""
    taken = {expected, id_, group, split}
    open_ = [name for name in heads if name not in taken]
    counters = [name for name in open_ if counts_up(rows, name)]
    if not id_ and counters and not roles.inputs and len(open_) > 1:
        id_ = counters[0]
        taken.add(id_)
    empty = [name for name in open_ if not any(text(row.get(name)).strip() for row in rows)]
    same = [name for name in open_ if name not in empty and len(rows) >= SAME and len({text(row.get(name)) for row in rows}) == 1]
    no_ids = [no_id] if no_id and no_id not in (*empty, *same) else []
    useful = tuple(name for name in open_ if name not in (*taken, *empty, *same, *counters, no_id))
    inputs = roles.inputs or useful or tuple(name for name in open_ if name not in (*taken, *empty))
    if not inputs:
        raise UserError(f"no column is left for the input beside '{expected}'. Name it with --input COLUMN.")
    names = fields_of(inputs)
    entries = [
        Entry(
            {names[column]: said(row.get(column)) for column in inputs},
            only_answer(row.get(expected)),
            text(row.get(id_)) if id_ else "",
            text(row.get(group)) if group else "",
            text(row.get(split)) if split else "",
        )
        for row in rows
    ]
    mapping = [(ways[column], f"input '{names[column]}'") for column in inputs] + [(ways[expected], "expected answer")]
    mapping += [(ways[column], what) for column, what in ((id_, "id"), (group, "group"), (split, "split")) if column]
    left = [name for name in open_ if name not in inputs and name not in taken]
    reasons = ((empty, "empty"), (same, "the same in every row"), (counters, "row numbers"), (no_ids, "ids that repeat"))
    notes = [
        f"left out, {why}: {', '.join(ways[name] for name in some[:20])}"
        for found, why in reasons
        if (some := [name for name in left if name in found])
    ]
    plain = [ways[name] for name in left if name not in (*empty, *same, *counters, no_id)]
    notes += [f"left out: {', '.join(plain[:20])}"] if plain else []
    return Reading("a table", tuple(entries), tuple(names.values()), tuple(mapping), notes=tuple(notes))


def by_name(roles: Roles, names: Mapping[str, str]) -> Roles:
    """What the user said of the columns, where a column of objects may be named by its way in the file (`input.text`)."""

    def name(said: str) -> str:
        return names.get(said, said)

    return Roles(tuple(map(name, roles.inputs)), name(roles.expected), name(roles.id), name(roles.group), name(roles.split))


def counts_up(rows: Table, head: str) -> bool:
    """Whether a column holds the rows' numbers: each one more than the one before."""
    cells = [row.get(head) for row in rows]
    values = [int(v) for v in cells if isinstance(v, int) or (isinstance(v, str) and re.fullmatch(r"\d{1,15}", v.strip()))]
    return len(values) == len(rows) >= COUNTED and all(b == a + 1 for a, b in pairwise(values))


def only_answer(value: Json) -> Json:
    """The answer in an object that holds it alone, under a name that says so (`{"label": "refund"}`); any other value as it is."""
    if (
        isinstance(value, dict)
        and len(value) == 1
        and (key := named(list(value), EXPECTED))
        and not isinstance(value[key], dict | list)
    ):
        return value[key]
    return value


def mlflow_rows(rows: Table, roles: Roles) -> Reading:
    """MLflow's evaluation datasets: `inputs`, and `expectations` (or recorded `outputs`)."""
    keys = list(dict.fromkeys(key for row in rows for key in mapping_of(row.get("expectations"))))
    chosen = roles.expected or named(keys, ("expected_response", *EXPECTED)) or (keys[0] if len(keys) == 1 else "")
    if keys and chosen not in keys:
        raise UserError(f"which of the expectations is the answer: {', '.join(keys[:20])}? Name it with --expected NAME.")
    inputs = tuple(dict.fromkeys(key for row in rows for key in mapping_of(row.get("inputs"))))
    names = fields_of(inputs)
    entries = [
        Entry(
            {names[key]: text(mapping_of(row.get("inputs")).get(key)) for key in inputs},
            mapping_of(row.get("expectations")).get(chosen) if chosen else row.get("outputs"),
            text(row.get("dataset_record_id")),
        )
        for row in rows
    ]
    mapping = [(f"inputs.{key}", f"input '{names[key]}'") for key in inputs]
    mapping.append((f"expectations.{chosen}" if chosen else "outputs", "expected answer"))
    return Reading("an MLflow dataset", tuple(entries), tuple(names.values()), tuple(mapping))


def langfuse_items(rows: Table, roles: Roles) -> Reading:
    """Langfuse's dataset items: `input` and `expectedOutput`, each a value or an object; metadata stays behind."""
    asked = any(isinstance(row.get("input"), dict) for row in rows)
    inputs = tuple(dict.fromkeys(key for row in rows for key in mapping_of(row.get("input")))) if asked else ("input",)
    keys = tuple(dict.fromkeys(key for row in rows for key in mapping_of(row.get("expectedOutput"))))
    chosen = roles.expected if roles.expected in keys else keys[0] if len(keys) == 1 else ""
    if roles.expected and roles.expected not in (*keys, "expectedOutput"):
        raise UserError(f"no '{roles.expected}' in the expected outputs.{did_you_mean(roles.expected, keys)}")
    names = fields_of(inputs)
    entries = []
    for row in rows:
        given, output = row.get("input"), row.get("expectedOutput")
        values = {names[key]: said(mapping_of(given).get(key)) for key in inputs} if asked else {names["input"]: said(given)}
        entries.append(Entry(values, mapping_of(output).get(chosen) if chosen else output, text(row.get("id"))))
    mapping = [(f"input.{key}" if asked else key, f"input '{names[key]}'") for key in inputs]
    mapping += [(f"expectedOutput.{chosen}" if chosen else "expectedOutput", "expected answer"), ("id", "id")]
    return Reading("a Langfuse dataset", tuple(entries), tuple(names.values()), tuple(mapping))


def inspect_rows(rows: Table, roles: Roles) -> Reading:
    """inspect_ai's samples: `input` (a text, or messages), `target`, perhaps `choices`; metadata stays behind. A list of targets means any of them."""
    choices = any(row.get("choices") for row in rows)
    entries = []
    for row in rows:
        inputs = {"input": said(row.get("input"))}
        if choices:
            options = row.get("choices")
            lines = [f"{chr(65 + i)}) {text(one)}" for i, one in enumerate(options)] if isinstance(options, list) else []
            inputs["choices"] = "\n".join(lines)
        entries.append(Entry(inputs, row.get("target"), text(row.get("id"))))
    mapping = [
        ("input", "input 'input'"),
        *([("choices", "input 'choices'")] if choices else []),
        ("target", "expected answer"),
        ("id", "id"),
    ]
    known = {"input", "target", "choices", "id"}
    left = sorted({name for row in rows for name in row} - known)
    return Reading(
        "inspect samples",
        tuple(entries),
        ("input", "choices") if choices else ("input",),
        tuple(mapping),
        "exact" if any(isinstance(row.get("target"), list) for row in rows) else "",
        notes=(f"left out: {', '.join(left[:20])}",) if left else (),
    )


def answered(messages: Json) -> bool:
    """Whether a value is a chat that ends with the assistant's answer."""
    if not isinstance(messages, list) or len(messages) < 2:
        return False
    chat = [one for one in messages if isinstance(one, dict) and spoken(one) is not None]
    return len(chat) == len(messages) and chat[-1].get("role") == "assistant"


def spoken(message: Mapping[str, Json]) -> str | None:
    """The text of a message, also one in parts (`[{"type": "text", "text": ...}]`); None for a picture, a call of a tool, or nothing."""
    content = message.get("content")
    if not isinstance(content, list):
        return content if isinstance(content, str) else None
    parts = [
        one["text"] for one in content if isinstance(one, dict) and one.get("type") == "text" and isinstance(one.get("text"), str)
    ]
    return "\n".join(map(text, parts)) if parts and len(parts) == len(content) else None


def chat_rows(rows: Table) -> Reading:
    """Chats as trainers take them: the last message is the answer, those before it the input; a system message that is the same in all of them is about the
    task, and no input."""
    chats: list[list[dict[str, Json]]] = [
        [{**one, "content": spoken(one)} for one in listing(row.get("messages")) if isinstance(one, dict)] for row in rows
    ]
    systems = {text(one["content"]) for chat in chats for one in chat if one.get("role") == "system"}
    about = systems.pop() if len(systems) == 1 and all(chat[0].get("role") == "system" for chat in chats) else ""
    id_ = named(list(rows[0]), IDS)
    entries = [
        Entry({"input": said(listing(list(chat[1 if about else 0 : -1])))}, chat[-1]["content"], text(row.get(id_)) if id_ else "")
        for row, chat in zip(rows, chats, strict=True)
    ]
    mapping = [("messages", "input 'input'; the last one the expected answer"), *([(id_, "id")] if id_ else [])]
    if about:
        mapping.append(("system message", "the task, in prompt.md (the same in all rows)"))
    left = sorted({name for row in rows for name in row} - {"messages", id_})
    notes = (f"left out: {', '.join(left[:20])}",) if left else ()
    return Reading("chats", tuple(entries), ("input",), tuple(mapping), notes=notes, about=about)


def listing(value: Json) -> list[Json]:
    return value if isinstance(value, list) else []


def promptfoo_tests(rows: Table) -> Reading:
    """promptfoo's tests: `vars`, and the first assertion that says what is expected."""
    found = [usable_assert(row) for row in rows]
    answers = {name for one in found if one is not None and (name := variable(one.get("value")))}
    inputs = tuple(dict.fromkeys(key for row in rows for key in mapping_of(row.get("vars")) if key not in answers))
    names = fields_of(inputs)
    entries, kinds, left = [], [], 0
    for row, one in zip(rows, found, strict=True):
        asserts = row.get("assert")
        left += (len(asserts) if isinstance(asserts, list) else 0) - (one is not None)
        if one is None:
            continue
        values = mapping_of(row.get("vars"))
        name = variable(one.get("value"))
        kinds.append(str(one["type"]))
        entries.append(Entry({names[key]: text(values.get(key)) for key in inputs}, values.get(name) if name else one.get("value")))
    mapping = [(f"vars.{key}", f"input '{names[key]}'") for key in inputs]
    if answers:
        mapping += [(f"vars.{name}", "expected answer") for name in sorted(answers)]
    return asserted("promptfoo tests", rows, entries, kinds, names, left, mapping)


def usable_assert(row: Mapping[str, Json]) -> Mapping[str, Json] | None:
    """The first assertion of a test that says what is expected."""
    asserts = row.get("assert")
    every = asserts if isinstance(asserts, list) else []
    return next((one for one in every if isinstance(one, dict) and str(one.get("type")) in ASSERTS), None)


def variable(value: Json) -> str:
    """The variable that an assertion's value is (`{{expected}}`), '' for any other value."""
    match = re.fullmatch(r"\s*\{\{\s*([^{}|\s]+)\s*\}\}\s*", value) if isinstance(value, str) else None
    return match[1] if match else ""


def promptfoo_table(rows: Table) -> Reading:
    """promptfoo's CSV: columns are variables, `__expected` cells are `type: value` (a bare value is `equals`)."""
    heads = list(dict.fromkeys(name for row in rows for name in row))
    inputs = tuple(name for name in heads if not name.startswith("__"))
    columns = [name for name in heads if name.startswith("__expected")]
    names = fields_of(inputs)
    entries, kinds, left = [], [], 0
    for row in rows:
        usable: list[tuple[str, Json]] = []
        for column in columns:
            cell = text(row.get(column)).strip()
            kind, colon, value = cell.partition(":")
            if colon and re.fullmatch(r"[a-z-]+(\([^)]*\))?", kind.strip()):
                kind = kind.strip().partition("(")[0]
                if kind in ASSERTS:
                    parts: list[Json] = [part.strip() for part in value.split(",")]
                    usable.append((kind, parts) if kind == "contains-all" else (kind, value.strip()))
                else:
                    left += 1
            elif cell:
                usable.append(("equals", cell))
        left += max(0, len(usable) - 1)
        if usable:
            kinds.append(usable[0][0])
            entries.append(Entry({names[name]: text(row.get(name)) for name in inputs}, usable[0][1]))
    return asserted("a promptfoo table", rows, entries, kinds, names, left, [(name, f"input '{names[name]}'") for name in inputs])


def asserted(
    shape: str,
    rows: Table,
    entries: list[Entry],
    kinds: list[str],
    names: Mapping[str, str],
    left: int,
    mapping: list[tuple[str, str]],
) -> Reading:
    """What promptfoo's assertions come to. Raises UserError when none says what is expected."""
    if not entries:
        raise UserError(
            f"no test has an assertion that topout reads ({', '.join(ASSERTS)}). Give the expected answers in a column of their own."
        )
    kind = max(dict.fromkeys(kinds), key=kinds.count)
    kept = [entry for entry, one in zip(entries, kinds, strict=True) if ASSERTS[one] == ASSERTS[kind]]
    notes = []
    if len(kept) < len(rows):
        notes.append(f"{len(rows) - len(kept)} of {len(rows)} tests left out: no assertion of the kind '{kind}' in them")
    if left:
        notes.append(f"{left} further assertions left out")
    return Reading(
        shape, tuple(kept), tuple(names.values()), (*mapping, (f"assert {kind}", "expected answer")), ASSERTS[kind], tuple(notes)
    )


def likely_answer(rows: Table, heads: Sequence[str]) -> tuple[str, int] | None:
    """The one column with few values that repeat, as labels do, and how many they are; None when none or several are such."""
    found = []
    for head in heads:
        values = [text(row.get(head)).strip() for row in rows]
        distinct = len(set(values))
        if all(values) and 1 < distinct <= min(60, len(rows) // 4) and max(map(len, values)) <= 60:
            found.append((head, distinct))
    return found[0] if len(found) == 1 else None


def named(heads: Sequence[str], known: Sequence[str]) -> str:
    """The first head of a known name, '' when there is none."""
    low = {re.sub(r"[\s-]+", "_", head.strip().casefold()): head for head in reversed(heads)}
    return next((low[name] for name in known if name in low), "")


def fields_of(columns: Sequence[str]) -> dict[str, str]:
    """Columns as field names: letters, digits, `_`, `-` and `.`, not beginning with a digit, each once."""
    names: dict[str, str] = {}
    for column in columns:
        name = NAME.sub("_", column.strip()).strip("_.-") or "field"
        name = f"f_{name}" if name[0].isdigit() else name
        base, number = name, 2
        while name in names.values():
            name, number = f"{base}_{number}", number + 1
        names[column] = name
    return names


def mapping_of(value: Json) -> Mapping[str, Json]:
    return value if isinstance(value, dict) else {}


def said(value: Json) -> str:
    """An input that is a text, or a chat: its messages, with their roles where there are several."""
    if isinstance(value, list) and value and all(isinstance(one, dict) and "content" in one for one in value):
        messages = [one for one in value if isinstance(one, dict)]
        if len(messages) == 1:
            return text(messages[0]["content"])
        return "\n\n".join(f"{text(one.get('role'))}: {text(one['content'])}" for one in messages)
    return text(value)


def text(value: Json) -> str:
    """A value as a model reads it."""
    if isinstance(value, str):
        return value
    return "" if value is None else json.dumps(value, ensure_ascii=False)
