"""What a run may owe without its journal knowing: two numbers in a file of their own, `owed`, that a kill leaves behind.

A call that is in flight when its process is killed may be on the bill, and nobody will ever tell. So a run with a limit of money notes the dearest
price of what is in flight before it leaves, and the next session takes that as spent. One `pwrite` of 16 bytes a note, about 2 microseconds; it
survives a kill, and is not flushed for power loss.
"""

from __future__ import annotations

import os
import struct
from pathlib import Path

from topout.store.journal import refused

__all__ = ["Owed"]

PAIR = struct.Struct("<qq")


class Owed:
    """The file. `before` are pico-dollars by purse (search, exam), as the last session left them; 0 without one. Raises StoreError when the disk refuses."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
            data = os.pread(self._descriptor, PAIR.size, 0)
        except OSError as error:
            raise refused(path, error) from error
        search, exam = PAIR.unpack(data) if len(data) == PAIR.size else (0, 0)
        self.before = (max(0, search), max(0, exam))

    def keep(self, search: int, exam: int) -> None:
        """Note what may be owed from now on."""
        try:
            os.pwrite(self._descriptor, PAIR.pack(search, exam), 0)
        except OSError as error:
            raise refused(self._path, error) from error

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)
