import os
import re
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from topout.app.registering import Registration, register
from topout.contracts import Offer
from topout.domain import Estimate
from topout.errors import StoreError, UserError
from topout.exporters.directory import DirectoryRegistry
from topout.plugins.shipped import shipped
from topout.plugins.tasks import load_task
from topout.store.batch import write_batch

Carry = Callable[[Offer], Registration]
Rescored = Callable[..., Offer]
BETTER = {f"row-{i:03}": 1.0 if i % 10 < 8 else 0.0 for i in range(200)}
SLIGHTLY = {f"row-{i:03}": 1.0 if i % 10 < 7 or i == 7 else 0.0 for i in range(200)}


@pytest.fixture
def carry(tmp_path: Path) -> Carry:
    """Registers an offer in tmp_path, as topout.app does."""
    return lambda offer: register(DirectoryRegistry(tmp_path, write_batch), offer, ())


def tree(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_a_version_is_a_folder_and_an_alias_a_file(offer: Offer, carry: Carry, tmp_path: Path) -> None:
    exported = carry(replace(offer, alias="production"))
    assert sorted(tree(tmp_path)) == [
        "ticket-label/aliases/production",
        "ticket-label/versions/1/demos.jsonl",
        "ticket-label/versions/1/prompt.md",
        "ticket-label/versions/1/provenance.json",
        "ticket-label/versions/1/scores.json",
    ]
    assert (tmp_path / "ticket-label/aliases/production").read_text() == "1\n"
    assert exported.version == "1"
    assert exported.note == "ticket-label version 1 (new). 'production' points at it, and at nothing before."


def test_held_out_rows_are_not_named(offer: Offer, carry: Carry, tmp_path: Path) -> None:
    carry(offer)
    assert all(b"row-0" not in data and b"train-1" not in data for data in tree(tmp_path).values())


def test_the_same_prompt_again_makes_no_new_version(offer: Offer, carry: Carry, tmp_path: Path) -> None:
    carry(replace(offer, alias="production"))
    before = tree(tmp_path)
    again = carry(replace(offer, alias="production", provenance=replace(offer.provenance, run="another")))
    assert (again.version, again.changes, tree(tmp_path)) == ("1", (), before)
    assert "no new version" in again.note and "already" in again.note


def test_line_ends_that_git_changed_are_no_change(offer: Offer, carry: Carry, tmp_path: Path) -> None:
    carry(offer)
    prompt = tmp_path / "ticket-label/versions/1/prompt.md"
    prompt.write_bytes(prompt.read_bytes().replace(b"\n", b"\r\n"))
    assert carry(offer).version == "1"


def test_versions_never_change_and_numbers_go_up(offer: Offer, carry: Carry, rescored: Rescored, tmp_path: Path) -> None:
    carry(offer)
    before = tree(tmp_path)
    assert carry(rescored(offer, offer.provenance.score)).version == "2"
    assert before.items() <= tree(tmp_path).items()
    assert carry(offer).version == "1"


def test_the_alias_moves_when_the_paired_gain_is_shown(offer: Offer, carry: Carry, rescored: Rescored, tmp_path: Path) -> None:
    carry(replace(offer, alias="production"))
    done = carry(rescored(offer, Estimate(0.8, 0.74, 0.85, 200), BETTER, alias="production"))
    assert (tmp_path / "ticket-label/aliases/production").read_text() == "2\n"
    assert done.note == (
        "ticket-label version 2 (new). 'production' moved from version 1: "
        "+10.0 points [5.6, 14.2], n = 200 over version 1, paired on the same held-out rows."
    )


@pytest.mark.parametrize(
    ("score", "rows", "said"),
    [
        (Estimate(0.705, 0.64, 0.76, 200), SLIGHTLY, r"\+0\.5 points .* paired on the same held-out rows"),
        (Estimate(0.75, 0.68, 0.80, 200), {}, r"75\.0 % .* against 70\.0 % .* by intervals \(its rows are not at hand\)"),
        (Estimate(float("nan"), 0.0, 1.0, 0), {}, "was not measured on held-out rows"),
    ],
)
def test_only_if_better(
    offer: Offer, carry: Carry, rescored: Rescored, tmp_path: Path, score: Estimate, rows: Mapping[str, float], said: str
) -> None:
    carry(replace(offer, alias="production"))
    before = tree(tmp_path)
    later = rescored(offer, score, rows, alias="production")
    with pytest.raises(UserError, match=said) as error:
        carry(later)
    assert "Nothing was written" in str(error.value) and "--force" in str(error.value)
    assert tree(tmp_path) == before
    forced = carry(replace(later, force=True))
    assert forced.version == "2" and "moved because of --force" in forced.note
    assert (tmp_path / "ticket-label/aliases/production").read_text() == "2\n"


def test_without_common_rows_intervals_that_lie_apart_are_enough(offer: Offer, carry: Carry, rescored: Rescored) -> None:
    carry(replace(offer, alias="production"))
    done = carry(rescored(offer, Estimate(0.9, 0.85, 0.93, 200), {}, alias="production"))
    assert "90.0 % [85.0, 93.0], n = 200 against 70.0 % [63.0, 76.0], n = 200 for version 1, by intervals" in done.note


@pytest.mark.parametrize(
    ("change", "said"), [({"holdout_fingerprint": "0" * 64}, "other held-out rows"), ({"model": "openai/other"}, "openai/other")]
)
def test_what_was_measured_elsewhere_is_not_comparable(
    offer: Offer, carry: Carry, rescored: Rescored, change: Mapping[str, str], said: str
) -> None:
    carry(replace(offer, alias="production"))
    with pytest.raises(UserError, match=f"{said}.*not comparable"):
        carry(rescored(offer, Estimate(0.9, 0.85, 0.93, 200), BETTER, alias="production", **change))


def test_without_an_alias_nothing_is_refused(offer: Offer, carry: Carry, rescored: Rescored) -> None:
    carry(replace(offer, alias="production"))
    assert carry(rescored(offer, Estimate(0.1, 0.05, 0.2, 200))).version == "2"


def test_a_damaged_registry_is_named_and_force_goes_on(offer: Offer, carry: Carry, rescored: Rescored, tmp_path: Path) -> None:
    carry(replace(offer, alias="production"))
    later = rescored(offer, Estimate(0.9, 0.85, 0.93, 200), BETTER, alias="production")
    (tmp_path / "ticket-label/versions/1/provenance.json").write_text("{")
    with pytest.raises(UserError, match=r"provenance\.json: not a JSON object"):
        carry(later)
    (tmp_path / "ticket-label/aliases/production").write_text("main")
    with pytest.raises(UserError, match="production: found 'main', expected the number of a version"):
        carry(later)
    assert carry(replace(later, force=True)).version == "2"


def test_a_version_that_somebody_else_took_meanwhile_is_not_touched(offer: Offer, rescored: Rescored, tmp_path: Path) -> None:
    def taken_first(folder: Path, files: Mapping[str, bytes], fresh: str) -> None:
        register(DirectoryRegistry(tmp_path, write_batch), rescored(offer, offer.provenance.score), ())
        write_batch(folder, files, fresh)

    with pytest.raises(StoreError, match="export once more"):
        register(DirectoryRegistry(tmp_path, taken_first), offer, ())
    assert "Be brief." in (tmp_path / "ticket-label/versions/1/prompt.md").read_text()
    assert register(DirectoryRegistry(tmp_path, write_batch), offer, ()).version == "2"


def test_a_batch_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreError, match="Choose another folder with --out"):
        write_batch(tmp_path / "new" / "deep", {"a/b": b"1", "a": b"2"})
    with pytest.raises(StoreError):
        write_batch(tmp_path / "file" / "below", {"a": b"1"})
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file"]


def test_what_a_killed_export_left_aside_goes_later(offer: Offer, carry: Carry, tmp_path: Path) -> None:
    for name, age in ((".topout-1", 7200), (".topout-2", 10)):
        (tmp_path / name / "ticket-label").mkdir(parents=True)
        os.utime(tmp_path / name, (time.time() - age,) * 2)
    carry(offer)
    assert sorted(p.name for p in tmp_path.iterdir()) == [".topout-2", "ticket-label"]


def test_a_task_whose_prompt_and_train_rows_changed_is_still_measured_alike(tmp_path: Path) -> None:
    task = shutil.copytree(shipped("tasks") / "support-tickets", tmp_path / "task")
    before = load_task(task)
    (task / "prompt.md").write_text("A better one.\nTicket: {{text}}\n")
    after = load_task(task)
    assert before.task.fingerprint != after.task.fingerprint
    assert before.holdout_fingerprint == after.holdout_fingerprint
    settings = (task / "task.toml").read_text()
    (task / "task.toml").write_text(re.sub(r"(?m)^\[scorer\]$", "[scorer]\nstrict = false", settings))
    assert load_task(task).holdout_fingerprint != before.holdout_fingerprint
