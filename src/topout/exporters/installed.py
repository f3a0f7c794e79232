"""The names of all targets: ours, and those that other packages bring. Nothing of theirs is loaded for that."""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points

from topout.exporters import DIRECTORY, HAND_OFFS, SERVERS, TARGETS

__all__ = ["GROUP", "plugged", "target_names"]

GROUP = "topout.exporters"


def plugged() -> dict[str, EntryPoint]:
    """What other packages bring, unread. A name of ours stays ours."""
    found = sorted(entry_points(group=GROUP), key=lambda one: one.name)
    return {one.name: one for one in found if one.name not in {*TARGETS, DIRECTORY, *SERVERS, *HAND_OFFS}}


def target_names() -> list[str]:
    """All names, ours first."""
    return [*TARGETS, DIRECTORY, *SERVERS, *HAND_OFFS, *plugged()]
