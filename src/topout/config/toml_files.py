"""TOML file -> checked model; whatever is wrong becomes one line with path, line, what was found and the nearest valid name."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from topout.errors import UserError, did_you_mean, place

__all__ = ["beside", "check_toml", "line_of", "read_text", "read_toml"]

M = TypeVar("M", bound=BaseModel)
Keys = tuple[str | int, ...]
HEADER = re.compile(r"\s*\[\[?\s*(?P<name>[^\[\]]+?)\s*\]\]?\s*(?:#.*)?")
ASSIGNMENT = re.compile(r"\s*(?P<key>[\w.\"'-]+)\s*=")

PLAIN = {
    "valid tuple": "list",
    "valid dictionary or object to extract fields from": "table",
    "valid dictionary": "table",
    "string": "text",
}


def read_toml(path: Path, model: type[M]) -> M:
    """The model that a TOML file describes.

    Raises UserError, one line: no such file (nearest name beside it), not UTF-8 (byte offset), broken TOML (line), an unknown key (line and
    nearest name), a missing key, a value of the wrong kind.
    """
    return check_toml(read_text(path), path, model)


def read_text(path: Path) -> str:
    """A text file's content, line ends as they are, without a byte order mark. Raises UserError: no such file, unreadable, not UTF-8, a NUL."""
    try:
        data = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        raise UserError(f"{path}: no such file.{beside(path)}") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror or error}.") from None
    except ValueError as error:  # a name that no file can have
        raise UserError(f"{str(path)!r}: no name of a file: {error}.") from None
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(not_utf8(path, data, error)) from None
    if "\0" in text:
        raise UserError(f"{place(path, text.count(chr(10), 0, text.index(chr(0))) + 1)}: a NUL character. Take it out.")
    return text


def not_utf8(path: Path, data: bytes, error: UnicodeDecodeError) -> str:
    """Where a file stops being UTF-8; the offset counts from 0 over the whole file."""
    at = error.start + (3 if data.startswith(b"\xef\xbb\xbf") else 0)
    return f"{place(path, data.count(10, 0, at) + 1)}: not UTF-8: byte 0x{data[at]:02x} at offset {at}. Save the file as UTF-8."


def beside(path: Path) -> str:
    """The nearest file name beside a path that does not exist, or what there is, as a sentence."""
    if not path.parent.is_dir():
        return f" There is no folder {path.parent} either."
    names = sorted(p.name for p in path.parent.iterdir() if not p.name.startswith("."))
    return did_you_mean(path.name, names).replace(" Valid: ", " There are: ") or " The folder is empty."


