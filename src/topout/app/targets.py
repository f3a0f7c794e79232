"""What `--to` can name: our exporters and registries, and those that other packages bring.

A package brings one under the entry-point group `topout.exporters`: an Exporter (files) or a RegistryTarget. It is loaded when it is asked for, never
before, so that a broken one is in nobody's way. A name that ends in `.py` is a file of the user's own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import EntryPoint
from pathlib import Path

from topout.contracts import Exporter, RegistryTarget
from topout.errors import TopoutError, UserError, did_you_mean, place
from topout.exporters import DIRECTORY, HAND_OFFS, SERVERS, TARGETS
from topout.exporters.directory import DirectoryRegistry
from topout.exporters.installed import plugged, target_names
from topout.plugins.exporters import load_exporter
from topout.plugins.modules import Crash, boundary
from topout.store.batch import write_batch

__all__ = ["REGISTRIES", "plug_in", "registry_target", "target"]

REGISTRIES: Mapping[str, RegistryTarget] = {
    DIRECTORY: RegistryTarget(lambda folder: DirectoryRegistry(Path(folder or "prompts"), write_batch)),
    **SERVERS,
}


def target(name: str, option: str = "--to") -> Exporter | RegistryTarget:
    """The exporter or registry of that name. Raises UserError with the nearest name and all of them, and for a plug-in that does not load."""
    if name in TARGETS:
        return TARGETS[name]
    if name in REGISTRIES:
        return REGISTRIES[name]
    if name.endswith(".py"):
        return load_exporter(Path(name))
    others = plugged()
    if name in others:
        return loaded(others[name], option)
    if name in HAND_OFFS:
        raise UserError(f"{option} {name}: this target takes rows of the task too. From Python: topout.hand_off(run, to='{name}').")
    own = Path("exporters") / f"{name}.py"
    if Path(name).name == name and own.is_file():
        raise UserError(
            f"{option} {name}: no target of that name, but a file: code runs only when its file was named. Give {option} {own}."
        )
    known = target_names()
    near = did_you_mean(name, known)
    near = near if near.startswith(" Did") else ""
    raise UserError(f"{option} {name}: no such target.{near} Targets: {', '.join(known)}; or a file of your own, such as mine.py.")


def registry_target(name: str, option: str) -> RegistryTarget:
    """The registry of that name. Raises UserError also when the target is one that writes files."""
    found = target(name, option)
    if isinstance(found, RegistryTarget):
        return found
    raise UserError(f"{option} {name}: this target writes files and is no registry. Registries: {', '.join(REGISTRIES)}.")


def loaded(entry: EntryPoint, option: str) -> Exporter | RegistryTarget:
    """What an entry point names."""
    where = f"{option} {entry.name}: the plug-in {entry.value}{f' of {entry.dist.name}' if entry.dist is not None else ''}"
    try:
        found: object = entry.load()
    except Exception as error:
        raise UserError(f"{where} does not load: {type(error).__name__}: {error}. Mend, update or uninstall it.") from error
    if isinstance(found, RegistryTarget):
        return found
    if callable(found):
        exporter: Exporter = found
        return exporter
    raise UserError(f"{where} is a {type(found).__name__}, expected a function (offer, folder) -> Exported, or a RegistryTarget.")


@contextmanager
def plug_in(name: str, option: str = "--to") -> Iterator[None]:
    """What a target of somebody else's raises by mistake becomes a UserError with its name. Ours raise what they mean to."""
    if name.endswith(".py"):
        try:
            with boundary(Path(name)):
                yield
        except Crash as crash:
            raise UserError(f"{place(name, crash.line)}: it raised {crash.what}.") from crash
        return
    try:
        yield
    except TopoutError:
        raise
    except Exception as error:
        if name in TARGETS or name in REGISTRIES:
            raise
        raise UserError(f"{option} {name}: the plug-in failed: {type(error).__name__}: {error}. Tell its author.") from error
