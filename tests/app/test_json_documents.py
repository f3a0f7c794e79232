"""What each reading verb prints with --json, from real runs, is what the schema says."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

import topout as public

Topout = Callable[..., Any]
SCHEMA = json.loads((files("topout.report") / "documents.schema.json").read_text())


def check(name: str, document: object) -> Any:
    """The document, which has to be as the schema says under that name: no field more, none less."""
    Draft202012Validator({"$ref": f"#/$defs/{name}", "$defs": SCHEMA["$defs"]}).validate(document)
    return document


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, task_maker: Callable[[Path, dict[str, int]], Path]) -> Path:
    """A folder with two runs of a small task."""
    place = tmp_path_factory.mktemp("documents")
    task = task_maker(place / "small", {"train": 24, "dev": 24, "holdout": 40, "shift": 8})
    for seed in (0, 1):
        public.optimize(task, max_calls=350, seed=seed, runs_dir=place / "runs", cache_dir=place / ".topout" / "cache")
    return place


@pytest.fixture
def runs(finished: Path, tmp_path: Path) -> list[str]:
    """The names of both runs, which are in this test's own folder."""
    for name in ("runs", "small", ".topout"):
        shutil.copytree(finished / name, tmp_path / name, symlinks=True)
    return sorted(path.name for path in Path("runs").iterdir() if not path.is_symlink())


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(SCHEMA)


def test_reading_verbs_print_what_the_schema_says(topout: Topout, runs: list[str]) -> None:
    assert len(check("runs", json.loads(topout("runs", "--json").out))) == 2
    assert check("verdict", json.loads(topout("show", "latest", "--json").out))["holdout"]["winner"]["n"] == 40
    assert check("verdict", json.loads(topout("report", "latest", "--json").out))["winner"]
    check("verdict", json.loads((Path("runs/latest") / "verdict.json").read_text()))
    compared = check("compare", json.loads(topout("compare", *runs, "--json").out))
    assert [run["run"] for run in compared["runs"]] == runs and len(compared["differences"]) == 1
    found = check("diff", json.loads(topout("diff", "latest", "--json").out))
    assert found["before"]["role"].startswith("the baseline") and found["components"]
    for target in ("text", "registry"):
        check("export", json.loads(topout("export", "latest", "--to", target, "--out", f"out-{target}", "--json").out))


def test_measuring_verbs_print_what_the_schema_says(topout: Topout, runs: list[str]) -> None:
    found = check("evaluate", json.loads(topout("evaluate", "small", "--prompt", "runs/latest/best", "--json").out))
    assert found["score"]["n"] == 40
    against = topout("evaluate", "small", "--against", "latest", "--json")
    check("evaluate", json.loads(against.out))
    words = ("--prompt", "runs/latest/best", "--min-score", "0.2", "--no-worse-than", "small/prompt.md", "--json")
    assert len(check("gate", json.loads(topout("gate", "small", *words).out))["gates"]) == 2


def test_the_last_line_of_a_run_is_the_verdict_document(topout: Topout, runs: list[str]) -> None:
    last = topout("resume", "latest", "--json").out.splitlines()[-1]
    assert check("verdict", json.loads(last))["event"] == "Verdict"
    assert check("verdict", json.loads(topout("optimize", "small", "--max-calls", "120", "--json", "-q").out))["folder"]


def test_a_run_that_was_killed_prints_nulls_not_zeros(topout: Topout, runs: list[str]) -> None:
    journal = Path("runs", runs[0], "journal.jsonl")
    lines = journal.read_text().splitlines(keepends=True)
    done = next(i for i, line in enumerate(lines) if json.loads(line)["event"] == "AttemptDone")
    journal.write_text("".join(lines[: done + 1]))
    document = check("verdict", json.loads(topout("show", runs[0], "--json").out))
    assert document["ending"] is None and document["seconds"] is None
    assert check("runs", json.loads(topout("runs", "--json").out))[0]["ending"] is None
    journal.write_text("".join(lines[:5]))
    assert check("runs", json.loads(topout("runs", "--json").out))[0]["winner_holdout"] is None


def test_verbs_before_a_run_print_what_the_schema_says(topout: Topout, tmp_path: Path) -> None:
    assert check("check", json.loads(topout("check", "support-tickets", "--json").out))["findings"] == []
    priced = topout("check", "support-tickets", "--model", "openai/gpt-4.1-mini", "--json").out
    assert len(check("check", json.loads(priced))["run"]["cost_usd"]) == 2
    rows = [f"{'late parcel' if i % 2 else 'wrong bill'} {i},{'delivery' if i % 2 else 'billing'}" for i in range(60)]
    (tmp_path / "rows.csv").write_text("\n".join(["text,label", *rows, ""]))
    made = check("init", json.loads(topout("init", "mine", "--from", "rows.csv", "--json").out))
    assert made["labels"] == ["billing", "delivery"] and sum(made["rows"].values()) == 60
    assert check("new", json.loads(topout("new", "scorer", "strict", "--json").out))["file"] == "scorers/strict.py"
    assert check("ping", json.loads(topout("models", "ping", "embedded/reader", "--json").out))["found"]["calls"] >= 1


def test_the_verdict_on_a_foreign_log_prints_what_the_schema_says(topout: Topout, tmp_path: Path) -> None:
    (tmp_path / "curve.csv").write_text("calls,dev,dev_n,holdout,holdout_n\n100,0.5,100,0.5,400\n500,0.6,100,0.58,400\n")
    assert check("foreign", json.loads(topout("verdict", "--from", "csv:curve.csv", "--json").out))["tool"] == "csv"


def test_an_import_prints_what_the_schema_says(topout: Topout, runs: list[str]) -> None:
    topout("export", "latest", "--to", "registry", "--name", "tickets", "--alias", "production", "--force")
    done = topout("import", "small", "--from", "registry:tickets@production", "--force", "--dry-run", "--json")
    assert check("import", json.loads(done.out))["written"] is False


def test_every_definition_of_a_verb_is_named_in_the_docs() -> None:
    page = (Path(__file__).parents[2] / "docs" / "json.md").read_text()
    parts = {
        "estimate",
        "estimate_part",
        "gain",
        "call",
        "spend",
        "measure",
        "run_head",
        "ruling",
        "side",
        "reason",
        "lever",
        "advice",
    }
    assert [name for name in SCHEMA["$defs"] if name not in parts and f"`{name}`" not in page] == []
