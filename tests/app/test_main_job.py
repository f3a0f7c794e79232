"""The main job, end to end: a task folder in; a better prompt, its curve and an honest verdict out."""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import topout as public
from topout.app import RunView
from topout.report.findings import find
from topout.store.journal import read_journal

EMBEDDED = "embedded reader: a program in this process, says nothing about LLMs"
FILES = [
    "best",
    "candidates.csv",
    "curve.csv",
    "journal.jsonl",
    "lock",
    "manifest.json",
    "plateau.png",
    "report.html",
    "rollouts.csv",
    "run.toml",
    "verdict.json",
]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, task_maker: Callable[[Path, dict[str, int]], Path]) -> Path:
    """A folder with a finished run of a small task."""
    place = tmp_path_factory.mktemp("finished")
    task = task_maker(place / "small", {"train": 40, "dev": 40, "holdout": 60, "shift": 12})
    public.optimize(task, max_calls=600, runs_dir=place / "runs", cache_dir=place / ".topout" / "cache")
    return place


@pytest.fixture
def view(finished: Path, tmp_path: Path) -> RunView:
    """The run, in runs/latest of this test's own folder."""
    for name in ("runs", "small", ".topout"):
        shutil.copytree(finished / name, tmp_path / name, symlinks=True)
    return public.load_run("latest")


def table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_run_leaves_tables_verdict_and_prompt_that_tell_the_same(view: RunView) -> None:
    folder = view.folder
    assert sorted(path.name for path in folder.iterdir()) == FILES
    document = json.loads((folder / "verdict.json").read_text())
    found = find(read_journal(folder / "journal.jsonl"))
    holdout = document["holdout"]
    assert (holdout["baseline"]["n"], holdout["winner"]["n"]) == (60, 60)
    assert holdout["winner"]["mean"] == found.holdout.winner.mean == view.findings.holdout.winner.mean
    assert found.holdout.gain is not None
    assert holdout["paired_gain"]["mean"] == found.holdout.gain.estimate.mean > 0.3
    assert holdout["paired_gain"]["low"] > 0
    assert document["verdict"]["sentence"] == found.verdict.sentence == view.verdict.sentence
    assert document["winner"] == found.winner.id

    candidates, rollouts, curve = (table(folder / f"{name}.csv") for name in ("candidates", "rollouts", "curve"))
    winner = next(r for r in candidates if r["candidate"] == document["winner"] and r["outcome"] in ("kept", "baseline"))
    assert float(winner["holdout_mean"]) == holdout["winner"]["mean"]
    exam = [float(r["score"]) for r in rollouts if r["candidate"] == document["winner"] and r["split"] == "holdout"]
    assert sum(exam) / len(exam) == pytest.approx(holdout["winner"]["mean"], abs=1e-12)
    assert float(curve[-1]["holdout_mean"]) == holdout["winner"]["mean"]
    assert [int(p["calls"]) for p in curve] == [p["calls"] for p in document["curve"]] == view.curve["calls"].tolist()
    assert len(rollouts) == len(view.rollouts) == document["spend"]["task"]["calls"] + document["spend"]["exam"]["calls"]
    assert len(candidates) == len(view.candidates)
    assert sum(spend["calls"] for spend in document["spend"].values()) <= 900
    assert (folder / "plateau.png").read_bytes().startswith(b"\x89PNG")
    assert (folder / "best" / "prompt.md").is_file()


def test_what_was_asked_and_what_it_rests_on_is_kept(view: RunView, finished: Path) -> None:
    asked = tomllib.loads((view.folder / "run.toml").read_text())
    assert asked["model"] == "embedded/reader" and asked["task"] == str(finished / "small") and asked["max_calls"] == 600
    manifest = json.loads((view.folder / "manifest.json").read_text())
    assert manifest["splits"] == {"train": 40, "dev": 40, "holdout": 60, "shift": 12}
    assert manifest["packages"]["litellm"] != "missing" and len(manifest["recipe_sha"]) == 64
    assert manifest["deployment"] == {"calls_per_day": 900.0, "target_score": 0.9}
    assert view.findings.started.manifest == manifest


