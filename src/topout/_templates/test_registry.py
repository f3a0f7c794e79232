"""mine.py keeps the contract of a registry. Run with: pytest test_mine.py"""

from pathlib import Path

import pytest

from topout.contracts import RegistryTarget
from topout.errors import UserError
from topout.plugins.exporters import load_exporter
from topout.testing.exporting import check_registry, made_up_offer

target = load_exporter(Path(__file__).with_name("mine.py"))
assert isinstance(target, RegistryTarget)
connect = target.connect


def test_it_keeps_the_contract(tmp_path: Path) -> None:
    check_registry(lambda: connect(str(tmp_path / "prompts.db")))


def test_a_file_that_is_no_registry_is_told(tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("no database, and longer than the head of one. " * 10)
    with pytest.raises(UserError, match=r"notes\.txt"):
        connect(str(file)).publish(made_up_offer(), {})
