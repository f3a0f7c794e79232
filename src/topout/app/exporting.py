"""From a run to an export: what is offered, and the one place where its files are written."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from topout import __version__
from topout.app.carrying import bare, form_of, left_behind, offered, worded
from topout.app.places import task_path, to_type
from topout.app.registering import register
from topout.app.targets import REGISTRIES, plug_in, target
from topout.contracts import Exported, Offer, Provenance, Registry, RegistryTarget
from topout.domain import Candidate, Estimate, Json
from topout.errors import UserError
from topout.exporters import DIRECTORY, TARGETS
from topout.exporters.names import check_alias, check_name, default_name
from topout.exporters.provenance import EMBEDDED_NOTE, content, provenance_document
from topout.exporters.steps import step_offers
from topout.plateau.intervals import mean_interval, paired_gain
from topout.plugins.tasks import load_task
from topout.report.findings import Findings, find
from topout.report.measures import setting
from topout.report.samples import row_score, split_of
from topout.report.showing import find_candidate
from topout.store.batch import write_batch
from topout.store.journal import read_journal
from topout.store.layout import find_run
from topout.text.rendering import placeholders

__all__ = ["Delivery", "export"]


@dataclass(frozen=True, slots=True)
class Delivery:
    """An export. `where` is the folder or the registry's address, `changes` what was written there (or would be, when `written` is False after a dry
    run), `files` those that it consists of, none for a registry. `version` is that of a registry, None when a dry run would make a new one."""

    target: str
    offer: Offer
    where: str
    files: tuple[Path, ...]
    changes: tuple[str, ...]
    written: bool
    note: str
    warnings: tuple[str, ...]
    version: str | None = None

    @property
    def provenance(self) -> dict[str, Json]:
        """As it stands in the provenance file."""
        return provenance_document(self.offer)


def export(
    run: str | Path,
    *,
    to: str,
    candidate: str | None = None,
    name: str | None = None,
    alias: str | None = None,
    out: str | Path | None = None,
    uri: str | None = None,
    force: bool = False,
    dry_run: bool = False,
    runs_dir: str | Path = "runs",
) -> Delivery:
    """Write a run's winner (or the candidate whose id begins so) as files of another format, or into a prompt registry.

    `to` is one of `topout.exporters.installed.target_names()`. `name` defaults to the task's. `alias` (registries only) is moved only if the prompt is shown to
    be better, on the same held-out rows, than what it points at; `force` overrides that, and the refusal to replace files that are no exports. `out` is
    where files go (`exports/NAME`), `uri` the address of a registry (for `registry` a folder, `prompts`; either name will do). With `dry_run` all is decided
    and nothing written. The same call again changes nothing.

    Raises UserError for bad input and refusals, JournalError for a run without a measured baseline, StoreError when the disk refuses.
    """
    carry = target(to)
    files = not isinstance(carry, RegistryTarget)
    if files and alias is not None:
        raise UserError(
            f"--alias {alias}: the target '{to}' has no aliases. Leave --alias out, or use a registry: {', '.join(REGISTRIES)}."
        )
    if files and uri is not None:
        raise UserError(f"--uri: the target '{to}' writes files. Say where with --out FOLDER.")
    if not files and to != DIRECTORY and out is not None:
        raise UserError(f"--out {out}: the target '{to}' writes no files. Say where the registry is with --uri.")
    found = find_run(Path(run), Path(runs_dir))
    f = find(read_journal(found.journal))
    chosen = f.winner if candidate is None else find_candidate(f, candidate)
    task = str(f.started.manifest.get("task") or Path(setting(f, "task")).name)
    called = check_name(name) if name is not None else default_name(task)
    asked, form = chosen.prompt, form_of(f)
    offer = offer_of(f, found.name, task, bare(f, chosen), called, check_alias(alias) if alias is not None else "", force)
    offer = with_state(offer, found.path, f, to) if offer.program else offered(offer, form)
    with plug_in(to):
        if isinstance(carry, RegistryTarget) and offer.program and to != DIRECTORY:
            return register_steps(carry.connect(uri or ""), offer, to, doubts(f, offer), dry_run)
        if isinstance(carry, RegistryTarget):
            registry = carry.connect(uri or (str(out) if out is not None else ""))
            measured = [(worded(one.prompt, form), held_out(f, one.id)) for one in f.candidates.values()]
            done = register(registry, offer, measured, dry_run=dry_run)
            where = registry.address(called, offer.alias or done.version or "1")
            warnings = (*doubts(f, offer), *left_behind(asked), *done.warnings)
            return Delivery(to, offer, where, (), done.changes, not dry_run, done.note, warnings, done.version)
        folder = Path(out) if out is not None else Path("exports") / called
        given: object = carry(offer, folder)
    exported = usable(to, given)
    exported = replace(exported, warnings=(*left_behind(asked), *exported.warnings))
    return delivered(to, f, offer, folder, exported, dry_run)


def usable(to: str, given: object) -> Exported:
    """What an exporter returned. Raises UserError for anything but files below the folder: one of the user's own may return what it likes."""
    if not isinstance(given, Exported):
        raise UserError(f"{to}: exporter(offer, folder) returned {kind(given)}, expected an Exported (see topout.contracts).")
    for name, data in given.files.items():
        way = Path(name)
        if not name or way.is_absolute() or ".." in way.parts:
            raise UserError(f"{to}: '{name}' among its files: expected paths below the folder. Nothing was written.")
        if not isinstance(data, bytes):
            raise UserError(f"{to}: '{name}' is {kind(data)}, expected bytes (text.encode()). Nothing was written.")
    return given


