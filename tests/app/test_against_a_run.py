"""`topout evaluate --against RUN`: a prompt or model compared with a run's winner on the same held-out rows."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import topout
from tests.exporters.handed_off import SIZES, row, write_run, write_task
from topout.cli import main
from topout.errors import UserError
from topout.testing.runs import PretendedRun
from topout.testing.server import OpenAIServer, chat

Model = dict[str, Any]


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> Iterator[Model]:
    """A model behind a server on loopback that is right on every other row."""
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    with OpenAIServer(lambda body: chat("delivery" if body["messages"][-1]["content"][-2] in "02468" else "billing")) as server:
        yield {"model": "openai/tuned", "api_base": server.url, "prices": ("openai/tuned=0,0",), "cache_dir": "cache"}


@pytest.fixture
def task(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A task with a run whose winner is right on 6 of 10 held-out rows, and one whose winner never is."""
    monkeypatch.chdir(tmp_path)
    folder = write_task(tmp_path / "tickets")
    for name, quality in (("some", 0.6), ("never", 0.0)):
        made = PretendedRun(qualities=(0.0, quality), dev=SIZES["dev"], holdout=SIZES["holdout"], shift=SIZES["shift"])
        write_run(tmp_path / "runs" / name, folder, made)
    Path("short.md").write_text(
        "Always answer delivery, whatever the ticket says.\n\n- delivery\n- billing\n- refund\n\nTicket: {{text}}\n"
    )
    return folder


def test_the_gain_is_paired_with_the_winners_scores_in_the_journal(task: Path, model: Model) -> None:
    found = topout.evaluate(task, prompt="short.md", against="some", **model)
    assert found.against is not None
    winner = topout.load_run("some").findings
    assert found.against.candidate == winner.winner.id and found.against.model == "openai/gpt-4.1-mini"
    assert found.against.estimate == winner.holdout.winner
    assert found.against.gain.estimate.n == SIZES["holdout"]
    assert found.against.gain.estimate.mean == pytest.approx(found.estimate.mean - winner.holdout.winner.mean)
    assert found.spend.calls == SIZES["holdout"]  # the winner was not asked again


def test_no_real_difference_is_said_plainly(task: Path, model: Model, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["--model", model["model"], "--api-base", model["api_base"], "--price", *model["prices"], "--cache-dir", "cache"]
    words = ["evaluate", str(task), "--prompt", "short.md", "--against", "never", "--max-calls", "3", "--quiet", *asked]
    assert main(words) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert (
        "Against the winner of never, on the same rows" in out
        and "No real difference is shown: 0 is in the interval of the gain. 3 rows show" in out
    )
    assert main([*words, "--json"]) == 0
    against = json.loads(capsys.readouterr().out)["against"]
    assert against["run"] == "never" and against["gain"]["n"] == 3 and against["sentence"].startswith("No real difference")


def test_a_run_on_other_rows_is_refused_before_a_call_is_made(task: Path, model: Model) -> None:
    with (task / "data" / "holdout.jsonl").open("a") as file:
        file.write(json.dumps({**row("holdout", 1), "id": "new", "text": "a new ticket"}) + "\n")
    with pytest.raises(UserError, match="--against some: that run was measured with other held-out rows, scorer or model settings"):
        topout.evaluate(task, prompt="short.md", against="some", **model)
    assert not Path("cache").exists()


def test_other_train_rows_do_not_matter_for_the_holdout_but_for_dev(task: Path, model: Model) -> None:
    with (task / "data" / "train.jsonl").open("a") as file:
        file.write(json.dumps({"id": "new", "text": "a new ticket", "expected": "refund"}) + "\n")
    assert topout.evaluate(task, prompt="short.md", against="some", max_calls=3, **model).against is not None
    with pytest.raises(UserError, match="other task"):
        topout.evaluate(task, prompt="short.md", against="some", split="dev", **model)
