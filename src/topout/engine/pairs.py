"""Something about each rollout of a run, of which there may be a million: by candidate, example and sample, without a key that is held for each."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from typing import TypeVar, overload

__all__ = ["Key", "Pairs"]

Key = tuple[str, str, int]
"""Candidate, example, sample."""

T = TypeVar("T")
D = TypeVar("D")


class Pairs(MutableMapping[Key, T]):
    """A dict by `Key` that takes half the memory of one: a dict of examples for each candidate and sample. Iterates by candidates, in the order in which they came up."""

    __slots__ = ("_rows",)

    def __init__(self) -> None:
        self._rows: dict[tuple[str, int], dict[str, T]] = {}

    def __getitem__(self, key: Key) -> T:
        return self._rows[key[0], key[2]][key[1]]

    def __setitem__(self, key: Key, value: T) -> None:
        rows = self._rows.get((key[0], key[2]))
        if rows is None:
            rows = self._rows[key[0], key[2]] = {}
        rows[key[1]] = value

    def __delitem__(self, key: Key) -> None:
        del self._rows[key[0], key[2]][key[1]]

    def __iter__(self) -> Iterator[Key]:
        return ((candidate, example, sample) for (candidate, sample), rows in self._rows.items() for example in rows)

    def __len__(self) -> int:
        return sum(len(rows) for rows in self._rows.values())

    def __contains__(self, key: object) -> bool:
        match key:
            case (str() as candidate, example, int() as sample):
                rows = self._rows.get((candidate, sample))
                return rows is not None and example in rows
        return False

    @overload
    def get(self, key: Key) -> T | None: ...
    @overload
    def get(self, key: Key, default: D) -> T | D: ...
    def get(self, key: Key, default: object = None) -> object:
        rows = self._rows.get((key[0], key[2]))
        return default if rows is None else rows.get(key[1], default)
