"""Targets that other packages bring: a package is installed as files, with its entry points."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

import topout
from topout.app.targets import REGISTRIES, target
from topout.cli import main
from topout.contracts import RegistryTarget
from topout.errors import UserError
from topout.exporters.installed import target_names
from topout.testing.exporting import check_exporter, check_registry
from topout.testing.runs import PretendedRun, write_run

TOY = """
import json
from topout.contracts import Exported, RegistryTarget
from topout.errors import UserError
from topout.testing.exporting import MemoryRegistry

SHARED = MemoryRegistry()
REGISTRY = RegistryTarget(lambda uri: SHARED)
NOTHING = 3

def export(offer, folder):
    there = folder / "toy.json"
    p = offer.provenance
    data = json.dumps([p.run, p.candidate, [c.text for c in offer.prompt.components]]).encode()
    if there.exists() and there.read_bytes() != data and not offer.force:
        raise UserError(f"{there}: not mine. Use --force.")
    return Exported({"toy.json": data}, "Load it.")

def fails(offer, folder):
    raise KeyError("oh")
"""
POINTS = """[topout.exporters]
toy = topout_toy:export
toy-registry = topout_toy:REGISTRY
fails = topout_toy:fails
nothing = topout_toy:NOTHING
broken = topout_broken:export
text = topout_toy:fails
"""


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of packages with a good and a broken one."""
    place = tmp_path / "packages"
    info = place / "topout_toy-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: topout-toy\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(POINTS)
    (place / "topout_toy.py").write_text(TOY)
    (place / "topout_broken.py").write_text("import nowhere_to_be_found\n")
    monkeypatch.syspath_prepend(str(place))
    monkeypatch.delitem(sys.modules, "topout_toy", raising=False)
    return place


def test_a_plug_in_sits_our_exams(installed: Path, tmp_path: Path) -> None:
    exporter, registry = target("toy"), target("toy-registry")
    assert isinstance(registry, RegistryTarget) and not isinstance(exporter, RegistryTarget)
    check_exporter(exporter, tmp_path / "out")
    check_registry(lambda: registry.connect(""))


def test_a_plug_in_is_a_target_like_ours(installed: Path, tmp_path: Path) -> None:
    write_run(tmp_path / "runs" / "one", PretendedRun(shift=0))
    done = topout.export("one", to="toy", runs_dir=tmp_path / "runs", out=tmp_path / "out")
    assert [path.name for path in done.files] == ["toy.json"] and done.files[0].is_file()
    there = topout.export("one", to="toy-registry", alias="production", runs_dir=tmp_path / "runs")
    assert (there.version, there.changes[1]) == ("1", "alias production -> version 1: memory:support-tickets@production")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (
            "broken",
            "--to broken: the plug-in topout_broken:export of topout-toy does not load: ModuleNotFoundError: No module named",
        ),
        ("nothing", "--to nothing: the plug-in topout_toy:NOTHING of topout-toy is a int, expected a function"),
        ("fails", "--to fails: the plug-in failed: KeyError: 'oh'. Tell its author."),
        ("tyo", "--to tyo: no such target. Did you mean 'toy'? Targets: text, messages, dspy, python"),
    ],
)
def test_a_broken_plug_in_is_told_by_name(installed: Path, tmp_path: Path, name: str, said: str) -> None:
    write_run(tmp_path / "runs" / "one", PretendedRun(shift=0))
    with pytest.raises(UserError) as error:
        topout.export("one", to=name, runs_dir=tmp_path / "runs", out=tmp_path / "out")
    assert said in str(error.value)
    assert not (tmp_path / "out").exists()


def test_a_name_of_ours_stays_ours(installed: Path, tmp_path: Path) -> None:
    assert target_names().count("text") == 1
    write_run(tmp_path / "runs" / "one", PretendedRun(shift=0))
    assert topout.export("one", to="text", runs_dir=tmp_path / "runs", out=tmp_path / "out").files[0].name == "prompt.md"


def test_the_help_of_import_names_our_registries(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    assert main(["import", "--help"]) == 0
    said = capsys.readouterr().out
    assert all(name in said for name in REGISTRIES)


def test_help_lists_what_is_installed_and_loads_none_of_it(installed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", "--help"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert " registry, mlflow, " in said and said.endswith(" broken, fails, nothing, toy, toy-registry")
    assert "topout_toy" not in sys.modules


def test_a_broken_plug_in_does_not_break_the_program(installed: Path) -> None:
    line = "import sys; from topout.cli import main; code = main(['--help']); print(sorted(m for m in sys.modules if m in "
    line += "('topout_toy', 'topout_broken', 'mlflow', 'importlib.metadata', 'pandas')), code)"
    path = os.pathsep.join([str(installed), *sys.path])
    done = subprocess.run([sys.executable, "-c", line], capture_output=True, text=True, env={**os.environ, "PYTHONPATH": path})
    assert done.stdout.rstrip().endswith("[] 0"), done.stdout + done.stderr


@pytest.mark.skipif(importlib.util.find_spec("mlflow") is not None, reason="MLflow is installed here")
def test_a_missing_extra_is_told_with_the_command_that_installs_it(tmp_path: Path) -> None:
    write_run(tmp_path / "runs" / "one", PretendedRun(shift=0))
    with pytest.raises(UserError, match=r"Install it with: pip install 'topout\[mlflow\]'"):
        topout.export("one", to="mlflow", runs_dir=tmp_path / "runs")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"to": "text", "uri": "x"}, "--uri: the target 'text' writes files. Say where with --out FOLDER."),
        ({"to": "mlflow", "out": "x"}, "--out x: the target 'mlflow' writes no files. Say where the registry is with --uri."),
    ],
)
def test_options_of_another_kind_of_target_are_refused(words: dict[str, str], said: str) -> None:
    with pytest.raises(UserError) as error:
        topout.export("latest", to=words["to"], uri=words.get("uri"), out=words.get("out"))
    assert str(error.value) == said
