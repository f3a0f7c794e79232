"""Names of exported prompts and aliases: they become names of files, so that little is allowed in them."""

from __future__ import annotations

import re

from topout.errors import UserError

__all__ = ["check_alias", "check_name", "default_name"]

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*(?:\.[A-Za-z0-9_-]+)*")
LONGEST = 100


def default_name(task: str) -> str:
    """A task's name as that of its prompt: what is not allowed becomes a dash."""
    name = re.sub(r"[^A-Za-z0-9_-]+", "-", task)[:LONGEST].strip("-_")
    return name or "prompt"


def check_name(name: str, option: str = "--name") -> str:
    """The name, or a UserError: ASCII letters, digits, `_`, `-` and single dots inside, at most 100 characters."""
    if len(name) > LONGEST or not NAME.fullmatch(name):
        raise UserError(
            f"{option} {name[:120]}: not a name for a prompt, and nothing was written. "
            f"Use letters, digits, '-', '_' and '.', at most {LONGEST}, for example '{default_name(name)}'."
        )
    return name


def check_alias(alias: str) -> str:
    """The alias, or a UserError: as a name, but no number (those are versions)."""
    if len(alias) > LONGEST or not NAME.fullmatch(alias) or alias.isdigit():
        raise UserError(
            f"--alias {alias[:120]}: not an alias, and nothing was written. Use letters, digits, '-' and '_', for example 'production'."
        )
    return alias
