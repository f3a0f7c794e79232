"""`topout new`: a plug-in to start from, with a test that examines it."""

from __future__ import annotations

import keyword
import re
from dataclasses import dataclass
from pathlib import Path

from topout.errors import StoreError, UserError, did_you_mean
from topout.exporters.installed import target_names
from topout.plugins.optimizers import recipe_names
from topout.plugins.shipped import shipped

__all__ = ["KINDS", "Created", "new"]

KINDS = {"optimizer": "optimizers", "scorer": "scorers", "exporter": "exporters", "registry": "exporters"}
"""What can be made, and the folder that it goes to."""

TEMPLATES = Path(__file__).resolve().parent.parent / "_templates"
NAME = re.compile(r"[a-z][a-z0-9]*(?:[_-][a-z0-9]+)*")
LONGEST = 40
DEVICES = frozenset({"con", "prn", "aux", "nul", *(f"{port}{i}" for port in ("com", "lpt") for i in range(10))})
"""What Windows does not take as a file's name."""


@dataclass(frozen=True, slots=True)
class Created:
    """A plug-in that was made: its `file`, and the `test` beside it."""

    kind: str
    name: str
    file: Path
    test: Path


def new(kind: str, name: str, *, folder: str | Path | None = None) -> Created:
    """Write a plug-in that works as it is, and its test, into `folder` (by default the kind's, such as ./optimizers).

    Nothing is ever replaced. Raises UserError for an unknown kind, a name that is taken or no safe file name, and files that are there already;
    StoreError when the disk refuses.
    """
    if kind not in KINDS:
        raise UserError(f"{kind[:80]}: unknown kind.{did_you_mean(kind, KINDS)}")
    check(kind, name)
    home = Path(folder) if folder is not None else Path(KINDS[kind])
    files = {home / f"{name}.py": template(kind), home / f"test_{name}.py": template(f"test_{kind}")}
    for path in files:
        if path.exists() or path.is_symlink():
            raise UserError(
                f"{path}: is there already, and nothing was written. Choose another name, or another folder with --folder."
            )
    written: list[Path] = []
    try:
        home.mkdir(parents=True, exist_ok=True)
        for path, text in files.items():
            with path.open("x", encoding="utf-8", newline="\n") as file:
                written.append(path)
                file.write(named(text, name))
    except OSError as error:
        for path in written:
            path.unlink(missing_ok=True)
        raise StoreError(
            f"{error.filename or home}: cannot be written: {error.strerror or error}. Choose another folder with --folder."
        ) from error
    return Created(kind, name, *files)


def check(kind: str, name: str) -> None:
    """Raise UserError for a name that is no safe name of a file, or that already means something."""
    if len(name) > LONGEST or not NAME.fullmatch(name) or name in DEVICES or keyword.iskeyword(name) or name.startswith("test"):
        raise UserError(
            f"{ascii(name[:80])[1:-1]}: not a name for a plug-in, and nothing was written. Use small letters, digits, '_' and '-', beginning with a "
            f"letter, at most {LONGEST} characters; not a word of Python, nor 'test...'. For example 'my_{kind}'."
        )
    taken = {"optimizer": recipe_names, "exporter": target_names, "registry": target_names}.get(kind, list)()
    if name in taken:
        raise UserError(f"{name}: there is one of that name already: {', '.join(sorted(taken))}. Choose another name.")


def template(name: str) -> str:
    """The text of a template, in which the plug-in is called 'mine'. The shipped example is that of an optimizer."""
    if name != "optimizer":
        return (TEMPLATES / f"{name}.py").read_text(encoding="utf-8")
    path = shipped("optimizers") / "hillclimb.py"
    try:
        return path.read_text(encoding="utf-8").replace("hillclimb", "mine")
    except OSError:
        raise UserError(f"{path}: the shipped example of an optimizer is missing. Install topout again.") from None


def named(text: str, name: str) -> str:
    """The template under its own name, which stands for 'mine' wherever that is a word of its own."""
    return re.sub(r"\bmine\b", name, re.sub(r"\btest_mine\b", f"test_{name}", text))
