"""Promises, and how often each was tried and held."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

__all__ = ["Count", "Table", "Tried"]


@dataclass(frozen=True, slots=True)
class Tried:
    """A promise put to one test. `where` says which, so that it can be run again; `what` is what happened instead."""

    promise: str
    held: bool
    where: str = ""
    what: str = ""


@dataclass(slots=True)
class Count:
    """How often a promise was tried and held; the cases in which it was not."""

    tried: int = 0
    held: int = 0
    broken: list[Tried] = field(default_factory=list)

    def __str__(self) -> str:
        return f"{self.held:,} of {self.tried:,}"


class Table:
    """Counts by promise, in the order in which they were first tried."""

    def __init__(self, outcomes: Iterable[Tried] = ()) -> None:
        self.counts: dict[str, Count] = {}
        self.add(outcomes)

    def add(self, outcomes: Iterable[Tried]) -> None:
        """Count more."""
        for one in outcomes:
            count = self.counts.setdefault(one.promise, Count())
            count.tried += 1
            count.held += one.held
            if not one.held:
                count.broken.append(one)

    @property
    def broken(self) -> list[Tried]:
        """Every case in which a promise was not kept."""
        return [one for count in self.counts.values() for one in count.broken]