def kind(value: object) -> str:
    """`None`, `a dict`, `an int`: what a value is, for a message."""
    name = type(value).__name__
    return "None" if value is None else f"a{'n' if name[0] in 'aeiou' else ''} {name}"


def delivered(to: str, f: Findings, offer: Offer, folder: Path, exported: Exported, dry_run: bool) -> Delivery:
    """Put an export's files in place, those that are not there already as they should be."""
    changed = {file: data for file, data in exported.files.items() if content(folder / file) != data}
    if not dry_run:
        write_batch(folder, changed)
    return Delivery(
        to,
        offer,
        str(folder),
        tuple(folder / file for file in exported.files),
        tuple(str(folder / file) for file in changed),
        not dry_run,
        exported.note,
        (*doubts(f, offer), *exported.warnings),
    )


def offer_of(f: Findings, run: str, task: str, chosen: Candidate, name: str, alias: str, force: bool) -> Offer:
    """What is known of a candidate, ready to travel: nothing of the run's addresses and environment is in it."""
    groups = f.started.manifest.get("groups")
    known = {str(k): str(v) for k, v in groups.items()} if isinstance(groups, dict) else {}
    ids = sorted({example for (_, example), samples in f.table.items() if split_of(samples) == "holdout"})
    mine, theirs = held_out(f, chosen.id), held_out(f, f.baseline.id)
    nan = float("nan")
    one, other = [mine.get(i, nan) for i in ids], [theirs.get(i, nan) for i in ids]
    clusters = [known.get(i, "") for i in ids] if known else None
    unmeasured = Estimate(nan, 0.0, 1.0, 0)
    manifest = f.started.manifest
    p = Provenance(
        run,
        chosen.id,
        task,
        str(manifest.get("task_fingerprint", "")),
        str(manifest.get("holdout_fingerprint") or manifest.get("task_fingerprint", "")),
        setting(f, "model"),
        setting(f, "critic"),
        str(manifest.get("scorer", "")),
        str(manifest.get("recipe") or setting(f, "recipe")),
        mean_interval(other, clusters=clusters) if theirs else unmeasured,
        mean_interval(one, clusters=clusters) if mine else unmeasured,
        paired_gain(one, other, clusters=clusters) if chosen.id != f.baseline.id and mine.keys() & theirs.keys() else None,
        f.verdict,
        str(manifest.get("topout") or __version__),
    )
    texts = [c.text for role in ("user", "system") for c in chosen.prompt.components if c.role == role]
    fields = tuple(dict.fromkeys(name for text in texts for name in placeholders(text)))
    asked = manifest.get("asked")
    given = asked if isinstance(asked, dict) else {}
    temperature, most, schema = (given.get(key) for key in ("temperature", "max_output_tokens", "output_schema"))
    return Offer(
        name,
        chosen.prompt,
        fields,
        p,
        mine,
        {i: known[i] for i in ids if i in known},
        alias,
        force,
        float(temperature) if isinstance(temperature, int | float) else None,
        most if isinstance(most, int) else None,
        schema if isinstance(schema, dict) else None,
        kind_of(manifest.get("program")),
    )


