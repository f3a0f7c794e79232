"""A pickle read as data. No class of the file is imported, no function of it is called: whatever it names becomes an inert stand-in.

GEPA keeps its state in a pickle, and a run folder may come from anybody. Plain containers, texts and numbers come through, and numpy's scalars as numbers.
"""

from __future__ import annotations

import io
import pickle
import pickletools
import struct
from collections.abc import Callable
from typing import cast

__all__ = ["UnreadablePickleError", "read_inert"]

FORMATS = {"f8": "d", "f4": "f", "f2": "e", "i8": "q", "i4": "i", "i2": "h", "i1": "b", "u8": "Q", "u4": "I", "b1": "?"}


class UnreadablePickleError(ValueError):
    """The file is no pickle, is torn, or holds what cannot be read as data."""


class Inert:
    """Stands in for an object of any class. Takes whatever it is given and does nothing."""

    def __init__(self, *given: object, **named: object) -> None:
        self.given = given

    def __setstate__(self, state: object) -> None:
        pass

    def __setitem__(self, key: object, value: object) -> None:
        pass

    def append(self, item: object) -> None:
        """An item of a list-like object."""

    def extend(self, items: object) -> None:
        """Items of a list-like object."""

    def add(self, item: object) -> None:
        """An item of a set-like object."""


def ordered(*given: object) -> dict[object, object]:
    """An OrderedDict or defaultdict as a plain one: its items follow."""
    return {}


def collection(items: list[object]) -> set[object]:
    """A set of protocol 3 and older."""
    return set(items)


def latin(text: object = "", encoding: object = "") -> object:
    """Bytes as protocol 2 writes them: text of as many letters."""
    return text.encode("latin-1") if isinstance(text, str) else b""


def scalar(kind: object, data: object = b"") -> object:
    """A numpy scalar as a number, when it is one."""
    name = str(kind.given[0]) if isinstance(kind, Inert) and kind.given else ""
    code = FORMATS.get(name.lstrip("<>=|"))
    if code is None or not isinstance(data, bytes) or len(data) != struct.calcsize(f"<{code}"):
        return Inert()
    return struct.unpack(f"<{code}", data)[0]


KNOWN: dict[tuple[str, str], Callable[..., object]] = {
    ("collections", "OrderedDict"): ordered,
    ("collections", "defaultdict"): ordered,
    ("_codecs", "encode"): latin,
    ("__builtin__", "set"): collection,
    ("__builtin__", "frozenset"): collection,
    ("builtins", "set"): collection,
    ("builtins", "frozenset"): collection,
    ("numpy.core.multiarray", "scalar"): scalar,
    ("numpy._core.multiarray", "scalar"): scalar,
}


class InertUnpickler(pickle.Unpickler):
    """Knows no class but the few above, which are functions of ours."""

    def find_class(self, module: str, name: str) -> Callable[..., object]:
        """A stand-in for any global that the file names."""
        return KNOWN.get((module, name), type("Inert", (Inert,), {}))

    def persistent_load(self, pid: object) -> object:
        """An object kept elsewhere."""
        return Inert()


def read_inert(data: bytes) -> object:
    """The data of a pickle. Raises UnreadablePickleError.

    It is walked through first: a memo index beyond the file's length makes the C reader allocate without bound.
    """
    try:
        for code, argument, _ in pickletools.genops(data):
            if code.name in ("PUT", "BINPUT", "LONG_BINPUT") and isinstance(argument, int) and argument > len(data):
                raise UnreadablePickleError(f"a memo index of {argument}")
        return cast(object, InertUnpickler(io.BytesIO(data)).load())
    except UnreadablePickleError:
        raise
    except Exception as error:
        raise UnreadablePickleError(f"{type(error).__name__}: {error}") from error
