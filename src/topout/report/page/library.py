"""The script that draws the page's charts: Vega, Vega-Lite and Vega-Embed in one, 0.9 MB."""

from __future__ import annotations

import hashlib
import os
import sys
from contextlib import suppress
from functools import cache
from importlib.metadata import version
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Final

from topout.report.charts.drawing import VEGA_LITE

__all__ = ["MADE", "library"]

MADE: Final = {("1.9.0.post1", "6.4"): "373b1f84072b31010f15ceb787be6b415c53936411aae267c8c2b2b6ccde46e7"}
"""SHA-256 of what a version of vl-convert makes for a version of Vega-Lite."""


@cache
def library() -> str:
    """The script as it may stand in a page. Made without a network.

    Making it takes 1.3 s of a processor, as much as all else in a page. So it is kept in the user's cache folder, and read from there when it is what this
    version of vl-convert makes, byte for byte: whatever else a file of that name holds comes into no page. For a version that is not in `MADE`, and where
    the folder cannot be written, each process makes its own.
    """
    import vl_convert

    known = MADE.get((version("vl-convert-python"), VEGA_LITE), "")
    place = cache_folder() / f"charts-{known[:16]}.js" if known else None
    bundle = kept(place, known) if place else ""
    if not bundle:
        bundle = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;", vl_version=VEGA_LITE)
        if place and digest(bundle.encode()) == known:
            keep(place, bundle)
    return bundle.replace("</script", "<\\/script").replace("<!--", "<\\!--")


def digest(script: bytes) -> str:
    return hashlib.sha256(script).hexdigest()


def cache_folder() -> Path:
    """Where the user's programs keep what they can make again: $XDG_CACHE_HOME, else the system's own place."""
    home = Path(os.path.expanduser("~"))  # noqa: PTH111  (Path.home() raises where there is none)
    if sys.platform == "win32":
        usual = Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local")
    else:
        usual = home / ("Library/Caches" if sys.platform == "darwin" else ".cache")
    return Path(os.environ.get("XDG_CACHE_HOME") or usual) / "topout"


def kept(place: Path, known: str) -> str:
    """What is kept there; '' when there is nothing, or something else."""
    try:
        script = place.read_bytes()
    except OSError:
        return ""
    return script.decode() if digest(script) == known else ""


def keep(place: Path, bundle: str) -> None:
    """Whole or not at all, for its owner alone; a disk that refuses changes nothing."""
    if not place.is_absolute():
        return
    with suppress(OSError):
        place.parent.mkdir(parents=True, exist_ok=True)
        with NamedTemporaryFile(dir=place.parent, delete=False) as fresh:
            try:
                fresh.write(bundle.encode())
                fresh.close()
                Path(fresh.name).replace(place)
            except OSError:
                Path(fresh.name).unlink(missing_ok=True)
