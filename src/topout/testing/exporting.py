"""The exams that exporters and registries sit, ours and a plug-in author's alike, and a registry in memory.

from topout.testing.exporting import check_exporter, check_registry

def test_mine_keeps_the_contract(tmp_path: Path) -> None:
    check_exporter(my_exporter, tmp_path)

def test_my_registry_keeps_the_contract() -> None:
    check_registry(lambda: MyRegistry("http://127.0.0.1:8080"))
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from topout.app.registering import register
from topout.contracts import Carried, Exporter, Offer, Provenance, Registered, Registry
from topout.domain import Component, Demo, Estimate, Gain, Json, Prompt, Verdict
from topout.errors import UserError
from topout.exporters.comparing import record_of
from topout.store.batch import write_batch
from topout.text.templates import alike

__all__ = ["MemoryRegistry", "check_exporter", "check_registry", "made_up_offer"]

WORSE = {f"row-{i:03}": 1.0 if i % 10 < 5 else 0.0 for i in range(200)}
BETTER = {f"row-{i:03}": 1.0 if i % 10 < 7 else 0.0 for i in range(200)}


def made_up_offer(name: str = "tickets", *, better: bool = False, demos: int = 2) -> Offer:
    """An offer of a small prompt with two parts, a field and text that looks like a template; measured on 200 held-out rows. The better one has
    other instructions and 20 points more on the same rows."""
    instructions = 'Choose one word. Never write {"a": 1} or %s.' + (
        ' Say "delivery" for a late parcel \u2014 always.' if better else ""
    )
    prompt = Prompt(
        (Component("system", "system", instructions), Component("user", "user", "Ticket: {{text}}")),
        tuple(Demo({"text": f"parcel {i} is late\nplease"}, "delivery") for i in range(demos)),
    )
    baseline = Estimate(0.5, 0.43, 0.57, 200)
    score = Estimate(0.7, 0.63, 0.76, 200) if better else baseline
    p = Provenance(
        run="20260301T1-tickets",
        candidate="00c0ffee" if better else "11c0ffee",
        task="tickets",
        task_fingerprint="f" * 64,
        holdout_fingerprint="e" * 64,
        model="openai/m",
        critic="openai/c",
        scorer="label",
        recipe="evolve",
        baseline=baseline,
        score=score,
        gain=Gain(Estimate(0.2, 0.14, 0.26, 200), 0.001, 40, 0) if better else None,
        verdict=Verdict("topped out", 0.02, 0.04, "Prompting has topped out for this model, critic and data."),
        topout="0.1.0",
    )
    return Offer(name, prompt, ("text",), p, BETTER if better else WORSE)


def check_exporter(exporter: Exporter, folder: Path) -> None:
    """Raise AssertionError, with a sentence, on the first promise that an exporter breaks. `folder` is an empty one that may be written to.

    Examined are: nothing is written by it; paths stay below the folder; equal offers give equal files; run and candidate travel with the prompt, the
    held-out rows do not; the same export again is no change; a file that no export wrote is not replaced, unless forced.
    """
    offer, place = made_up_offer(better=True), folder / "not-there-yet"
    exported = exporter(offer, place)
    assert not list(folder.rglob("*")), "it wrote files itself: it has to return them"
    assert exported.files, "it returned no files"
    for name, data in exported.files.items():
        path = PurePosixPath(name)
        assert not path.is_absolute() and ".." not in path.parts, f"the file '{name}' is not below the folder"
        assert isinstance(data, bytes), f"the file '{name}' is a {type(data).__name__}, expected bytes"
    assert dict(exporter(offer, place).files) == dict(exported.files), "equal offers give different files"
    everything = b"\n".join(exported.files.values())
    for what in (offer.provenance.run, offer.provenance.candidate):
        assert what.encode() in everything, f"'{what}' of the provenance stands in no file"
    assert b"row-0" not in everything, "ids of held-out rows travel"
    write_batch(place, exported.files)
    assert dict(exporter(offer, place).files) == dict(exported.files), "the same export again would change files"
    strange = folder / "strange"
    strange.mkdir()
    for name in exported.files:
        (strange / name).parent.mkdir(parents=True, exist_ok=True)
        (strange / name).write_bytes(b"mine")
    try:
        exporter(offer, strange)
    except UserError:
        pass
    else:
        raise AssertionError("it would replace files that no export wrote")
    assert exporter(replace(offer, force=True), strange).files, "force does not override the refusal"


def check_registry(connect: Callable[[], Registry], name: str = "") -> None:
    """Raise AssertionError, with a sentence, on the first promise that a registry breaks. `connect` reaches the same registry each time; what is written
    goes under `name`, by default one that nobody has.

    Examined are: what is not there is None or empty; a version reads back as `carries` said, with its record; versions come newest first; publishing moves
    no alias; another connection sees all of it; with topout's rules on top, the same prompt makes no new version and an alias moves only if better.
    """
    name = name or f"exam-{secrets.token_hex(6)}"
    first, second = made_up_offer(name), made_up_offer(name, better=True)
    registry = connect()
    for pointer in ("production", "1"):
        assert registry.find(name, pointer) is None, f"'{pointer}' of a prompt that is not there is not None"
    assert list(registry.versions(name, 5)) == [], "a prompt that is not there has versions"
    version = published(registry, first)
    assert registry.find(name, "production") is None, "publishing moved an alias"
    registry.point(name, "production", version)
    other = connect()
    assert pointed(other, name) == version, "the alias does not point where it was pointed"
    later = published(other, second)
    assert later != version, "two versions have one name"
    assert pointed(registry, name) == version, "publishing moved an alias"
    order = [one.version for one in registry.versions(name, 5)]
    assert order == [later, version], f"versions come as {order}, expected the newest first: {[later, version]}"
    assert [one.version for one in registry.versions(name, 1)] == [later], "more versions than asked for"
    registry.point(name, "production", later)
    assert pointed(other, name) == later, "the alias did not move"
    registry.point(name, "production", version)
    again = register(registry, replace(first, alias="production"), ())
    assert (again.version, again.changes) == (version, ()), "the same prompt again made a change"
    moved = register(registry, replace(second, alias="production"), ())
    assert (moved.version, pointed(registry, name)) == (later, later), "the alias did not move to the better prompt"
    assert "paired" in moved.note, f"the scores by row did not come back: compared was {moved.note}"
    try:
        register(registry, replace(first, alias="production"), ())
    except UserError:
        pass
    else:
        raise AssertionError("the alias moved to the worse prompt")
    assert pointed(registry, name) == later, "a refusal moved the alias"
    assert len(registry.versions(name, 5)) == 2, "versions were made that nobody asked for"


def published(registry: Registry, offer: Offer) -> str:
    """Publish and read back."""
    carried, record = registry.carries(offer), record_of(offer)
    version = registry.publish(offer, record)
    found = registry.find(offer.name, version)
    assert found is not None and found.version == version, f"version {version} was published and is not there"
    assert found.prompt is not None, f"version {version} cannot be read back: {found.unread}"
    assert alike(found.prompt, carried.prompt), f"version {version} reads back as another prompt than `carries` said"
    for key, value in record.items():
        if key != "rows":
            assert json.dumps(found.record.get(key)) == json.dumps(value), f"'{key}' of the record did not come back"
    return version


def pointed(registry: Registry, name: str) -> str | None:
    found = registry.find(name, "production")
    return found.version if found is not None else None


@dataclass(slots=True)
class MemoryRegistry:
    """A registry in memory. `shared` is what it holds: two that share it are two connections to one server. `before` is called with the name of each
    step before it is taken, and may raise."""

    shared: dict[str, list[tuple[Prompt, Mapping[str, Json]]]] = field(default_factory=dict)
    aliases: dict[tuple[str, str], str] = field(default_factory=dict)
    before: Callable[[str], None] = lambda step: None

    def carries(self, offer: Offer) -> Carried:
        return Carried(offer.prompt)

    def find(self, name: str, pointer: str) -> Registered | None:
        self.before("find")
        version = self.aliases.get((name, pointer), pointer)
        return next((one for one in self._all(name) if one.version == version), None)

    def versions(self, name: str, most: int) -> Sequence[Registered]:
        self.before("versions")
        return self._all(name)[:most]

    def publish(self, offer: Offer, record: Mapping[str, Json]) -> str:
        self.before("publish")
        self.shared.setdefault(offer.name, []).append((offer.prompt, record))
        self.before("published")
        return str(len(self.shared[offer.name]))

    def point(self, name: str, alias: str, version: str) -> None:
        self.before("point")
        self.aliases[name, alias] = version

    def address(self, name: str, pointer: str) -> str:
        return f"memory:{name}@{pointer}"

    def _all(self, name: str) -> list[Registered]:
        held = self.shared.get(name, [])
        return [Registered(str(i), prompt, record) for i, (prompt, record) in enumerate(held, 1)][::-1]