def kind_of(program: Json) -> Literal["", "run", "dspy"]:
    """How the run's program is written, as its manifest says."""
    return "run" if program == "run" else "dspy" if program == "dspy" else ""


def with_state(offer: Offer, run: Path, f: Findings, to: str) -> Offer:
    """The offer of a program's prompt, with what DSPy loads of it. Raises UserError for a target that holds one call and no steps."""
    if to == "dspy" and offer.program == "dspy":
        source = to_type(run, f.started)["task"]
        folder = load_task(task_path(source))
        if folder.state is None or [c.name for c in folder.task.baseline.components] != [c.name for c in offer.prompt.components]:
            raise UserError(
                f"{source}: its program has other predictors now than in this run. Restore it, or export with --to text."
            )
        return replace(offer, state=folder.state(offer.prompt))
    if to in TARGETS and to != "text":
        raise UserError(
            f"--to {to}: this prompt is that of a program of several steps, and '{to}' holds one call{' or the predictors of a DSPy module' if to == 'dspy' else ''}. "
            f"Use --to text{' or dspy' if offer.program == 'dspy' else ''}, or a registry: {', '.join(REGISTRIES)}."
        )
    return offer


def register_steps(registry: Registry, offer: Offer, to: str, warnings: tuple[str, ...], dry_run: bool) -> Delivery:
    """One prompt a step, named after it: servers keep prompts of one call."""
    done = [(one, register(registry, one, (), dry_run=dry_run)) for one in step_offers(offer)]
    lost = len(offer.prompt.demos) - sum(len(one.prompt.demos) for one, _ in done)
    if lost:
        warnings += (
            f"{lost} demos belong to steps whose program lays them out itself: they are not in the registry. See --to text.",
        )
    where = ", ".join(registry.address(one.name, one.alias or answer.version or "1") for one, answer in done)
    note = "One prompt a step: " + ", ".join(one.name for one, _ in done) + "."
    every = tuple(dict.fromkeys((*warnings, *(w for _, answer in done for w in answer.warnings))))
    return Delivery(to, offer, where, (), tuple(c for _, answer in done for c in answer.changes), not dry_run, note, every)


def held_out(f: Findings, candidate: str) -> dict[str, float]:
    """A candidate's held-out scores by example."""
    found = {
        example: row_score(samples)
        for (c, example), samples in f.table.items()
        if c == candidate and split_of(samples) == "holdout"
    }
    return {example: score for example, score in found.items() if math.isfinite(score)}


def doubts(f: Findings, offer: Offer) -> tuple[str, ...]:
    """What whoever deploys the prompt should know first."""
    p = offer.provenance
    found: list[str] = []
    if p.model.startswith("embedded/"):
        found.append(f"{'The held-out score was' if p.score.n else 'All scores of the run were'} {EMBEDDED_NOTE}.")
    if f.ended is None:
        found.append("The run has not ended: a later export may be another prompt.")
    if p.candidate == f.baseline.id:
        found.append(
            "This is the task's own prompt: the run found nothing better."
            if f.winner.id == p.candidate
            else "This is the baseline."
        )
    elif not p.score.n:
        found.append("This candidate was not measured on held-out rows.")
    elif p.gain is None or p.gain.estimate.low <= 0:
        found.append("It is not shown to be better than the baseline: the interval of its held-out gain reaches 0 or below.")
    return tuple(found)
