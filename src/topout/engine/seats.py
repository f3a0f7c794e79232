"""A model in its role."""

from __future__ import annotations

from dataclasses import dataclass

from topout.contracts import Model

__all__ = ["Seat"]


@dataclass(frozen=True, slots=True)
class Seat:
    """A model under its name, as a role uses it."""

    model: Model
    name: str
