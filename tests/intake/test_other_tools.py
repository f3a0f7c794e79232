"""`topout init` from what other tools keep: promptfoo configurations, saved DSPy programs, datasets of a hub, registries."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from topout.app.starting import init
from topout.domain import SPLITS, Json
from topout.errors import UserError
from topout.plugins.tasks import load_task
from topout.testing.loopback import Answer, Loopback

TOPICS = ("billing", "delivery", "returns")


def rows(n: int = 60) -> list[dict[str, Json]]:
    return [{"text": f"note {i} about {TOPICS[i % 3]}", "label": TOPICS[i % 3]} for i in range(n)]


def as_csv(path: Path, heads: tuple[str, ...] = ("text", "label")) -> Path:
    path.write_text(",".join(heads) + "\n" + "".join(f"{row['text']},{row['label']}\n" for row in rows()))
    return path


PROGRAM = {
    "signature": {
        "instructions": "Sort the note into a topic.",
        "fields": [{"prefix": "Text:", "description": "${text}"}, {"prefix": "Label:", "description": "${label}"}],
    },
    "demos": [
        {"augmented": True, "text": "note 4 about delivery", "reasoning": "it says so", "label": "delivery"},
        {"question": "of another task", "label": "billing"},
    ],
    "lm": None,
    "metadata": {"dependency_versions": {"dspy": "3.4.1"}},
}


def test_a_saved_program_brings_instructions_and_demos_and_no_demo_is_held_out(tmp_path: Path) -> None:
    (tmp_path / "dspy.json").write_text(json.dumps(PROGRAM))
    made = init(tmp_path / "desk", source=[as_csv(tmp_path / "a.csv"), tmp_path / "dspy.json"])
    task = load_task(tmp_path / "desk").task
    assert task.baseline.component("system").text == "Sort the note into a topic."
    assert task.baseline.component("user").text == "Text: {{text}}"
    assert [(dict(d.inputs), d.output) for d in task.baseline.demos] == [({"text": "note 4 about delivery"}, "delivery")]
    assert "note 4 about delivery" in {e.inputs["text"] for e in task.rows("train")}
    assert made.prompt == "dspy.json, 1 demos"
    assert "1 of 2 demos left out: they lack a field of the task (text)" in made.notes


def test_a_program_that_dspy_itself_saved_is_read(tmp_path: Path) -> None:
    dspy = pytest.importorskip("dspy")
    program = dspy.ChainOfThought(dspy.Signature("text -> label", "Say what it is about."))
    program.save(tmp_path / "program.json")
    init(tmp_path / "desk", source=[as_csv(tmp_path / "a.csv"), tmp_path / "program.json"])
    assert load_task(tmp_path / "desk").task.baseline.component("system").text == "Say what it is about."


def test_a_program_of_several_predictors_needs_a_name_and_one_alone_needs_rows(tmp_path: Path) -> None:
    (tmp_path / "two.json").write_text(json.dumps({"first": PROGRAM, "second": PROGRAM, "metadata": {}}))
    source = as_csv(tmp_path / "a.csv")
    with pytest.raises(UserError, match=r"2 predictors \(first, second\).*two\.json#first"):
        init(tmp_path / "desk", source=[source, tmp_path / "two.json"])
    init(tmp_path / "desk", source=[source, f"{tmp_path}/two.json#second"])
    with pytest.raises(UserError, match=r"a prompt, and no rows .* --from ROWS\.csv --from two\.json"):
        init(tmp_path / "other", source=f"{tmp_path}/two.json#second")


CONFIG = """\
prompts:
  - file://prompt.txt
  - prompts.py:make
providers: [openai:gpt-4.1-mini]
defaultTest:
  assert:
    - type: equals
      value: '{{expected}}'
