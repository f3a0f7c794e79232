"""Where the tasks and optimizers that come with topout lie: in the wheel, or in the checkout that it runs from."""

from __future__ import annotations

from pathlib import Path

__all__ = ["shipped"]


def shipped(kind: str) -> Path:
    """The folder of the shipped `tasks` or `optimizers`. It may be missing (a partial install)."""
    package = Path(__file__).resolve().parent.parent
    packed = package / "_shipped" / kind
    return packed if packed.is_dir() else package.parents[1] / kind
