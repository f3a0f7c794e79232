import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from topout.contracts import Exported, Exporter, Offer
from topout.domain import Estimate
from topout.errors import UserError
from topout.exporters import TARGETS
from topout.exporters.names import check_alias, check_name, default_name

Carry = Callable[[Exporter, Offer], Exported]
WHERE = {
    "text": "prompt.provenance.json",
    "messages": "messages.provenance.json",
    "dspy": "program.provenance.json",
    "python": "ticket_label.provenance.json",
    "langchain": "langchain.provenance.json",
    "prompty": "ticket-label.provenance.json",
    "dotprompt": "ticket-label.provenance.json",
    "registry": "ticket-label/versions/1/provenance.json",
}


@pytest.mark.parametrize("target", list(TARGETS))
def test_every_export_carries_its_provenance(offer: Offer, carry: Carry, tmp_path: Path, target: str) -> None:
    carry(TARGETS[target], offer)
    document = json.loads((tmp_path / WHERE[target]).read_text())
    assert document["run"] == "20260301T1-t" and document["candidate"] == "00c0ffee"
    assert document["task"] == "tickets" and (document["task_fingerprint"], document["holdout_fingerprint"]) == ("f" * 64, "e" * 64)
    assert (document["model"], document["critic"], document["scorer"], document["recipe"]) == (
        "openai/m",
        "openai/c",
        "label",
        "evolve",
    )
    assert document["holdout"]["this"] == {"mean": 0.7, "low": 0.63, "high": 0.76, "level": 0.95, "n": 200, "unscored": 0}
    assert document["holdout"]["baseline"]["mean"] == 0.5
    assert document["holdout"]["paired_gain"]["low"] == 0.13
    assert document["verdict"]["ruling"] == "topped out" and "topped out" in document["verdict"]["sentence"]
    assert document["topout"] == "0.1.0"


def test_what_was_not_measured_is_null(offer: Offer, carry: Carry, tmp_path: Path) -> None:
    p = replace(offer.provenance, score=Estimate(float("nan"), 0.0, 1.0, 0), gain=None)
    carry(TARGETS["messages"], replace(offer, provenance=p))
    document = json.loads((tmp_path / "messages.provenance.json").read_text())
    assert document["holdout"]["this"]["mean"] is None and document["holdout"]["paired_gain"] is None


@pytest.mark.parametrize("target", [target for target in TARGETS if target != "registry"])
def test_the_same_export_again_is_the_same_bytes(offer: Offer, carry: Carry, tmp_path: Path, target: str) -> None:
    carry(TARGETS[target], offer)
    before = {p: p.read_bytes() for p in tmp_path.iterdir()}
    carry(TARGETS[target], offer)
    assert {p: p.read_bytes() for p in tmp_path.iterdir()} == before


def test_a_file_that_is_no_export_is_not_replaced_unless_forced(offer: Offer, tmp_path: Path) -> None:
    (tmp_path / "prompt.md").write_text("the task's own prompt {{text}}")
    with pytest.raises(UserError, match="was not written by an export"):
        TARGETS["text"](offer, tmp_path)
    assert TARGETS["text"](replace(offer, force=True), tmp_path).files["prompt.md"]


def test_an_export_is_replaced_by_a_later_one_but_not_when_it_was_edited(offer: Offer, carry: Carry, tmp_path: Path) -> None:
    carry(TARGETS["text"], offer)
    later = replace(offer, prompt=offer.prompt.with_text("rules", "Two words."))
    carry(TARGETS["text"], later)
    (tmp_path / "prompt.md").write_text("edited {{text}}")
    with pytest.raises(UserError, match="was edited since it was exported"):
        TARGETS["text"](offer, tmp_path)


@pytest.mark.parametrize("name", ["", "..", "../x", "a/b", "a\\b", ".git", "a..b", "a b", "é", "x" * 101, "a\n", "-a", "CON/"])
def test_a_name_that_could_leave_its_folder_is_refused(name: str) -> None:
    with pytest.raises(UserError):
        check_name(name)
    with pytest.raises(UserError):
        check_alias(name)


def test_names_and_aliases() -> None:
    assert check_name("support-tickets.v2") == "support-tickets.v2"
    assert check_alias("production") == "production"
    assert default_name("Käse & Brot / 2") == "K-se-Brot-2"
    with pytest.raises(UserError):
        check_alias("3")
