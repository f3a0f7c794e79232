"""Python files of the user's own, loaded by path. The one boundary at which any exception of foreign code becomes one of ours."""

from __future__ import annotations

import hashlib
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import TypeVar

from topout.config.toml_files import read_text
from topout.errors import TopoutError, UserError, place

__all__ = ["Crash", "boundary", "code_file", "guarded", "load_module"]

T = TypeVar("T")


class Crash(Exception):  # noqa: N818 - an event at the boundary, never shown
    """Foreign code raised. `line` is the last line of `file` on the way there (None when it was not in it), `what` one line in words."""

    def __init__(self, line: int | None, what: str) -> None:
        super().__init__(what)
        self.line = line
        self.what = what


def guarded(file: Path, call: Callable[[], T]) -> T:
    """What `call` returns; what it raises is dealt with as in `boundary`."""
    with boundary(file):
        return call()


@contextmanager
def boundary(file: Path) -> Iterator[None]:
    """Around foreign code: whatever it raises (short of an interrupt) becomes a Crash that names the line in `file`. Our own errors, which pass through
    code that calls us back, stay what they are."""
    try:
        yield
    except TopoutError:
        raise
    except (Exception, SystemExit) as error:
        ours = leaves(error.subgroup(TopoutError)) if isinstance(error, ExceptionGroup) else []
        if ours:
            raise ours[0] from None
        lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(file)]
        text = " ".join(str(error).split())[:300]
        raise Crash(lines[-1] if lines else None, f"{type(error).__name__}: {text}" if text else type(error).__name__) from error


def leaves(error: TopoutError | ExceptionGroup[TopoutError] | None) -> list[TopoutError]:
    """The errors in a group, however deep."""
    if isinstance(error, ExceptionGroup):
        return [leaf for inner in error.exceptions for leaf in leaves(inner)]
    return [error] if error is not None else []


def code_file(folder: Path, name: str, where: str, why: str = "code runs only from the folder that you named") -> Path:
    """The file of that name in a folder that the user named. Raises UserError for one that leads out of it, by `..`, as an absolute path or over a
    link: whoever names a folder trusts what lies in it, not what it points to. `where` leads the message, `why` says what the
    file is not to do."""
    path = folder / name
    try:
        target = path.resolve()
    except (OSError, ValueError, RuntimeError) as error:  # a NUL in the name, links in a circle
        raise UserError(f"{where}: {name!r} is no file: {error}.") from None
    if not target.is_relative_to(folder.resolve()):
        raise UserError(f"{where}: '{name}' leads out of {folder} (to {target}), and {why}. Put the file there.")
    return path


def load_module(path: Path) -> ModuleType:
    """The module that a Python file makes, under a private name of its own: nothing is put on the import path, no byte code is written.

    Raises UserError with path and line when there is no such file, it does not parse, or raises while it is imported.
    """
    source = read_text(path)
    try:
        code = compile(source, str(path), "exec")
    except SyntaxError as error:
        raise UserError(f"{place(path, error.lineno)}: not Python: {error.msg}.") from None
    name = f"_topout_user_{hashlib.sha256(str(path.resolve()).encode('utf-8', 'surrogateescape')).hexdigest()[:16]}"
    module = ModuleType(name)
    module.__file__ = str(path)
    sys.modules[name] = module  # dataclasses look their module up
    try:
        guarded(path, lambda: exec(code, vars(module)))
    except Crash as crash:
        del sys.modules[name]
        raise UserError(f"{place(path, crash.line)}: does not import: {crash.what}.") from crash
    return module
