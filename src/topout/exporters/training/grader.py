"""A task's scorer as Python source without topout: what a trainer, a test runner or a sandbox can run on its own.

Built-in scorers are cut out of `topout.scoring`, so that a grader elsewhere gives the very score that was given here. The user's own scorer is taken over
as it stands.
"""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType

from topout.contracts import Grading
from topout.errors import UserError
from topout.scoring import answers, fields, labels, numbers, texts

__all__ = ["foreign_imports", "grader"]

HEAD = '''
class Example(NamedTuple):
    """What a scorer is told of a row."""

    inputs: dict
    expected: object


class Scored(NamedTuple):
    """A judged answer."""

    value: float
    feedback: str = ""
    parts: dict = {}
'''
"""No dataclasses: they do not work in a file that is run without being a module of its own, as sandboxes do."""

BUILT_IN = '''
GRADE = {call}


def judged(answer: str, expected: object, inputs: dict) -> tuple[float, str]:
    """Score in [0, 1] of an answer, and why."""
    found = GRADE(answer, Example(inputs, expected))
    return found.value, found.feedback
'''

OWN = '''

def judged(answer: str, expected: object, inputs: dict) -> tuple[float, str]:
    """Score in [0, 1] of an answer, and why: what score() above returns, as topout reads it."""
    found = score(answer, expected, inputs)
    if isinstance(found, tuple):
        return float(found[0]), found[1]
    if isinstance(found, dict):
        parts = {name: value for name, value in found.items() if name != "feedback"}
        value = parts["score"] if "score" in parts else sum(parts.values()) / len(parts)
        return float(value), found.get("feedback", "")
    return float(found), ""
'''


@dataclass(frozen=True, slots=True)
class Recipe:
    """Where a built-in scorer's code is, and the call that makes it."""

    modules: tuple[ModuleType, ...]
    function: str
    arguments: tuple[str, ...]


RECIPES: Mapping[str, Recipe] = {
    "label": Recipe((answers, labels), "label", ("strict",)),
    "exact": Recipe((answers, texts), "exact", ("ignore_case",)),
    "contains": Recipe((answers, texts), "contains", ("ignore_case",)),
    "regex": Recipe((answers, texts), "regex", ("pattern", "ignore_case")),
    "token_f1": Recipe((answers, texts), "token_f1", ()),
    "numeric": Recipe((answers, numbers), "numeric", ("tolerance", "relative")),
    "json": Recipe((answers, numbers, fields), "json_fields", ("kinds", "credit", "fences", "tolerance")),
}


def grader(grading: Grading, title: str, tail: str, needs: Sequence[str] = ()) -> str:
    """A Python file with `judged(answer, expected, inputs)` and, after it, `tail`, whose imports are `needs`.

    Raises UserError for a scorer of the user's own that gives a name to something which the tail defines, and for a built-in one that is not known here.
    """
    if grading.code:
        taken = bound(tail) | {"judged"}
        clash = sorted(taken & bound(grading.code))
        if clash:
            raise UserError(
                f"{grading.name} defines '{clash[0]}', a name that the exported file needs for itself. Rename it in {grading.name}."
            )
        extra = "".join(f"{line}\n" for line in needs)
        return f"{grading.code.rstrip()}\n\n\n# {title}\n{extra}{OWN}{tail}"
    recipe = RECIPES.get(grading.name)
    if recipe is None:
        raise UserError(f"the scorer '{grading.name}' has no code that could travel. Use --to sft or --to dpo, which need none.")
    keywords = [f"{name}={grading.settings[name]!r}" for name in recipe.arguments if name in grading.settings]
    if grading.name == "json":
        keywords.insert(0, f"schema={None if grading.schema is None else dict(grading.schema)!r}")
    first = [repr(list(grading.labels))] if grading.name == "label" else []
    imports, body = cut_out(recipe.modules, recipe.function)
    lines = sorted({*imports, *needs, "from typing import NamedTuple"}, key=lambda line: (line.startswith("from"), line))
    start = f'"""{title}"""\n\nfrom __future__ import annotations\n\n' + "\n".join(lines) + "\n\n"
    return (
        start + HEAD + "\n\n" + body + "\n\n" + BUILT_IN.format(call=f"{recipe.function}({', '.join([*first, *keywords])})") + tail
    )


def cut_out(modules: Iterable[ModuleType], function: str) -> tuple[list[str], str]:
    """The imports and definitions that a function of these modules needs, in their order."""
    imports: dict[str, str] = {}
    definitions: dict[str, tuple[str, set[str]]] = {}
    for module in modules:
        source = inspect.getsource(module)
        for node in ast.parse(source).body:
            if isinstance(node, ast.Import):
                imports |= {alias.name: f"import {alias.name}" for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module != "__future__" and not (node.module or "").startswith("topout"):
                imports |= {alias.name: f"from {node.module} import {alias.name}" for alias in node.names}
            elif not isinstance(node, ast.ImportFrom):
                for name in names_of(node) - {"__all__"}:
                    used = {one.id for one in ast.walk(node) if isinstance(one, ast.Name)}
                    definitions[name] = (ast.get_source_segment(source, node) or "", used)
    needed, new = set[str](), {function}
    while new:
        needed |= new
        new = {name for one in new for name in definitions[one][1] if name in definitions} - needed
    kept = [text for name, (text, _) in definitions.items() if name in needed]
    used = {name for one in needed for name in definitions[one][1]}
    return [line for name, line in imports.items() if name in used], "\n\n\n".join(kept)


def names_of(node: ast.stmt) -> set[str]:
    """The names that a statement of a module gives."""
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            return {node.name}
        case ast.Assign():
            return {one.id for target in node.targets for one in ast.walk(target) if isinstance(one, ast.Name)}
        case ast.AnnAssign(target=ast.Name(id=name)):
            return {name}
        case ast.Import() | ast.ImportFrom():
            return {(alias.asname or alias.name).split(".")[0] for alias in node.names}
        case _:
            return set()


def bound(source: str) -> set[str]:
    """The names that a file gives to functions, classes and values of its own."""
    return {name for node in ast.parse(source).body if not isinstance(node, ast.Import | ast.ImportFrom) for name in names_of(node)}


def foreign_imports(code: str) -> tuple[str, ...]:
    """The packages outside the standard library that a file imports, sorted."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add("." if node.level else (node.module or "").split(".")[0])
    return tuple(sorted(found - sys.stdlib_module_names))
