"""mine.py keeps the contract of an exporter, and carries the whole prompt. Run with: pytest test_mine.py"""

import json
from pathlib import Path

from topout.contracts import Exporter, RegistryTarget
from topout.plugins.exporters import load_exporter
from topout.testing.exporting import check_exporter, made_up_offer


def own() -> Exporter:
    found = load_exporter(Path(__file__).with_name("mine.py"))
    assert not isinstance(found, RegistryTarget)
    return found


def test_it_keeps_the_contract(tmp_path: Path) -> None:
    check_exporter(own(), tmp_path)


def test_the_whole_prompt_is_carried(tmp_path: Path) -> None:
    offer = made_up_offer()
    document = json.loads(own()(offer, tmp_path).files["mine.json"])
    assert [part["text"] for part in document["parts"]] == [part.text for part in offer.prompt.components]
    assert [demo["output"] for demo in document["demos"]] == ["delivery", "delivery"]
