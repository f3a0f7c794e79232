"""The wheel in clean environments: each Python from 3.11 up that uv finds here, with the lowest and the highest allowed versions of what it needs.

Run with `make packaging`. Needs uv and a package index; what was measured is printed (-s).
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import pytest

from tests.docs.commands import commands, pages

ROOT = Path(__file__).parents[2]
RESOLUTIONS = ("lowest-direct", "highest")
CALLS = "400"
EXAMS = """
from pathlib import Path
from topout.domain import Example
from topout.plugins.exporters import load_exporter
from topout.plugins.optimizers import load_recipe
from topout.plugins.scorers import load_scorer
from topout.testing.conformance import check_optimizer
from topout.testing.exporting import check_exporter, check_registry
from topout.testing.scoring import check_scorer
check_optimizer(lambda: load_recipe("optimizers/own.py").optimizer)
check_scorer(load_scorer(Path("scorers/own.py")), [Example("1", {"text": "a"}, "x"), Example("2", {"text": "b"}, "y")])
Path("empty").mkdir()
check_exporter(load_exporter(Path("exporters/own.py")), Path("empty"))
check_registry(lambda: load_exporter(Path("exporters/vault.py")).connect("prompts.db"))
import topout
run = topout.load_run("runs/latest")
assert len(run.curve) and len(run.candidates) and len(run.rollouts)
"""

INSTALLS = sorted({one.words for page in pages() for one in commands(page) if one.words[:2] == ("pip", "install")})
"""`pip install ...` as the documentation shows it."""

pytestmark = [
    pytest.mark.packaging,
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("uv") is None, reason="needs uv: pip install uv"),
]


def told(*words: str | Path, cwd: Path | None = None, env: Mapping[str, str] | None = None) -> str:
    """What a command prints; its errors are in the failure. Nothing of this checkout is on its path."""
    clean = {
        name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV", "TOPOUT", "PYTEST"))
    }
    done = subprocess.run(
        [str(w) for w in words], cwd=cwd, env={**clean, **(env or {})}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{' '.join(str(w) for w in words)}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done.stdout


@cache
def pythons() -> list[str]:
    """One interpreter a minor version, 3.11 and newer."""
    if shutil.which("uv") is None:
        return []
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    places = [*(str(path) for path in pyenv.glob("*/bin")), os.environ.get("PATH", "")]
    query = ("uv", "python", "list", "--only-installed", "--offline", "--output-format", "json")
    listed = json.loads(told(*query, env={"PATH": os.pathsep.join(places)}))
    found: dict[tuple[int, int], str] = {}
    for one in listed:
        version = one["version_parts"]
        whole = one.get("variant", "default") == "default" and "shims" not in (one["path"] or "shims")
        usable = one["implementation"] == "cpython" and whole
        if usable and (version["major"], version["minor"]) >= (3, 11):
            found[version["major"], version["minor"]] = one["path"]
    return [path for _, path in sorted(found.items())]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel as it is built from the sdist."""
    folder = tmp_path_factory.mktemp("dist")
    told("uv", "build", "--quiet", "--out-dir", folder, ROOT)
    (made,) = folder.glob("*.whl")
    return made


@pytest.mark.parametrize("resolution", RESOLUTIONS)
@pytest.mark.parametrize("python", pythons())
def test_the_main_job_runs_in_a_clean_environment(python: str, resolution: str, wheel: Path, tmp_path: Path) -> None:
    venv, needs = tmp_path / "venv", tmp_path / "requirements.txt"
    told("uv", "venv", "--quiet", "--python", python, venv)
    inside = venv / "bin" / "python"
    compiled = ("uv", "pip", "compile", "--quiet", "--no-header", "--no-annotate", "--resolution", resolution, "--extra", "tables")
    told(*compiled, "--python", inside, ROOT / "pyproject.toml", "-o", needs)
    told("uv", "pip", "install", "--quiet", "--compile-bytecode", "--python", inside, "--only-binary", ":all:", "-r", needs)
    told("uv", "pip", "install", "--quiet", "--compile-bytecode", "--python", inside, "--no-deps", wheel)
    told("uv", "pip", "check", "--python", inside)
    here = tmp_path / "here"
    here.mkdir()
    topout = venv / "bin" / "topout"
    assert told(topout, "--version", cwd=here).startswith("topout ")
    began = time.perf_counter()
    assert "optimize" in told(topout, "--help", cwd=here)
    help_s = time.perf_counter() - began
    began = time.perf_counter()
    told(inside, "-c", "import topout", cwd=here)
    import_s = time.perf_counter() - began
    size = sum(path.stat().st_size for path in venv.rglob("*") if path.is_file() and not path.is_symlink())
    print(f"\n{python} {resolution}: {size / 1e6:.0f} MB with byte code; import {import_s:.2f} s, --help {help_s:.2f} s")
    verdict = json.loads(told(topout, "optimize", "support-tickets", "--max-calls", CALLS, "--quiet", "--json", cwd=here))
    assert verdict["verdict"]["sentence"]
    told(topout, "optimize", "order-emails", "--recipe", "fewshot", "--max-calls", CALLS, "--quiet", cwd=here)
    assert "Findings" in told(topout, "check", "support-tickets", cwd=here)
    for target in ("text", "dspy", "sft"):
        told(topout, "export", "runs/latest", "--to", target, cwd=here)
    told(topout, "plot", "runs/latest", "--out", "curve.svg", cwd=here)
    assert (here / "runs" / "latest" / "report.html").stat().st_size > 10_000
    for kind, name in (("optimizer", "own"), ("scorer", "own"), ("exporter", "own"), ("registry", "vault")):
        told(topout, "new", kind, name, cwd=here)
    told(inside, "-c", EXAMS, cwd=here)


@pytest.mark.parametrize("words", INSTALLS, ids=" ".join)
def test_what_the_documentation_tells_to_install_can_be_installed(words: tuple[str, ...], wheel: Path, tmp_path: Path) -> None:
    asked = [re.sub(r"^topout(\[.*\])?$", lambda found: f"topout{found[1] or ''} @ {wheel.as_uri()}", word) for word in words[2:]]
    told("uv", "venv", "--quiet", "--python", pythons()[-1], tmp_path / "venv")
    told("uv", "pip", "install", "--quiet", "--python", tmp_path / "venv" / "bin" / "python", "--only-binary", ":all:", *asked)


@pytest.mark.parametrize("runner", ["uvx", "pipx"])
def test_it_runs_from_the_wheel_without_being_installed(runner: str, wheel: Path, tmp_path: Path) -> None:
    words = ["uv", "tool", "run", "--isolated", "--from", str(wheel), "topout"]
    if runner == "pipx":
        words = ["uv", "tool", "run", "pipx", "run", "--no-cache", "--spec", str(wheel), "topout"]
    told(
        *words,
        "optimize",
        "support-tickets",
        "--max-calls",
        CALLS,
        "--quiet",
        cwd=tmp_path,
        env={"PIPX_HOME": str(tmp_path / "pipx")},
    )
    assert (tmp_path / "runs" / "latest" / "report.html").is_file()