def test_a_fact_that_is_told_after_the_run_changes_the_advice_and_no_figure(view: RunView, tmp_path: Path) -> None:
    toml = tmp_path / "small" / "task.toml"
    toml.write_text(toml.read_text().replace("target_score = 0.9", "target_score = 0.1"))
    told = public.load_run("latest")
    assert told.advice.sentence.startswith("Stop here: the target is reached (target 10 %, held-out score")
    assert view.advice.sentence.startswith("Stop here: the target is reached (target 90 %, held-out score")
    assert told.verdict == view.verdict and told.levers == view.levers
    toml.unlink()
    assert public.load_run("latest").advice == view.advice


def test_the_printed_figure_of_the_winner_holds_when_it_is_measured_again(view: RunView) -> None:
    again = public.evaluate("small", prompt="runs/latest/best", cache_dir="another-cache")
    printed = view.findings.holdout.winner
    assert again.estimate.n == 60 and again.spend.paid_calls == 60
    assert printed.low <= again.estimate.mean <= printed.high
    from_cache = public.evaluate("small", prompt="runs/latest/best", cache_dir="another-cache")
    assert from_cache.estimate == again.estimate and from_cache.spend.paid_calls == 0


def test_every_output_names_the_embedded_reader_and_latest_works_everywhere(
    small_task: Path, topout: Callable[..., Any], tmp_path: Path
) -> None:
    done = topout("optimize", small_task, "--max-calls", 300)
    assert done.code == 0 and EMBEDDED in done.out
    for words in (
        ["show", "latest"],
        ["show", "runs/latest"],
        ["report", "runs/latest"],
        ["evaluate", small_task, "--prompt", "runs/latest/best"],
        ["resume", "runs/latest"],
    ):
        said = topout(*words)
        assert said.code == 0 and EMBEDDED in said.out, words
    assert "embedded/reader" in topout("runs").out
    assert topout("runs", "--json").out.count('"model": "embedded/reader"') == 1
    assert json.loads((tmp_path / "runs" / "latest" / "verdict.json").read_text())["embedded"] is True
    quiet = topout("optimize", small_task, "--max-calls", 300, "--json", "--quiet")
    assert json.loads(quiet.out)["embedded"] is True
    assert json.loads(topout("evaluate", small_task, "--json").out)["embedded"] is True


def test_a_second_identical_run_asks_no_model_and_never_imports_litellm(view: RunView) -> None:
    first = view
    code = (
        "import sys, topout.cli; code = topout.cli.main(sys.argv[1:]);"
        "print('litellm' in sys.modules, file=sys.stderr); sys.exit(code)"
    )
    words = ["optimize", "small", "--max-calls", "600", "--json", "--quiet"]
    began = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=True)
    print(f"second run: {time.perf_counter() - began:.2f} s with the start of the process")
    assert done.stderr == "False\n"
    document = json.loads(done.stdout)
    assert sum(spend["paid_calls"] for spend in document["spend"].values()) == 0
    assert sum(spend["calls"] for spend in document["spend"].values()) == sum(s.calls for s in first.findings.spend.values())
    assert document["winner"] == first.findings.winner.id
    before = json.loads((first.folder / "verdict.json").read_text())
    for same in ("curve", "holdout", "dev", "shift", "verdict"):
        assert document[same] == before[same]


def test_tables_are_written_anew_from_the_journal_alone(view: RunView, topout: Callable[..., Any]) -> None:
    kept = {path.name: path.read_bytes() for path in view.folder.iterdir() if path.suffix in (".csv", ".json")}
    for path in view.folder.iterdir():
        if path.suffix in (".csv", ".png") or path.name == "verdict.json":
            path.unlink()
    shutil.rmtree("small")
    assert topout("report", "latest").code == 0
    assert {path.name: path.read_bytes() for path in view.folder.iterdir() if path.suffix in (".csv", ".json")} == kept
