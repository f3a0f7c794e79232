"""`topout.hand_off` and `topout export --to sft|dpo|grpo|rft|verifiers` on a pretended run with hostile rows."""

import asyncio
import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import topout
from tests.exporters.handed_off import HOSTILE, SECRET, SIZES, row, write_run, write_task
from topout.cli import main
from topout.domain import Json
from topout.errors import UserError
from topout.exporters.training import TRAINERS
from topout.testing.runs import PretendedRun

FOLDER = Path("exports/tickets")


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPENAI_API_KEY", f"sk-{SECRET}")
    return write_run(tmp_path / "runs" / "one", write_task(tmp_path / "tickets"))


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_bytes().decode().split("\n") if line]


def files(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def load(path: Path) -> ModuleType:
    """A file run on its own, with nothing of its folder on the path and under no module's name, as sandboxes do."""
    module = ModuleType("nameless")
    exec(compile(path.read_text(), str(path), "exec"), vars(module))
    return module


@pytest.mark.parametrize("target", list(TRAINERS))
def test_no_held_out_row_and_no_key_is_in_any_file(run: Path, tmp_path: Path, target: str) -> None:
    done = topout.hand_off("one", to=target)
    written = files(tmp_path / FOLDER / target)
    assert len(written) == len(done.files) >= 4
    for data in written.values():
        shown = data.decode()
        for split in ("holdout", "shift"):
            for i in range(SIZES[split]):
                text = str(row(split, i)["text"])
                assert f"{split}-{i:04}" not in shown
                assert text not in shown and json.dumps(text)[1:-1] not in shown
                assert f"of {split} row {i}." not in shown
        assert SECRET not in shown and "10.0.0.7" not in shown


def test_sft_examples_are_right_answers_to_the_rendered_prompt(run: Path, tmp_path: Path) -> None:
    done = topout.hand_off("one", to="sft")
    found = lines(tmp_path / FOLDER / "sft" / "sft.jsonl")
    texts = [str(row("dev", i)["text"]) for i in range(SIZES["dev"])]
    asked = {f"Ticket: {text}": text for text in texts}
    seen = [asked[one["messages"][-2]["content"]] for one in found]  # character for character, whatever the row holds
    assert len(set(seen)) == len(found) > 60
    assert {text.partition(" of dev")[0] for text in seen} == set(HOSTILE)
    assert all(one["messages"][-1] == {"role": "assistant", "content": "delivery"} for one in found)
    assert [m["role"] for m in found[0]["messages"]] == ["system", *["user", "assistant"] * 8, "user", "assistant"]
    assert any(warning.startswith(f"Only {len(found)} examples") for warning in done.warnings)
    assert any(warning == "No examples for: billing, refund." for warning in done.warnings)
    readme = (tmp_path / FOLDER / "sft" / "README.md").read_text()
    assert f"- examples: {len(found)}\n" in readme and "- delivery: " in readme
    assert "--against one" in readme and "1 rows have the inputs of a held-out row: left out." in readme


def test_demos_can_be_left_out_and_another_prompt_given(run: Path, tmp_path: Path) -> None:
    topout.hand_off("one", to="sft", without_demos=True, out="a")
    assert [m["role"] for m in lines(Path("a/sft.jsonl"))[0]["messages"]] == ["system", "user", "assistant"]
    Path("short.md").write_text("Kind of: {{text}}")
    done = topout.hand_off("one", to="sft", prompt="short.md", out="b")
    assert lines(Path("b/sft.jsonl"))[0]["messages"][0]["content"].startswith("Kind of: ")
    assert Path("b/prompt.md").read_text() == "--- user ---\nKind of: {{text}}\n"
    assert "This candidate was not measured on held-out rows." in done.warnings


def test_a_row_that_is_a_demo_is_not_learned_from(run: Path, tmp_path: Path) -> None:
    folder = tmp_path / "with-demo"
    folder.mkdir()
    (folder / "prompt.md").write_text("Ticket: {{text}}")
    (folder / "demos.jsonl").write_text(json.dumps({"inputs": {"text": row("train", 0)["text"]}, "output": "delivery"}) + "\n")
    topout.hand_off("one", to="grpo", prompt=folder, out="c")
    prompts = [one["prompt"][-1]["content"] for one in lines(Path("c/prompts.jsonl"))]
    assert f"Ticket: {row('train', 0)['text']}" not in prompts and len(prompts) == SIZES["train"] + SIZES["dev"] - 1
    assert "1 rows are demos of the prompt" in Path("c/README.md").read_text()


def test_nothing_to_learn_from_is_refused_and_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    task = write_task(tmp_path / "tickets")
    write_run(
        tmp_path / "runs" / "bad", task, PretendedRun(qualities=(0.0, 0.0), dev=SIZES["dev"], holdout=SIZES["holdout"], shift=0)
    )
    write_run(
        tmp_path / "runs" / "good", task, PretendedRun(qualities=(1.1, 1.1), dev=SIZES["dev"], holdout=SIZES["holdout"], shift=0)
    )
    with pytest.raises(UserError, match=r"no answer reached the bar of 1 \(the best answer has 0\), and nothing was written"):
        topout.hand_off("bad", to="sft")
    for run in ("bad", "good"):
        with pytest.raises(UserError, match="no row has an answer of 1 or more and a worse one"):
            topout.hand_off(run, to="dpo")
    assert not (tmp_path / "exports").exists()


def test_dpo_pairs_a_right_answer_with_a_wrong_one_to_the_same_row(run: Path, tmp_path: Path) -> None:
    topout.hand_off("one", to="dpo")
    found = lines(tmp_path / FOLDER / "dpo" / "dpo.jsonl")
    assert len(found) > 20
    for one in found:
        assert one["prompt"][-1]["role"] == "user" and one["prompt"][-1]["content"].startswith("Ticket: ")
        assert (one["chosen"][0]["content"], one["rejected"][0]["content"]) == ("delivery", "billing")


def test_grpo_has_all_rows_and_a_reward_that_needs_no_topout(run: Path, tmp_path: Path) -> None:
    topout.hand_off("one", to="grpo")
    found = lines(tmp_path / FOLDER / "grpo" / "prompts.jsonl")
    assert len(found) == SIZES["train"] + SIZES["dev"]
    reward = load(tmp_path / FOLDER / "grpo" / "reward.py").reward
    completions = [[{"role": "assistant", "content": text}] for text in ("Answer: delivery", "billing", "")]
    columns = {name: [one[name] for one in found[:3]] for name in ("expected", "inputs")}
    assert reward(prompts=[], completions=completions, completion_ids=[], **columns) == [1.0, 0.0, 0.0]
    assert "topout" not in "".join(
        line for line in (tmp_path / FOLDER / "grpo" / "reward.py").read_text().split("\n") if "import" in line
    )


def test_rft_is_a_python_grader_in_openais_own_model(run: Path, tmp_path: Path) -> None:
    graders: Any = pytest.importorskip("openai.types.graders")
    topout.hand_off("one", to="rft")
    grader = graders.PythonGrader.model_validate_json((tmp_path / FOLDER / "rft" / "grader.json").read_bytes(), strict=True)
    methods: Any = pytest.importorskip("openai.types.fine_tuning")
    assert methods.ReinforcementMethod(grader=grader).grader.type == "python"
    found = lines(tmp_path / FOLDER / "rft" / "items.jsonl")
    names: dict[str, Any] = {}
    exec(grader.source, names)
    assert [names["grade"]({"output_text": text}, found[0]) for text in ("Delivery.", "refund", None)] == [1.0, 0.0, 0.0]


def test_verifiers_loads_the_tasks_and_scores_a_reply(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    vf: Any = pytest.importorskip("verifiers.v1", reason="verifiers is not installed")
    topout.hand_off("one", to="verifiers", without_demos=True)
    monkeypatch.syspath_prepend(str(tmp_path / FOLDER / "verifiers"))
    taskset = vf.load_taskset(vf.TasksetConfig(id="tickets"))
    tasks = list(taskset)
    assert len(tasks) == SIZES["train"] + SIZES["dev"]
    assert tasks[1].data.prompt == f"Ticket: {row('train', 1)['text']}" and tasks[1].data.system_prompt.startswith(
        "Assign the ticket"
    )

    def scored(reply: str) -> dict[str, float]:
        trace = vf.Trace(task=vf.TraceTask(type="RowTask", data=tasks[1].data), agent=vf.AgentInfo(config=vf.AgentConfig()))
        trace.nodes.append(vf.MessageNode(message=vf.AssistantMessage(content=reply), sampled=True))
        asyncio.run(tasks[1].score(trace))
        return {name: one.value for name, one in trace.rewards.items()}

    assert scored("delivery") == {"task_score": 1.0} and scored("billing") == {"task_score": 0.0}


OWN = '''from __future__ import annotations
import dataclasses
import json as j


@dataclasses.dataclass
class Found:
    value: float


def score(answer, expected, inputs):
    """Half for any label."""
    found = Found(1.0 if answer == expected else 0.5 if answer in ("billing", "refund") else 0.0)
    return found.value, f"{j.dumps(answer)} for {len(inputs['text'])} characters"
'''


def test_a_scorer_of_the_users_own_travels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_run(tmp_path / "runs" / "own", write_task(tmp_path / "tickets", '[scorer]\nfile = "scorer.py"\n', {"scorer.py": OWN}))
    topout.hand_off("own", to="grpo")
    path = tmp_path / FOLDER / "grpo" / "reward.py"
    spec = importlib.util.spec_from_file_location("reward_of_own", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "reward_of_own", module)
    spec.loader.exec_module(module)
    completions: list[Json] = ["delivery", "billing", "?"]
    assert module.reward(completions, ['"delivery"'] * 3, ['{"text": "x"}'] * 3) == [1.0, 0.5, 0.0]
    assert module.judged("?", "x", {"text": "abc"}) == (0.0, '"?" for 3 characters')


@pytest.mark.parametrize(
    ("target", "code", "said"),
    [
        (
            "grpo",
            "def reward(): ...\n" + OWN.replace("from __future__ import annotations\n", ""),
            "defines 'reward', a name that the exported file needs",
        ),
        (
            "rft",
            OWN + "\ntry:\n    import spacy\nexcept ImportError:\n    pass\n",
            "imports spacy, which OpenAI's graders do not have",
        ),
    ],
)
def test_a_scorer_that_cannot_travel_is_refused_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, target: str, code: str, said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    write_run(tmp_path / "runs" / "own", write_task(tmp_path / "tickets", '[scorer]\nfile = "scorer.py"\n', {"scorer.py": code}))
    with pytest.raises(UserError, match=said):
        topout.hand_off("own", to=target)
    assert not (tmp_path / "exports").exists()


def test_a_task_that_changed_since_the_run_is_refused(run: Path, tmp_path: Path) -> None:
    with (tmp_path / "tickets" / "data" / "train.jsonl").open("a") as file:
        file.write(json.dumps({"id": "new", "text": "new", "expected": "refund"}) + "\n")
    with pytest.raises(UserError, match="the task changed since this run"):
        topout.hand_off("one", to="sft")


def test_the_same_hand_off_again_changes_nothing_and_an_edited_file_is_kept(run: Path, tmp_path: Path) -> None:
    topout.hand_off("one", to="dpo")
    before = files(tmp_path / FOLDER)
    topout.hand_off("one", to="dpo")
    assert files(tmp_path / FOLDER) == before
    (tmp_path / FOLDER / "dpo" / "dpo.jsonl").write_text("mine")
    with pytest.raises(UserError, match="was edited since it was exported"):
        topout.hand_off("one", to="dpo")


def test_the_verb(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", "one", "--to", "sft", "--without-demos", "--bar", "0.5", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["files"][0] == "exports/tickets/sft/sft.jsonl" and document["written"] is True
    for words, said in (
        (["--to", "sft", "--alias", "production"], "has no aliases and no address"),
        (["--to", "sft", "--bar", "0"], "--bar 0: expected a score above 0"),
        (
            ["--to", "text", "--prompt", "short.md"],
            "--prompt, --without-demos and --bar are for promptfoo, sft, dpo, grpo, rft, verifiers",
        ),
        (["--to", "sfd"], "Did you mean 'sft'?"),
    ):
        assert main(["export", "one", *words]) == 2
        err = capsys.readouterr().err
        assert said in err and err.count("\n") == 1
