"""Our own exporters and registries, and what a careless author writes, sit the exams of `topout.testing.exporting`."""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from topout.contracts import Exported, Exporter, Offer, Registered
from topout.domain import Json
from topout.exporters import TARGETS
from topout.exporters.directory import DirectoryRegistry
from topout.store.batch import write_batch
from topout.testing.exporting import MemoryRegistry, check_exporter, check_registry


@pytest.mark.parametrize("target", list(TARGETS))
def test_our_exporters_pass(target: str, tmp_path: Path) -> None:
    check_exporter(TARGETS[target], tmp_path)


def test_our_registries_pass(tmp_path: Path) -> None:
    check_registry(lambda: DirectoryRegistry(tmp_path, write_batch))
    shared = MemoryRegistry()
    check_registry(lambda: shared)


def careless(**files: bytes) -> Exporter:
    def export(offer: Offer, folder: Path) -> Exported:
        known = f"{offer.provenance.run} {offer.provenance.candidate}".encode()
        return Exported({name.replace("__", "/"): data or known for name, data in files.items()})

    return export


def unequal() -> Exporter:
    number = itertools.count()
    return lambda offer, folder: Exported({"a": str(next(number)).encode()})


def writes_itself(offer: Offer, folder: Path) -> Exported:
    folder.mkdir()
    return Exported({"a": b""})


@pytest.mark.parametrize(
    ("exporter", "why"),
    [
        (writes_itself, "it wrote files itself"),
        (careless(), "returned no files"),
        (careless(a__b=b"text"), "of the provenance stands in no file"),
        (careless(a=b""), "would replace files that no export wrote"),
        (lambda offer, folder: Exported({"../a": b"x"}), "not below the folder"),
        (unequal(), "equal offers give different files"),
    ],
)
def test_what_a_careless_exporter_breaks_is_told(exporter: Exporter, why: str, tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match=why):
        check_exporter(exporter, tmp_path)


@dataclass(slots=True)
class Careless(MemoryRegistry):
    fault: str = ""

    def publish(self, offer: Offer, record: Mapping[str, Json]) -> str:
        version = MemoryRegistry.publish(self, offer, {} if self.fault == "forgets" else record)
        if self.fault == "moves":
            self.aliases[offer.name, "production"] = version
        return version

    def find(self, name: str, pointer: str) -> Registered | None:
        found = MemoryRegistry.find(self, name, pointer)
        return Registered("0", None) if found is None and self.fault == "invents" else found


@pytest.mark.parametrize(
    ("fault", "why"),
    [("forgets", "of the record did not come back"), ("moves", "publishing moved an alias"), ("invents", "is not None")],
)
def test_what_a_careless_registry_breaks_is_told(fault: str, why: str) -> None:
    registry = Careless(fault=fault)
    with pytest.raises(AssertionError, match=why):
        check_registry(lambda: registry)
