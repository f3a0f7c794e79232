"""`topout export` and `topout.export` on a pretended run."""

import json
from pathlib import Path

import pytest

import topout
from topout.cli import main
from topout.errors import UserError
from topout.testing.runs import PretendedRun, write_run

SECRET = "hunter2"


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPENAI_API_KEY", f"sk-{SECRET}")
    monkeypatch.setenv("COLUMNS", "100")
    base = f"http://user:{SECRET}@10.0.0.7:8000/v1"
    return write_run(tmp_path / "runs" / "one", PretendedRun(shift=0, settings={"api_base": base, "critic_api_base": base}))


def tree(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.mark.parametrize(
    ("target", "file"),
    [
        ("text", "exports/support-tickets/prompt.md"),
        ("messages", "exports/support-tickets/messages.json"),
        ("dspy", "exports/support-tickets/program.json"),
        ("python", "exports/support-tickets/support_tickets.py"),
        ("langchain", "exports/support-tickets/langchain.json"),
        ("prompty", "exports/support-tickets/support-tickets.prompty"),
        ("dotprompt", "exports/support-tickets/support-tickets.prompt"),
        ("registry", "prompts/support-tickets/versions/1/prompt.md"),
    ],
)
def test_it_writes_the_winner_and_no_secret(run: Path, tmp_path: Path, target: str, file: str) -> None:
    done = topout.export("one", to=target)
    assert (tmp_path / file).is_file() and done.written
    assert all((tmp_path / path).is_file() for path in done.files)
    assert done.offer.prompt == topout.load_run("one").prompt
    assert done.offer.provenance.score.n == 240 and done.offer.provenance.gain is not None
    written = b"".join(data for name, data in tree(tmp_path).items() if not name.startswith("runs/"))
    assert SECRET.encode() not in written and b"10.0.0.7" not in written


def test_figures_are_those_of_the_run_and_another_candidate_has_its_own(run: Path) -> None:
    found = topout.load_run("one").findings
    p = topout.export("one", to="text", dry_run=True).offer.provenance
    assert (p.baseline, p.score, p.gain) == (found.holdout.baseline, found.holdout.winner, found.holdout.gain)
    done = topout.export("one", to="text", candidate=found.baseline.id, dry_run=True)
    assert done.offer.provenance.score == found.holdout.baseline and done.offer.provenance.gain is None
    assert done.warnings[0] == "This is the baseline."


def test_a_dry_run_writes_nothing(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = tree(tmp_path)
    assert main(["export", "one", "--to", "registry", "--alias", "production", "--dry-run"]) == 0
    said = capsys.readouterr().out
    assert "Would be written" in said and "alias production -> a new version: prompts/support-tickets/aliases/production" in said
    assert tree(tmp_path) == before and not (tmp_path / "prompts").exists()


def test_only_files_that_differ_are_written_again(run: Path, tmp_path: Path) -> None:
    first = topout.export("one", to="text")
    assert first.changes == tuple(str(path) for path in first.files)
    (tmp_path / first.files[1]).unlink()
    again = topout.export("one", to="text")
    assert (again.changes, again.files) == (("exports/support-tickets/demos.jsonl",), first.files)
    assert topout.export("one", to="text").changes == ()


def test_the_baseline_has_no_gain_over_itself(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", "one", "--to", "text", "--candidate", "baseline"]) == 0
    said = capsys.readouterr().out
    assert "Held-out score 38.3 %" in said and "gain over" not in said and "This is the baseline." in said


@pytest.mark.parametrize("to", [["registry", "--alias", "production"], ["text"]])
def test_it_is_safe_to_repeat(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], to: list[str]) -> None:
    line = ["export", "one", "--to", *to]
    assert main(line) == 0
    before = tree(tmp_path)
    capsys.readouterr()
    assert main(line) == 0
    assert "nothing: all is there already" in capsys.readouterr().out
    assert tree(tmp_path) == before


def test_the_baseline_does_not_replace_the_winner(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    baseline = topout.load_run("one").findings.baseline.id
    assert main(["export", "one", "--to", "registry", "--alias", "production"]) == 0
    before = tree(tmp_path)
    capsys.readouterr()
    line = ["export", "one", "--to", "registry", "--alias", "production", "--candidate", baseline]
    assert main(line) == 2
    said = capsys.readouterr().err
    assert "not shown to be better" in said and "paired on the same held-out rows" in said and said.count("\n") == 1
    assert "topout import" not in said  # both were measured already
    assert tree(tmp_path) == before
    assert main([*line, "--force"]) == 0
    assert (tmp_path / "prompts/support-tickets/aliases/production").read_text() == "2\n"


def test_json_is_one_document(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", "one", "--to", "registry", "--alias", "production", "--name", "triage", "--out", "reg", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["name"], document["version"], document["alias"], document["written"]) == ("triage", "1", "production", True)
    assert document["changes"] == [
        "version 1: reg/triage/versions/1",
        "alias production -> version 1: reg/triage/aliases/production",
    ]
    assert document["provenance"]["holdout"]["this"]["n"] == 240


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--to", "dspi"], "Did you mean 'dspy'? Targets: text, messages, dspy, python, "),
        (
            ["--to", "text", "--alias", "production"],
            "has no aliases. Leave --alias out, or use a registry: registry, mlflow, phoenix, langfuse.",
        ),
        (["--to", "registry", "--alias", "3"], "not an alias"),
        (["--to", "text", "--name", "../../x"], "not a name for a prompt"),
        (["--to", "text", "--candidate", "zzz"], "no such candidate"),
        (["--to", "text", "--out", "runs/one/journal.jsonl"], "Choose another folder with --out"),
        ([], "--to"),
    ],
)
def test_bad_words_are_one_line_and_leave_nothing(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    before = tree(tmp_path)
    assert main(["export", "one", *words]) == 2
    err = capsys.readouterr().err
    assert said in err and err.count("\n") == 1
    assert tree(tmp_path) == before


def test_a_candidate_without_a_held_out_score_says_so(run: Path, tmp_path: Path) -> None:
    dropped = next(d.attempt.candidate for d in topout.load_run("one").findings.attempts if d.attempt.outcome == "dropped")
    assert dropped is not None
    assert "This candidate was not measured on held-out rows." in topout.export("one", to="text", candidate=dropped.id).warnings
    topout.export("one", to="registry", alias="production")
    with pytest.raises(UserError, match="this candidate was not measured on held-out rows"):
        topout.export("one", to="registry", alias="production", candidate=dropped.id)


def test_whoever_exports_is_told_of_doubts(tmp_path: Path) -> None:
    write_run(
        tmp_path / "runs" / "flat",
        PretendedRun(qualities=(0.5, 0.51), holdout=40, shift=0, ending=None, settings={"model": "embedded/reader"}),
    )
    done = topout.export("flat", to="text", runs_dir=tmp_path / "runs", out=tmp_path / "out")
    assert [warning.split(":")[0] for warning in done.warnings[:3]] == [
        "The held-out score was measured with the embedded reader, a program in this process",
        "The run has not ended",
        "It is not shown to be better than the baseline",
    ]
