"""What `--to` can name: our exporters and registries, and those that other packages bring.

A package brings one under the entry-point group `topout.exporters`: an Exporter (files) or a RegistryTarget. It is loaded when it is asked for, never
before, so that a broken one is in nobody's way.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

from topout.contracts import Exporter, RegistryTarget
from topout.errors import TopoutError, UserError, did_you_mean
from topout.exporters import HAND_OFFS, TARGETS, langfuse_registry, mlflow_registry, phoenix_registry
from topout.exporters.directory import DirectoryRegistry
from topout.store.batch import write_batch

__all__ = ["GROUP", "plug_in", "registry_target", "target", "target_names"]

GROUP = "topout.exporters"
REGISTRIES: Mapping[str, RegistryTarget] = {
    "registry": RegistryTarget(lambda folder: DirectoryRegistry(Path(folder or "prompts"), write_batch)),
    "mlflow": RegistryTarget(mlflow_registry.connect),
    "phoenix": RegistryTarget(phoenix_registry.connect),
    "langfuse": RegistryTarget(langfuse_registry.connect),
}


def plugged() -> dict[str, EntryPoint]:
    """What other packages bring, unread. A name of ours stays ours."""
    found = sorted(entry_points(group=GROUP), key=lambda one: one.name)
    return {one.name: one for one in found if one.name not in {*TARGETS, *REGISTRIES, *HAND_OFFS}}


def target_names() -> list[str]:
    """All names, ours first."""
    return [*TARGETS, *REGISTRIES, *HAND_OFFS, *plugged()]


def target(name: str, option: str = "--to") -> Exporter | RegistryTarget:
    """The exporter or registry of that name. Raises UserError with the nearest name and all of them, and for a plug-in that does not load."""
    if name in TARGETS:
        return TARGETS[name]
    if name in REGISTRIES:
        return REGISTRIES[name]
    others = plugged()
    if name in others:
        return loaded(others[name], option)
    if name in HAND_OFFS:
        raise UserError(f"{option} {name}: this target takes rows of the task too. From Python: topout.hand_off(run, to='{name}').")
    known = [*TARGETS, *REGISTRIES, *HAND_OFFS, *others]
    near = did_you_mean(name, known)
    near = near if near.startswith(" Did") else ""
    raise UserError(f"{option} {name}: no such target.{near} Targets: {', '.join(known)}.")


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
    try:
        yield
    except TopoutError:
        raise
    except Exception as error:
        if name in TARGETS or name in REGISTRIES:
            raise
        raise UserError(f"{option} {name}: the plug-in failed: {type(error).__name__}: {error}. Tell its author.") from error
