"""Files that belong together, written all or none."""

from __future__ import annotations

import errno
import os
import shutil
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from topout.errors import StoreError

__all__ = ["write_batch"]

HOUR_S = 3600.0


def write_batch(
    folder: Path, files: Mapping[str, bytes], fresh: str = "", *, remedy: str = "Choose another folder with --out."
) -> None:
    """Write files by their path below `folder`: first all of them aside, then each in place, in their order.

    `fresh` is a subfolder that must not be there yet; it is put in place first and as a whole, so that its number is taken once, whoever else writes.
    Raises StoreError, with `remedy` where the folder cannot be written, when the disk refuses or the subfolder is there; folders that were made for nothing are taken away again. What a killed
    process left aside goes when it is an hour old.
    """
    if not files:
        return
    made: list[Path] = []
    aside = folder / f".topout-{os.getpid()}"
    try:
        make(folder, made)
        for left in folder.glob(".topout-*"):
            if left.stat().st_mtime < time.time() - HOUR_S:
                shutil.rmtree(left, ignore_errors=True)
        for name, data in files.items():
            path = aside / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        if fresh:
            make((folder / fresh).parent, made)
            (aside / fresh).rename(folder / fresh)
        for name in files:
            if not (fresh and name.startswith(f"{fresh}/")):
                make((folder / name).parent, made)
                (aside / name).replace(folder / name)
    except OSError as error:
        shutil.rmtree(aside, ignore_errors=True)
        for path in reversed(made):
            with suppress(OSError):
                path.rmdir()
        raise refusal(folder, fresh, remedy, error) from error
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def make(folder: Path, made: list[Path]) -> None:
    """The folder and what is above it, noting what was not there."""
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    for path in reversed(missing):
        path.mkdir(exist_ok=True)
        made.append(path)


def refusal(folder: Path, fresh: str, remedy: str, error: OSError) -> StoreError:
    """The disk's refusal in words."""
    match error.errno:
        case errno.ENOTEMPTY | errno.EEXIST if fresh:
            return StoreError(f"{folder / fresh}: somebody else wrote it just now. Nothing was written: export once more.")
        case errno.ENOSPC | errno.EDQUOT:
            return StoreError(f"{folder}: no space left on the disk, and nothing was written. Free some and do it once more.")
        case _:
            return StoreError(f"{folder}: cannot be written: {error.strerror or error}. {remedy}")
