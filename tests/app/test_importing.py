"""`topout import`: registry -> task -> run -> registry."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

import topout
from topout.app.registering import register
from topout.cli import main
from topout.contracts import Offer
from topout.domain import Component, Demo, Prompt
from topout.errors import UserError
from topout.exporters.directory import DirectoryRegistry
from topout.plugins.prompt_folders import load_prompt
from topout.plugins.shipped import shipped
from topout.plugins.tasks import load_task
from topout.store.batch import write_batch
from topout.testing.exporting import made_up_offer
from topout.text.templates import alike


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a task, its own prompt and a registry that holds another as production."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "120")
    shutil.copytree(shipped("tasks") / "support-tickets", tmp_path / "task")
    put(tmp_path, replace(made_up_offer("triage"), alias="production"))
    return tmp_path


def put(place: Path, offer: Offer) -> None:
    register(DirectoryRegistry(place / "prompts", write_batch), offer, ())


def tree(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_a_registered_prompt_becomes_the_baseline_and_the_old_one_is_kept(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = tree(here / "task")
    line = ["import", "task", "--from", "registry:triage@production"]
    assert main(line) == 2
    said = capsys.readouterr().err
    assert "task/prompt.md: the task has a prompt already, and nothing was written. With --force" in said and said.count("\n") == 1
    assert tree(here / "task") == before
    assert main([*line, "--force", "--dry-run"]) == 0
    assert "Would be written" in capsys.readouterr().out and tree(here / "task") == before
    assert main([*line, "--force"]) == 0
    assert "task/prompt.old.md" in capsys.readouterr().out
    assert alike(load_task(here / "task").task.baseline, made_up_offer().prompt)
    after = tree(here / "task")
    assert after["prompt.old.md"] == before["prompt.md"]
    assert main([*line, "--json"]) == 0
    assert (json.loads(capsys.readouterr().out)["files"], tree(here / "task")) == ([], after)


def test_a_prompt_without_demos_leaves_none_of_the_old_ones(here: Path) -> None:
    topout.import_prompt("task", "registry:triage@production", force=True)
    put(here, made_up_offer("triage", better=True, demos=0))
    done = topout.import_prompt("task", "registry:triage/2", force=True)
    assert load_task(here / "task").task.baseline.demos == ()
    assert [path.name for path in done.kept] == ["prompt.old-2.md", "demos.old-2.jsonl"]


def test_a_new_task_needs_no_prompt_before(here: Path) -> None:
    (here / "task" / "prompt.md").unlink()
    assert topout.import_prompt("task", "registry:triage@production").kept == ()
    assert load_prompt(here / "task", load_task(here / "task").task) == load_task(here / "task").task.baseline


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("triage@production", "not the address of a registered prompt. Write it as mlflow:NAME@production"),
        ("registry:triage", "not the address of a registered prompt"),
        ("registry:triage@3", "an alias follows an '@', the number of a version a '/'"),
        ("registry:triage/main", "an alias follows an '@'"),
        ("registry:../x@y", "not a name for a prompt"),
        ("registry:team/triage@production", "not a name for a prompt"),
        ("registry:a b@production", "not a name for a prompt"),
        ("registry:other@production", "there is no prompt 'other'"),
        ("registry:triage@staging", "'triage' has no alias 'staging'. Its newest versions: 1."),
        ("registry:triage/9", "'triage' has no version '9'"),
        ("text:triage/9", "this target writes files and is no registry"),
        ("registri:triage/9", "--from registri: no such target. Did you mean 'registry'?"),
    ],
)
def test_what_is_not_there_is_told(here: Path, source: str, said: str) -> None:
    before = tree(here)
    with pytest.raises(UserError) as error:
        topout.import_prompt("task", source, force=True)
    assert said in str(error.value)
    assert tree(here) == before


@pytest.mark.parametrize(
    ("prompt", "said"),
    [
        (
            Prompt((Component("user", "user", "{{txt}}"),)),
            r"asks for \{\{txt\}\}, which is no field of the task. Did you mean 'text'\?",
        ),
        (Prompt((Component("user", "user", "no field"),)), "a model would never see the example"),
        (
            Prompt((Component("user", "user", "{{text}}"),), (Demo({"text": "a", "who": "b"}, "c"),)),
            r"its demos do not have .* \('who'\)",
        ),
    ],
)
def test_a_prompt_that_does_not_suit_the_task_is_refused(here: Path, prompt: Prompt, said: str) -> None:
    put(here, replace(made_up_offer("odd"), prompt=prompt))
    before = tree(here / "task")
    with pytest.raises(UserError, match=said):
        topout.import_prompt("task", "registry:odd/1", force=True)
    assert tree(here / "task") == before


def test_the_shipped_tasks_are_not_written_to(here: Path) -> None:
    with pytest.raises(UserError, match=r"no task\.toml there"):
        topout.import_prompt("tasks/support-tickets", "registry:triage@production", force=True)


def by_hand(target: str, place: Path, text: str) -> str:
    """Somebody registers a prompt without topout and makes it production; the registry's address."""
    if target == "registry":
        write_batch(place, {"small/versions/1/prompt.md": text.encode(), "small/aliases/production": b"1\n"})
        return str(place)
    mlflow = pytest.importorskip("mlflow", reason="MLflow is not installed: make test-registries runs this")
    uri = f"sqlite:///{place}.db"
    client = mlflow.MlflowClient(tracking_uri=uri, registry_uri=uri)
    client.register_prompt("small", text)
    client.set_prompt_alias("small", "production", 1)
    return uri


@pytest.mark.parametrize("target", ["registry", pytest.param("mlflow", marks=pytest.mark.registries)])
def test_registry_to_run_to_registry_moves_the_alias_by_paired_rows(here: Path, small_task: Path, target: str) -> None:
    uri = by_hand(target, here / "elsewhere", (small_task / "prompt.md").read_text())
    (small_task / "prompt.md").write_text("Another one: {{text}}\n")

    topout.import_prompt(small_task, f"{target}:small@production", uri=uri, force=True)
    topout.optimize(small_task, max_calls=700)
    done = topout.export("latest", to=target, uri=uri, name="small", alias="production")
    assert "n = 60 over version 1, paired on the same held-out rows of this run" in done.note
    assert (done.version, done.offer.temperature, done.offer.max_output_tokens) == ("2", 0.0, 512)
    again = topout.export("latest", to=target, uri=uri, name="small", alias="production")
    assert (again.version, again.changes) == ("2", ())

    back = topout.import_prompt(small_task, f"{target}:small@production", uri=uri, force=True)
    assert back.version == "2" and alike(load_task(small_task).task.baseline, done.offer.prompt)
