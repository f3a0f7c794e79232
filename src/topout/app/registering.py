"""Publishing to a registry: what is decided, and in which order it is done. The same for all registries.

First everything is looked up and decided, then the version is published, then the alias moves. Whatever dies in between leaves either nothing, or a
whole version that nothing points at; the same command again finds that version by its text and goes on from there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from topout.contracts import Offer, Registered, Registry
from topout.domain import Prompt
from topout.errors import UserError
from topout.exporters.comparing import compare, record_of
from topout.text.templates import alike

__all__ = ["LOOKED_THROUGH", "Measured", "Registration", "register"]

LOOKED_THROUGH = 100
"""So many of the newest versions are looked through for the same prompt."""

Measured = Sequence[tuple[Prompt, Mapping[str, float]]]
"""The prompts of a run with their held-out scores by example id."""


@dataclass(frozen=True, slots=True)
class Registration:
    """What was done, or would be after a dry run: `version` is None when a new one would be made, `changes` is empty when all was there already."""

    version: str | None
    note: str
    changes: tuple[str, ...]
    warnings: tuple[str, ...]


def register(registry: Registry, offer: Offer, measured: Measured, *, dry_run: bool = False) -> Registration:
    """Publish an offer, unless a version holds the same prompt, and move the alias that it asks for, only if it is better.

    Raises UserError when the registry cannot carry the prompt or does not answer, and when the prompt is not shown to be better than what the alias
    points at (unless the offer forces it): then nothing was changed.
    """
    carried = registry.carries(offer)
    current = registry.find(offer.name, offer.alias) if offer.alias else None
    same = same_version(registry, offer, carried.prompt, current)
    decided = decision(registry, offer, measured, current, same) if offer.alias else ""
    moves = bool(offer.alias) and (current is None or same is None or current.version != same.version)
    warnings = carried.warnings
    if same is not None and not same.record:
        warnings += (f"Version {same.version} was not made by topout: it holds the prompt, and no record of what it is worth.",)
    version = same.version if same is not None else None if dry_run else registry.publish(offer, record_of(offer))
    if moves and version is not None and not dry_run:
        move(registry, offer, current, version)
    label = f"version {version}" if version is not None else "a new version"
    changes: tuple[str, ...] = ()
    if same is None:
        changes += (label if version is None else f"{label}: {registry.address(offer.name, version)}",)
    if moves:
        changes += (f"alias {offer.alias} -> {label}: {registry.address(offer.name, offer.alias)}",)
    if version is None:
        note = f"{offer.name}: {label}."
    elif same is None:
        note = f"{offer.name} {label} (new)."
    else:
        note = f"{offer.name} {label}: the same prompt is there already, so no new version was made."
    return Registration(version, f"{note} {decided}".rstrip(), changes, warnings)


def same_version(registry: Registry, offer: Offer, prompt: Prompt, current: Registered | None) -> Registered | None:
    """The version that holds this prompt already: what the alias points at, or else the newest one."""
    if current is not None and current.prompt is not None and alike(current.prompt, prompt):
        return current
    known = registry.versions(offer.name, LOOKED_THROUGH)
    return next((one for one in known if one.prompt is not None and alike(one.prompt, prompt)), None)


def decision(registry: Registry, offer: Offer, measured: Measured, current: Registered | None, same: Registered | None) -> str:
    """Why the alias may point at this prompt, in a sentence. Raises UserError when it may not."""
    if current is None:
        return f"'{offer.alias}' points at it, and at nothing before."
    if same is not None and current.version == same.version:
        return f"'{offer.alias}' points at it already."
    found = compare(offer, current, scores_of(measured, current.prompt))
    if found.better:
        return f"'{offer.alias}' moved from version {current.version}: {found.reason}."
    if offer.force:
        return f"'{offer.alias}' was version {current.version}: {found.reason}; moved because of --force."
    advice = (
        ""
        if found.measured_here
        else " A run that begins with what the alias points at (topout import) measures both on the same rows."
    )
    raise UserError(
        f"{registry.address(offer.name, offer.alias)}: not shown to be better than what '{offer.alias}' points at: {found.reason}. Nothing was "
        f"written. Without --alias it becomes a version that nothing points at; --force moves the alias all the same.{advice}"
    )


def scores_of(measured: Measured, prompt: Prompt | None) -> Mapping[str, float]:
    """The held-out scores of a prompt in this run; none when it was no candidate there."""
    if prompt is None:
        return {}
    return next((scores for candidate, scores in measured if scores and alike(candidate, prompt)), {})


def move(registry: Registry, offer: Offer, current: Registered | None, version: str) -> None:
    """Point the alias at the version, unless somebody else moved it since the decision."""
    half = f"Version {version} is registered and '{offer.alias}' is not on it: the same command again completes it."
    try:
        now = registry.find(offer.name, offer.alias)
        before, after = (one.version if one is not None else None for one in (current, now))
        if before != after:
            raise UserError(
                f"{registry.address(offer.name, offer.alias)}: somebody else moved '{offer.alias}' to version {after} just now, and that is not "
                "what this prompt was compared with."
            )
        registry.point(offer.name, offer.alias, version)
    except UserError as error:
        raise UserError(f"{error} {half}") from error
