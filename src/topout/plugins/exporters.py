"""Exporters and registries in a Python file of the user's own."""

from __future__ import annotations

from pathlib import Path

from topout.contracts import Exporter, RegistryTarget
from topout.errors import UserError, place
from topout.plugins.modules import load_module

__all__ = ["load_exporter"]


def load_exporter(path: Path) -> Exporter | RegistryTarget:
    """What a file's `exporter(offer, folder)` or `connect(address)` makes: an exporter of files, or how to reach a registry.

    Raises UserError when the file cannot be read, does not import, or has neither or both of them.
    """
    names = vars(load_module(path))
    found = {name: names[name] for name in ("exporter", "connect") if callable(names.get(name))}
    if len(found) != 1:
        raise UserError(
            f"{place(path)}: {'both' if found else 'neither'} a function 'exporter(offer, folder)' {'and' if found else 'nor'} a function "
            "'connect(address)' in it, expected one: the first makes files, the second reaches a registry (see topout.contracts)."
        )
    if "connect" in found:
        return RegistryTarget(found["connect"])
    exporter: Exporter = found["exporter"]
    return exporter