def check_toml(text: str, path: Path, model: type[M]) -> M:
    """As `read_toml`, for a text that was read already; `path` leads the messages."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        message = str(error)
        at = re.search(r"\(at line (\d+), column \d+\)", message)
        line = int(at[1]) if at else len(text.splitlines()) or 1
        what = re.sub(r" \(at .*\)$", "", message)
        raise UserError(f"{place(path, line)}: broken TOML: {what}. Texts stand in double quotes.") from None
    except (ValueError, RecursionError) as error:
        what = "that is nested too deeply" if isinstance(error, RecursionError) else "with a number of thousands of digits"
        raise UserError(f"{path}: TOML {what}. Write it shorter.") from None
    try:
        return model.model_validate(document, strict=False)
    except ValidationError as error:
        problems = error.errors(include_url=False)
        raise UserError(worst(problems, text, path, model)) from None


def worst(problems: list[ErrorDetails], text: str, path: Path, model: type[BaseModel]) -> str:
    """The message for the problem to mend first: a misspelt key before the key that is missing for it, then the first one."""
    keys = [written_keys(problem["loc"], model)[0] for problem in problems]
    first = next((i for i, problem in enumerate(problems) if problem["type"] == "extra_forbidden"), 0)
    here = [problem for problem, k in zip(problems, keys, strict=True) if k == keys[first]]  # one for each member of a union
    told = next((p for p in here if p["type"] == "literal_error" and isinstance(p.get("input"), str)), problems[first])
    others = len({k for k in keys if k != keys[first][: len(k)]})
    return explain(told, text, path, model) + (f" ({others} more.)" if others else "")


def explain(problem: ErrorDetails, text: str, path: Path, model: type[BaseModel]) -> str:
    """One line for one of pydantic's errors."""
    keys, owner = written_keys(problem["loc"], model)
    name = ".".join(str(key) for key in keys)
    found = problem.get("input")
    match problem["type"]:
        case "extra_forbidden":
            return f"{place(path, line_of(text, keys))}: unknown key '{keys[-1]}'.{did_you_mean(str(keys[-1]), known_keys(owner))}"
        case "missing":
            where = place(path, line_of(text, keys[:-1]) if len(keys) > 1 else None)
            meaning = next((f.description for m in owner for n, f in m.model_fields.items() if n == keys[-1] and f.description), "")
            return f"{where}: missing key '{name}'.{f' It is: {meaning}' if meaning else ' Add it.'}"
        case "union_tag_invalid":
            tag, tags = problem["ctx"]["tag"], re.findall(r"'([^']+)'", problem["ctx"]["expected_tags"])
            at = line_of(text, (*keys, "name"))
            return f"{place(path, at)}: unknown {name} '{tag}'.{did_you_mean(tag, tags)}"
        case "union_tag_not_found":
            return f"{place(path, line_of(text, keys))}: {name}: missing key 'name'."
        case "literal_error":
            choices = re.findall(r"'([^']*)'", problem["ctx"]["expected"])
            return f"{place(path, line_of(text, keys))}: {name} = {found!r}.{did_you_mean(str(found), choices)}"
        case "value_error":
            return f"{place(path, line_of(text, keys))}: {f'{name}: ' if name else ''}{problem['ctx']['error']}"
        case _:
            expected = problem["msg"][:1].lower() + problem["msg"][1:]
            for technical, plain in PLAIN.items():
                expected = expected.replace(technical, plain)
            return f"{place(path, line_of(text, keys))}: {name} = {shown(found)}: {expected}."


def shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def written_keys(loc: Sequence[str | int], model: type[BaseModel]) -> tuple[Keys, list[type[BaseModel]]]:
    """The keys as they stand in the file (pydantic also names the member of a union) and the models that own the last of them."""
    owners, inside = [model], [model]
    annotations: list[Any] = []
    keys: list[str | int] = []
    for part in loc:
        fields = [f.annotation for m in inside for n, f in m.model_fields.items() if part == (f.alias or n)]
        if not fields and any(part in tags(m) for m in inside):
            inside = [m for m in inside if part in tags(m)]
            continue
        if not fields and not inside and not any(get_origin(one) in (list, tuple, dict) for one in annotations):
            continue  # a member of a union of plain types, as pydantic names it ("str", "list[str]")
        if not isinstance(part, int):
            owners, annotations = inside, fields
            inside = [m for annotation in fields for m in models_in(annotation)]
        keys.append(part)
    return tuple(keys), owners


def tags(model: type[BaseModel]) -> set[object]:
    """The values of a model's `name`, when it is a literal: how it is told from others in a union."""
    field = model.model_fields.get("name")
    return set(get_args(field.annotation)) if field is not None and get_origin(field.annotation) is Literal else set()


def models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    """The models that a value of this annotation may be or hold."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    elif get_origin(annotation) in (Union, UnionType, Annotated, list, tuple, dict):
        for part in get_args(annotation):
            yield from models_in(part)


def known_keys(owners: Sequence[type[BaseModel]]) -> list[str]:
    return list(dict.fromkeys(f.alias or name for m in owners for name, f in m.model_fields.items()))


def line_of(text: str, keys: Keys) -> int | None:
    """The line (from 1) that sets a key, or else that of the nearest table around it; None when it stands nowhere.

    Reads lines, not TOML: good for messages, as tables and keys are written by people, one a line.
    """
    names = [key for key in keys if isinstance(key, str)]
    table: list[str] = []
    nearest: int | None = None
    for number, line in enumerate(text.splitlines(), 1):
        header = HEADER.fullmatch(line)
        if header is not None:
            table = split_key(header["name"])
            if table == names:
                return number
            if table and table == names[: len(table)]:
                nearest = number
            continue
        assignment = ASSIGNMENT.match(line)
        if assignment is None:
            continue
        path = [*table, *split_key(assignment["key"])]
        if path == names:
            return number
        if path == names[: len(path)]:
            nearest = number  # an inline table
    return nearest


def split_key(key: str) -> list[str]:
    return [part.strip().strip("\"'") for part in key.split(".")]