tests: file://tests.csv
"""


def test_a_promptfoo_configuration_brings_its_table_its_prompt_and_the_variable_that_is_the_answer(tmp_path: Path) -> None:
    (tmp_path / "promptfooconfig.yaml").write_text(CONFIG)
    (tmp_path / "prompt.txt").write_text("Which topic is it? {{text}}")
    as_csv(tmp_path / "tests.csv", ("text", "expected"))
    made = init(tmp_path / "desk", source=tmp_path / "promptfooconfig.yaml")
    assert made.shape == "promptfoo tests"
    assert made.scorer == "exact"
    assert dict(made.mapping) == {
        "vars.text": "input 'text'",
        "vars.expected": "expected answer",
        "assert equals": "expected answer",
    }
    task = load_task(tmp_path / "desk").task
    assert task.baseline.components[0].text == "Which topic is it? {{text}}"
    assert {str(e.expected) for split in SPLITS for e in task.rows(split)} == set(TOPICS)


@pytest.mark.parametrize(
    ("tests", "said"),
    [
        ("tests: tests.py:make", r"no tests that can be read \(tests in 'tests\.py:make' left out: code is not run\)"),
        ("tests: ../secret.csv", "outside of its own folder"),
        ("tests: []", "no tests that can be read"),
    ],
)
def test_a_configuration_runs_no_code_and_stays_in_its_folder(tmp_path: Path, tests: str, said: str) -> None:
    (tmp_path / "conf").mkdir()
    as_csv(tmp_path / "secret.csv")
    (tmp_path / "conf" / "promptfooconfig.yaml").write_text(f"prompts: ['{{{{text}}}}']\n{tests}\n")
    with pytest.raises(UserError, match=said):
        init(tmp_path / "desk", source=tmp_path / "conf" / "promptfooconfig.yaml")


def dataset(folder: Path) -> Path:
    """As the `datasets` library writes one: Parquet by split, label numbers with their names beside."""
    pyarrow = pytest.importorskip("pyarrow")
    import pyarrow.parquet as pq

    (folder / "data").mkdir(parents=True)
    features = {"label": {"names": list(TOPICS), "_type": "ClassLabel"}, "text": {"dtype": "string", "_type": "Value"}}
    notes = {b"huggingface": json.dumps({"info": {"features": features}}).encode()}
    for split, start in (("train", 0), ("validation", 60), ("test", 90)):
        table = pyarrow.table({"text": [f"note {i}" for i in range(start, start + 30)], "label": [i % 3 for i in range(30)]})
        pq.write_table(table.replace_schema_metadata(notes), folder / "data" / f"{split}-00000-of-00001.parquet")
    (folder / "README.md").write_text("# notes\n")
    return folder


def test_a_dataset_in_a_folder_is_read_with_its_splits_and_the_names_of_its_labels(tmp_path: Path) -> None:
    made = init(tmp_path / "desk", source=f"hf:{dataset(tmp_path / 'notes')}")
    assert made.rows == {"train": 30, "dev": 30, "holdout": 30}
    assert made.labels == TOPICS
    assert made.notes == ("splits by the names of the files: dev, test, train",)


def hub(folder: Path) -> Loopback:
    """The two answers of the hub that a download takes, for one dataset `acme/notes`."""
    files = {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}
    commit = "c0ffee" * 6 + "c0ff"

    def ask(method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        where = urlsplit(path).path
        if where.startswith("/api/datasets/acme/notes"):
            listed = {"id": "acme/notes", "sha": commit, "siblings": [{"rfilename": n, "size": len(d)} for n, d in files.items()]}
            return 200, {"Content-Type": "application/json"}, json.dumps(listed).encode()
        name = where.removeprefix(f"/datasets/acme/notes/resolve/{commit}/")
        if name in files:
            return 200, {"X-Repo-Commit": commit, "ETag": f'"{abs(hash(name)):x}"'}, files[name]
        return 404, {"X-Error-Code": "RepoNotFound"}, b"{}"

    return Loopback(ask)


def test_a_dataset_of_a_hub_is_fetched_from_its_server(tmp_path: Path) -> None:
    pytest.importorskip("huggingface_hub")
    with hub(dataset(tmp_path / "notes")) as server:
        environ = {
            **os.environ,
            "HF_ENDPOINT": server.url,
            "HF_HOME": str(tmp_path / "home"),
            "PYTHONPATH": os.pathsep.join(sys.path),
        }

        def run(*words: str) -> subprocess.CompletedProcess[str]:
            return subprocess.run(
                [sys.executable, "-m", "topout", "init", *words], env=environ, cwd=tmp_path, capture_output=True, text=True
            )

        done = run("desk", "--from", "hf:acme/notes", "--json")
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["rows"] == {"train": 30, "dev": 30, "holdout": 30}
        assert "Made from acme/notes@c0ffeec0ffee" in (tmp_path / "desk" / "README.md").read_text()
        absent = run("other", "--from", "hf:acme/none")
        assert absent.returncode == 2
        assert "hf:acme/none: " in absent.stderr and "has no such dataset" in absent.stderr and absent.stderr.count("\n") == 1


@pytest.fixture
def langfuse(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    sdk = pytest.importorskip("langfuse", reason="the Langfuse SDK is not installed: make test-registries runs these")
    from topout.testing.langfuse_stub import LangfuseStub

    with LangfuseStub() as server:
        monkeypatch.setenv("LANGFUSE_PUBLIC_KEY", server.public_key)
        monkeypatch.setenv("LANGFUSE_SECRET_KEY", server.secret_key)
        monkeypatch.setenv("LANGFUSE_BASE_URL", server.url)
        yield sdk.Langfuse(public_key=server.public_key, secret_key=server.secret_key, base_url=server.url, tracing_enabled=False)


@pytest.mark.registries
def test_langfuse_brings_a_dataset_and_the_prompt_of_that_name(tmp_path: Path, langfuse: Any) -> None:
    langfuse.create_prompt(name="notes", type="text", prompt="Which topic? {{text}}", labels=["production"])
    for row in rows(130):
        langfuse.create_dataset_item(dataset_name="notes", input={"text": row["text"]}, expected_output={"topic": row["label"]})
    made = init(tmp_path / "desk", source="langfuse:notes")
    assert made.shape == "a Langfuse dataset"
    assert sum(made.rows.values()) == 130
    assert made.labels == TOPICS
    assert load_task(tmp_path / "desk").task.baseline.components[0].text == "Which topic? {{text}}"
    with pytest.raises(UserError, match="there is neither a prompt nor a dataset 'others'"):
        init(tmp_path / "none", source="langfuse:others")


@pytest.mark.registries
def test_mlflow_brings_a_dataset_and_a_prompt_by_its_alias(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mlflow = pytest.importorskip("mlflow", reason="MLflow is not installed: make test-registries runs these")
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    client = mlflow.MlflowClient(tracking_uri=uri, registry_uri=uri)
    kept = client.create_dataset("notes")
    mlflow.set_tracking_uri(uri)
    kept.merge_records([{"inputs": {"text": r["text"]}, "expectations": {"expected_response": r["label"]}} for r in rows()])
    mlflow.set_tracking_uri(None)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    client.register_prompt("sorter", "Topic of {{text}}?")
    client.set_prompt_alias("sorter", "production", 1)
    made = init(tmp_path / "desk", source=["mlflow:notes", "mlflow:sorter@production"])
    assert made.shape == "an MLflow dataset"
    assert (sum(made.rows.values()), made.labels, made.prompt) == (60, TOPICS, "mlflow:sorter@production")
    assert load_task(tmp_path / "desk").task.baseline.components[0].text == "Topic of {{text}}?"
    with pytest.raises(UserError, match="there is neither a prompt nor a dataset 'others'"):
        init(tmp_path / "none", source="mlflow:others")
