"""What an export says of genes, and what an import reads back."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path

import pytest

from topout.app.carrying import direct
from topout.app.exporting import export
from topout.app.importing import import_prompt
from topout.domain import Attempt, AttemptDone, Candidate, Event, Json, Prompt, Rollout, RolloutDone, RunEnded, RunStarted, Scored
from topout.errors import UserError
from topout.plugins.prompt_folders import read_prompt
from topout.store.codec import encode
from topout.testing.fakes import made_up_task
from topout.text.fingerprints import prompt_id

TASK = made_up_task(4, 4, 40)


def run_with(folder: Path, winner: Prompt) -> Path:
    """A run whose winner has 40 of 40 held-out rows, the baseline 20."""
    manifest: dict[str, Json] = {
        "task": "made-up",
        "scorer": "label",
        "labels": ["right", "wrong"],
        "levers": ["instructions", "demos", "retrieval"],
    }
    events: list[Event] = [RunStarted(1, "r", {"model": "fake/m", "critic": "fake/c", "task": "made-up"}, manifest, time.time())]
    made = [
        Candidate(prompt_id(TASK.baseline), TASK.baseline),
        Candidate(prompt_id(winner), winner, (prompt_id(TASK.baseline),), "switch"),
    ]
    for number, one in enumerate(made, -1):
        for split in ("dev", "holdout"):
            for i, row in enumerate(TASK.rows(split)):
                score = Scored(1.0 if number == 0 or i % 2 else 0.0)
                events.append(RolloutDone(-2 if split == "holdout" else number, Rollout(one.id, row.id, split, 0, "right", score)))
        events.append(AttemptDone(Attempt(number, one.operator, one.parents, "kept", "", one, 0.5, 0.1, 4), 8, 8, one.id))
    events.append(RunEnded("finished", "", time.time()))
    folder.mkdir(parents=True)
    (folder / "journal.jsonl").write_text("".join(encode(event) + "\n" for event in events))
    return folder


def test_thinking_goes_out_in_the_text_with_what_to_do_with_the_reply(tmp_path: Path) -> None:
    run = run_with(tmp_path / "run", replace(TASK.baseline, reasoning="think"))
    done = export(run, to="messages", out=tmp_path / "out")
    text = "".join(path.read_text() for path in done.files)
    assert "Think step by step first." in text
    assert "The reply begins with reasoning: the answer is what follows `Answer:` on its last line." in done.warnings
    assert done.offer.provenance.score.n == 40


def test_json_goes_out_with_its_schema(tmp_path: Path) -> None:
    run = run_with(tmp_path / "run", replace(TASK.baseline, answer_format="json"))
    done = export(run, to="messages", out=tmp_path / "out")
    assert done.offer.output_schema is not None
    assert json.dumps(done.offer.output_schema["properties"]) == '{"answer": {"type": "string", "enum": ["right", "wrong"]}}'


@pytest.mark.parametrize(
    ("genes", "said"), [({"votes": 5}, "Votes are not carried"), ({"retrieved": 4}, "Retrieval is not carried")]
)
def test_what_no_format_carries_is_told_and_its_score_stays_behind(tmp_path: Path, genes: dict[str, int], said: str) -> None:
    winner = replace(TASK.baseline.with_text("system", "Answer well."), **genes)  # type: ignore[arg-type]  # whole numbers
    run = run_with(tmp_path / "run", winner)
    done = export(run, to="messages", out=tmp_path / "out")
    assert any(warning.startswith(said) for warning in done.warnings)
    assert any("does not hold for what is exported" in warning for warning in done.warnings)
    assert (done.offer.provenance.score.n, done.offer.scores) == (0, {})
    first = run_with(tmp_path / "first", TASK.baseline.with_text("system", "Answer best."))
    export(first, to="registry", uri=str(tmp_path / "prompts"), alias="production")
    with pytest.raises(UserError, match="not shown to be better"):
        export(run, to="registry", uri=str(tmp_path / "prompts"), alias="production")


def test_the_plain_sibling_that_the_run_measured_brings_its_own_score(tmp_path: Path) -> None:
    run = run_with(tmp_path / "run", replace(TASK.baseline, retrieved=4))
    done = export(run, to="messages", out=tmp_path / "out")
    assert (done.offer.provenance.candidate, done.offer.provenance.score.mean) == (prompt_id(TASK.baseline), 0.5)


def test_a_thinking_prompt_comes_back_from_a_registry_as_one(tmp_path: Path) -> None:
    run = run_with(tmp_path / "run", replace(TASK.baseline, reasoning="think"))
    export(run, to="registry", uri=str(tmp_path / "prompts"), alias="production")
    task = tmp_path / "task"
    task.mkdir()
    (task / "task.toml").write_text(
        'name = "t"\nfields = ["text"]\nexpected = "label"\nlabels = ["right", "wrong"]\n[scorer]\nname = "label"\n'
    )
    import_prompt(task, "registry:made-up@production", uri=str(tmp_path / "prompts"))
    found = read_prompt(task, ("text",))
    assert (found.reasoning, found.component("system").text, len(found.components)) == ("think", "Answer.", 2)
    assert import_prompt(task, "registry:made-up@production", uri=str(tmp_path / "prompts")).files == ()


def test_trainers_get_the_prompt_whose_reply_is_the_answer() -> None:
    prompt = replace(TASK.baseline, reasoning="think", retrieved=2)
    assert direct(prompt, "sft") == (
        TASK.baseline,
        ("Left out, as the reply has to be the answer itself: reasoning, retrieved (prompt.toml).",),
    )
    assert direct(TASK.baseline, "sft") == (TASK.baseline, ())
    with pytest.raises(UserError, match="promptfoo compares whole replies"):
        direct(prompt, "promptfoo")
