"""What is shipped: which packages an install brings, and what is in wheel and sdist."""

from __future__ import annotations

import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Wheel and sdist."""
    pytest.importorskip("hatchling")
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-d", str(folder)], cwd=ROOT, check=True, capture_output=True)
    (wheel,), (sdist,) = folder.glob("*.whl"), folder.glob("*.tar.gz")
    return wheel, sdist


def tracked(*folders: str) -> set[str]:
    """Files below these folders that git does not ignore; skips where there is no git."""
    told = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *folders],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    names = {name for name in told.stdout.split("\0") if name}
    if told.returncode or not names:
        pytest.skip("no git checkout")
    return {name for name in names if (ROOT / name).is_file()}


def test_an_install_brings_these_packages_and_no_others() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    bounds = [one.partition(";")[0].strip() for one in project["dependencies"]]
    names = {re.split(r"[<>=]", one)[0] for one in bounds}
    of_the_house = {"diskcache", "dspy-ai", "litellm", "optuna", "pandas", "typer"}
    light = {
        "altair",
        "httpx",
        "jsonschema",
        "markupsafe",
        "numpy",
        "pydantic",
        "python-dotenv",
        "pyyaml",
        "referencing",
        "rich",
        "vl-convert-python",
    }
    assert names == of_the_house | light
    assert all(re.search(r">=[\d.]+,<[\d.]+$", one) for one in bounds), "a bound is missing"


def test_the_wheel_holds_the_package_the_tasks_and_the_recipes(built: tuple[Path, Path]) -> None:
    with zipfile.ZipFile(built[0]) as wheel:
        names = {name for name in wheel.namelist() if ".dist-info/" not in name}
    package = {name.removeprefix("src/") for name in tracked("src/topout")}
    shipped = {f"topout/_shipped/{name}" for name in tracked("tasks", "optimizers")}
    assert names == package | shipped
    assert {"topout/py.typed", "topout/_templates/scorer.py", "topout/_shipped/tasks/support-tickets/task.toml"} <= names
    assert built[0].stat().st_size < 2_000_000


def test_the_sdist_holds_what_builds_and_tests_it_and_nothing_else(built: tuple[Path, Path]) -> None:
    with tarfile.open(built[1]) as sdist:
        names = {name.partition("/")[2] for name in sdist.getnames()}
    parts = ("src", "tasks", "optimizers", "tests", "docs", "benchmarks")
    files = {"Makefile", "README.md", "LICENSE", "CHANGELOG.md", "pyproject.toml", ".gitignore", "PKG-INFO"}
    assert names == tracked(*parts) | files


def test_no_name_of_this_machine_and_no_key_travels(built: tuple[Path, Path]) -> None:
    with zipfile.ZipFile(built[0]) as wheel:
        texts = {name: wheel.read(name) for name in wheel.namelist()}
    home = str(ROOT).encode()
    assert [name for name, data in texts.items() if home in data] == []
