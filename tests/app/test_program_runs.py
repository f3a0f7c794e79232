"""A task with a program, from the folder to an export."""

import json
import re
import shutil
from pathlib import Path

import pytest

import topout
from topout.cli import main
from topout.errors import UserError

PROGRAM = """
async def run(example, prompts, model):
    kind = await model.ask("kind", text=example["text"])
    model.note("shelf", f"shelf of {kind}", kind=kind)
    return await model.ask("size", text=example["text"], shelf=f"shelf of {kind}")
"""

PROMPT = """--- system: kind ---
Choose one of:

- fruit
- tool

Answer with the word only.

--- system: size ---
Choose one of:

- small
- large

Answer with the word only.
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> topout.RunView:
    folder = tmp_path_factory.mktemp("program")
    task = folder / "task"
    (task / "data").mkdir(parents=True)
    (task / "task.toml").write_text(
        'name = "shelves"\nfields = ["text"]\n[scorer]\nname = "exact"\n[program]\ncalls = 2\n', encoding="utf-8"
    )
    (task / "program.py").write_text(PROGRAM, encoding="utf-8")
    (task / "prompt.md").write_text(PROMPT, encoding="utf-8")
    words = ("tiny", "little", "huge", "giant", "certain")  # the last one says nothing: some rows stay wrong
    for split in ("train", "dev", "holdout"):
        rows = [
            {
                "id": f"{split}{i}",
                "text": f"{split} {i}: a {words[i % 5]} thing",
                "expected": "small" if i % 5 < 2 or i % 10 == 4 else "large",
            }
            for i in range(30)
        ]
        (task / "data" / f"{split}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return topout.optimize(
        task,
        model="embedded/reader",
        critic="embedded/critic",
        max_calls=600,
        runs_dir=folder / "runs",
        cache_dir=folder / "cache",
    )


def test_each_rollout_of_the_journal_holds_the_steps_and_counts_their_calls(run: topout.RunView) -> None:
    events = [json.loads(line) for line in (run.folder / "journal.jsonl").read_text(encoding="utf-8").splitlines()]
    rollouts = [event["rollout"] for event in events if event["event"] == "RolloutDone"]
    assert {tuple(step["component"] for step in rollout["steps"]) for rollout in rollouts} == {("kind", "shelf", "size")}
    assert {rollout["calls"] for rollout in rollouts} == {2}
    assert events[0]["manifest"]["program"] == "run"


def test_the_page_shows_the_steps_of_what_is_still_wrong(run: topout.RunView) -> None:
    page = (run.folder / "report.html").read_text(encoding="utf-8")
    assert "shelf(kind=" in page
    assert 'data-copy="messages"' not in page


def test_the_prompt_goes_to_files_and_not_to_formats_of_one_call(run: topout.RunView, tmp_path: Path) -> None:
    topout.export(run.folder, to="text", out=tmp_path / "text")
    assert (tmp_path / "text" / "prompt.md").read_text(encoding="utf-8").startswith("--- system: kind ---\n")
    done = topout.export(run.folder, to="registry", out=tmp_path / "prompts")
    assert done.version == "1"
    for target in ("messages", "dspy", "langchain"):
        with pytest.raises(UserError, match="a program of several steps"):
            topout.export(run.folder, to=target, out=tmp_path / target)


def test_a_recipe_for_prompts_of_one_call_says_so(run: topout.RunView, tmp_path: Path) -> None:
    task = run.folder.parent.parent / "task"
    with pytest.raises(UserError, match="the steps of a program are not shown those"):
        topout.optimize(task, model="embedded/reader", recipe="fewshot", runs_dir=tmp_path / "runs", cache_dir=tmp_path / "cache")


def test_a_program_that_raises_on_every_row_ends_the_run_and_says_what_to_do_once(
    run: topout.RunView, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    source = Path(str(run.findings.started.settings["task"]))
    shutil.copytree(source, "task")
    Path("task/program.py").write_text(PROGRAM.replace('["text"]', '["txt"]', 1), encoding="utf-8")
    assert main(["optimize", "task", "-q", "--max-calls", "300"]) == 2
    said = capsys.readouterr().err
    assert "task/program.py:3: the program raised KeyError: 'txt' (example 'train" in said or "(example 'dev" in said
    assert said.endswith("prompt. All replies are kept: mend it and start again, they are not bought again.\n")
    assert main(["show", "latest"]) == 4
    said = capsys.readouterr().err
    assert re.match(
        r"topout: run [0-9a-f]{8}: the baseline was not measured yet, so there is nothing to report. It ended early: ", said
    )
