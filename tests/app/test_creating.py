"""`topout new`: what it writes passes its own tests, and nothing is ever replaced."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from topout.app.creating import KINDS, new
from topout.app.exporting import usable
from topout.app.targets import plug_in, target
from topout.cli.main import main
from topout.contracts import Exported, Exporter, RegistryTarget
from topout.errors import StoreError, UserError
from topout.plugins.optimizers import recipe_names
from topout.testing.exporting import made_up_offer

BROKEN = "def exporter(offer, folder):\n    raise ValueError('no such colour')\n"


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_written_passes_its_own_tests_as_it_is(kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["new", kind, "my-own"]) == 0
    assert f"{KINDS[kind]}/test_my-own.py" in capsys.readouterr().out
    told = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"{KINDS[kind]}/test_my-own.py"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "PYTEST_ADDOPTS": ""},
    )
    assert told.returncode == 0, told.stdout + told.stderr
    assert "passed" in told.stdout
    assert not re.search(r"\bmine\b|hillclimb", "".join(path.read_text() for path in tmp_path.rglob("*.py")))


def test_nothing_is_replaced_and_nothing_is_left_of_a_refusal(tmp_path: Path) -> None:
    (tmp_path / "scorers").mkdir()
    (tmp_path / "scorers" / "test_strict.py").symlink_to(tmp_path / "nowhere")
    with pytest.raises(UserError, match=r"test_strict\.py: is there already, and nothing was written"):
        new("scorer", "strict")
    assert [path.name for path in (tmp_path / "scorers").iterdir()] == ["test_strict.py"]
    made = new("scorer", "strict", folder="tasks/mine")
    assert made.file == Path("tasks/mine/strict.py")
    made.file.write_text("# edited")
    with pytest.raises(UserError, match="is there already"):
        new("scorer", "strict", folder="tasks/mine")
    assert made.file.read_text() == "# edited"


@pytest.mark.parametrize(
    "name",
    ["../up", "a/b", "A", "", "x" * 41, "con", "com1", "class", "test_it", "a b", "-x", "x-", "a--b", "é", "a\x1b[2J", "a.py"],
)
def test_a_name_that_is_no_safe_file_name_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"not a name for a plug-in.*'my_scorer'") as told:
        new("scorer", name)
    assert "\x1b" not in str(told.value)
    assert not list(tmp_path.iterdir())


def test_a_name_that_means_something_already_is_refused() -> None:
    with pytest.raises(UserError, match="evolve: there is one of that name already"):
        new("optimizer", "evolve")
    with pytest.raises(UserError, match="mlflow: there is one of that name already"):
        new("registry", "mlflow")
    with pytest.raises(UserError, match=r"optimiser: unknown kind. Did you mean 'optimizer'\?"):
        new("optimiser", "own")


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be written"):
        new("scorer", "own", folder="file")


def test_the_test_beside_an_optimizer_is_no_recipe() -> None:
    new("optimizer", "own")
    assert "own" in recipe_names()
    assert "test_own" not in recipe_names()


def test_a_file_of_ones_own_is_a_target_by_its_path() -> None:
    made = new("exporter", "own")
    found: Exporter | RegistryTarget = target(str(made.file))
    assert not isinstance(found, RegistryTarget)
    assert set(found(made_up_offer(), Path("out")).files) == {"own.json", "own.provenance.json"}
    assert isinstance(target(str(new("registry", "vault").file)), RegistryTarget)


def test_a_file_that_was_made_here_is_told_to_be_named_by_its_path() -> None:
    new("exporter", "house-style")
    with pytest.raises(
        UserError, match=r"--to house-style: no target of that name, but a file: .* Give --to exporters/house-style\.py\."
    ):
        target("house-style")
    with pytest.raises(UserError, match="no such target"):
        target("../exporters/house-style")


def test_a_file_that_is_no_exporter_is_told(tmp_path: Path) -> None:
    (tmp_path / "none.py").write_text("def export(): ...\n")
    with pytest.raises(UserError, match=r"none\.py: neither a function 'exporter\(offer, folder\)' nor a function 'connect"):
        target("none.py")
    (tmp_path / "both.py").write_text("def exporter(offer, folder): ...\ndef connect(address): ...\n")
    with pytest.raises(UserError, match=r"both\.py: both a function"):
        target("both.py")
    with pytest.raises(UserError, match=r"gone\.py: no such file"):
        target("gone.py")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (None, "own.py: exporter(offer, folder) returned None, expected an Exported"),
        ({"a.txt": b"x"}, "own.py: exporter(offer, folder) returned a dict, expected an Exported"),
        (3, "own.py: exporter(offer, folder) returned an int, expected an Exported"),
        (Exported({"../a.txt": b"x"}), "own.py: '../a.txt' among its files: expected paths below the folder. Nothing was written."),
        (Exported({"/etc/a.txt": b"x"}), "own.py: '/etc/a.txt' among its files: expected paths below the folder."),
        (Exported({"a.txt": "x"}), "own.py: 'a.txt' is a str, expected bytes (text.encode())."),  # type: ignore[dict-item]
    ],
)
def test_an_exporter_that_returns_anything_but_files_below_its_folder_is_told(given: object, said: str) -> None:
    with pytest.raises(UserError) as told:
        usable("own.py", given)
    assert str(told.value).startswith(said)


def test_a_file_that_raises_is_told_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "bad.py").write_text(BROKEN)
    exporter = target("bad.py")
    assert not isinstance(exporter, RegistryTarget)
    with pytest.raises(UserError, match=r"bad\.py:2: it raised ValueError: no such colour\."), plug_in("bad.py"):
        exporter(made_up_offer(), Path("out"))
