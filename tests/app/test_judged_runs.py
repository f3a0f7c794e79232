"""A task whose answers a model judges, over real HTTP: budgets, the cache, resumption, and what a person is told."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from topout.app import load_run
from topout.domain import RolloutDone
from topout.store.journal import read_journal
from topout.testing.provider import WORDS, said_by, tokens
from topout.testing.server import OpenAIServer, Response, chat, error

Topout = Callable[..., Any]
Body = Mapping[str, Any]
NEEDS_A_JUDGE = "a model judges the answers, and none is named"


def mark(body: Body) -> str:
    """5 of 5 for an answer that is the reference, else 1."""
    said = str(body["messages"][-1]["content"])
    found = {name: re.search(rf"```{name}\n(.*)\n```", said) for name in ("reference", "answer")}
    right = found["reference"] and found["answer"] and found["reference"][1] == found["answer"][1]
    return json.dumps(
        {"reason": "so it is" if right else f"not {found['reference'] and found['reference'][1]}", "score": 5 if right else 1}
    )


class Judged:
    """A provider with a reader, a critic and a judge. `verdict` may be changed; `asked` counts requests by model, `usd` is what they cost."""

    def __init__(self) -> None:
        self.verdict: Callable[[Body], str | Response] = mark
        self.asked: dict[str, int] = {}
        self.usd = 0.0
        self.server = OpenAIServer(self.answer)

    def answer(self, body: Body) -> Response:
        model = str(body["model"])
        self.asked[model] = self.asked.get(model, 0) + 1
        text = self.verdict(body) if model == "judge" else said_by(body)
        if isinstance(text, Response):
            return text
        usage = (tokens(body), len(text.split()))
        self.usd += usage[0] * 0.001 + usage[1] * 0.00001
        return chat(text, usage=usage)

    @property
    def words(self) -> list[str]:
        return ["--model", "openai/reader", "--critic", "openai/critic", "--api-base", self.server.url]

    @property
    def calls(self) -> int:
        return sum(self.asked.values())


@pytest.fixture
def served() -> Iterator[Judged]:
    judged = Judged()
    with judged.server:
        yield judged


@pytest.fixture
def judged_task(tiny_task: Path) -> Path:
    """12 train, 12 dev and 30 holdout rows, marked by a judge."""
    toml = tiny_task / "task.toml"
    toml.write_text(re.sub(r"labels = .*\n", "", toml.read_text()).replace('name = "label"', 'name = "judge"'))
    (tiny_task / "rubric.md").write_text("The category is the one of the reference.\n")
    return tiny_task


PRICES = [word for name in ("reader", "critic", "judge") for word in ("--price", f"openai/{name}=1000,10")]


def test_a_judged_run_gains_within_its_cap_and_the_same_run_again_asks_nobody(
    judged_task: Path, served: Judged, topout: Topout
) -> None:
    words = ["optimize", judged_task, *served.words, "--judge", "openai/judge", "--max-calls", 700, "-q"]
    done = topout(*words)
    assert done.code == 0, done.err
    f = load_run("latest").findings
    assert f.holdout.winner.mean > f.holdout.baseline.mean
    assert 300 < served.calls <= 900
    used = f.spend["judge"]
    assert (
        used.calls == f.spend["task"].calls + f.spend["exam"].calls
    )  # equal answers to a row are judged once, and counted each time
    assert used.paid_calls == served.asked["judge"] < used.calls
    assert sum(role.paid_calls for role in f.spend.values()) == served.calls
    rubric = f.started.manifest["judge"]["rubric"]  # type: ignore[index,call-overload]
    assert f"openai/judge, points, rubric {rubric}" in done.out and re.fullmatch("[0-9a-f]{12}", str(rubric))
    assert "Its noise was not measured: no answer was judged twice." in " ".join(done.out.split())
    document = json.loads((Path("runs/latest") / "verdict.json").read_text())
    assert document["judge"]["model"] == "openai/judge" and document["judge"]["sd_of_difference"] is None
    assert f"points, rubric {rubric}" in (Path("runs/latest") / "report.html").read_text()

    said = " ".join(done.out.replace("\\\n", " ").split())
    assert f"--split holdout --model openai/reader --api-base {served.server.url} --judge openai/judge" in said
    assert re.search(r"topout check \S+ what the rows can show", said)  # 12 dev rows: more calls would not help

    before, winner = served.calls, f.winner.id
    assert topout(*words).code == 0
    assert served.calls == before and load_run("latest").findings.winner.id == winner


def test_money_is_counted_for_the_judge_too_and_a_run_goes_on_without_asking_again(
    judged_task: Path, served: Judged, topout: Topout
) -> None:
    words = [judged_task, *served.words, *PRICES, "--judge", "openai/judge", "--max-calls", 700]
    assert topout("optimize", *words, "--max-cost", 20, "-q").code == 0
    assert 10 < served.usd <= 20
    f = load_run("latest").findings
    assert f.ended is not None and f.ended.ending == "money"
    assert sum(role.paid_usd for role in f.spend.values()) == pytest.approx(served.usd)
    journaled = sum(isinstance(e, RolloutDone) for e in read_journal(Path("runs/latest/journal.jsonl")))
    assert topout("resume", "latest", "--max-cost", 500, "-q").code == 0
    f = load_run("latest").findings
    assert f.ended is not None and f.ended.ending == "budget"
    assert len(f.rollouts) > journaled
    assert sum(role.paid_calls for role in f.spend.values()) == served.calls <= 900
    assert sum(role.paid_usd for role in f.spend.values()) == pytest.approx(served.usd)


def test_without_a_judge_nothing_is_asked(judged_task: Path, tmp_path: Path, served: Judged, topout: Topout) -> None:
    done = topout("optimize", judged_task, *served.words, "-q")
    assert done.code == 2 and NEEDS_A_JUDGE in done.line
    done = topout("optimize", judged_task, *served.words, "--judge", "embedded/reader", "-q")
    assert done.code == 2 and "they cannot judge by a rubric" in done.line
    (judged_task / "rubric.md").write_text(" \n")
    done = topout("optimize", judged_task, *served.words, "--judge", "openai/judge", "-q")
    assert done.code == 2 and "rubric.md is empty" in done.line
    toml = judged_task / "task.toml"
    toml.write_text(toml.read_text().replace('name = "judge"', 'name = "judge"\nrubric = "../../secret.md"'))
    (tmp_path / "secret.md").write_text("secret")
    done = topout("optimize", judged_task, *served.words, "--judge", "openai/judge", "-q")
    assert done.code == 2 and "a judge is sent only what lies in the folder" in done.line
    toml.write_text(toml.read_text().replace('name = "judge"\nrubric = "../../secret.md"', 'name = "exact"'))
    done = topout("optimize", judged_task, *served.words, "--judge", "openai/judge", "-q")
    assert done.code == 2 and "is scored by 'exact', which asks no model" in done.line
    assert served.calls == 0


def test_evaluate_and_gate_ask_the_judge_that_the_task_names(judged_task: Path, served: Judged, topout: Topout) -> None:
    toml = judged_task / "task.toml"
    toml.write_text(toml.read_text().replace('name = "judge"', 'name = "judge"\nmodel = "openai/judge"'))
    words = [judged_task, "--model", "openai/reader", "--api-base", served.server.url, "--max-calls", 25, "--json"]
    done = topout("evaluate", *words)
    assert done.code == 0, done.err
    assert json.loads(done.out)["score"]["n"] == 12 and served.asked == {"reader": 12, "judge": 12}
    assert json.loads(done.out)["spend"]["calls"] == 24
    done = topout("gate", *words, "--min-score", 0.01)
    assert done.code in (0, 100) and served.asked == {"reader": 12, "judge": 12}


def test_a_judge_with_a_wrong_key_shows_at_the_first_row(judged_task: Path, served: Judged, topout: Topout) -> None:
    served.verdict = lambda body: error(401, "bad key", code="invalid_api_key")
    done = topout("optimize", judged_task, *served.words, "--judge", "openai/judge", "-q")
    assert done.code == 2 and "judge: " in done.line and served.calls <= 3


def test_a_judge_of_pairs_that_always_prefers_the_first_is_seen_through(judged_task: Path, served: Judged, topout: Topout) -> None:
    toml = judged_task / "task.toml"
    toml.write_text(toml.read_text().replace('name = "judge"', 'name = "judge"\nmode = "pairs"'))
    served.verdict = lambda body: '{"reason": "it came first", "better": "first"}'
    done = topout("optimize", judged_task, *served.words, "--judge", "openai/judge", "--max-calls", 700, "-q")
    assert done.code == 0, done.err
    f = load_run("latest").findings
    assert f.holdout.baseline.mean == 0.5 and served.calls <= 700
    assert re.search(r"Which answer stood first decided\s+100\.0\s+%", done.out)


def test_check_says_nothing_against_a_judged_task(judged_task: Path, topout: Topout) -> None:
    found = json.loads(topout("check", judged_task, "--json").out)
    assert [one for one in found["findings"] if one["check"].startswith(("scorer", "empty"))] == []


def test_the_estimate_counts_the_judge(judged_task: Path, served: Judged, topout: Topout) -> None:
    words = ["optimize", judged_task, *served.words, "--judge", "openai/judge", "--max-calls", 400, "--dry-run"]
    done = topout(*words, *PRICES, "--json")
    assert done.code == 0, done.err
    document = json.loads(done.out)
    assert document["judge"]["model"] == "openai/judge" and document["judge"]["calls"] == document["task"]["calls"]
    parts = [document[name]["cost_usd"][1] for name in ("task", "critic", "judge")]
    assert document["cost_usd"][1] == pytest.approx(sum(parts)) and min(parts) > 0
    done = topout(*words, *PRICES[:4])
    assert "No price known for openai/judge" in done.out and "Together" not in done.out
    assert served.calls == 0


def test_a_probe_asks_the_judge_within_its_plan(judged_task: Path, served: Judged, topout: Topout) -> None:
    words = ["optimize", judged_task, *served.words, *PRICES, "--judge", "openai/judge", "--max-calls", 500, "-q"]
    assert topout(*words).code == 0
    before, judged = served.calls, served.asked["judge"]
    done = topout("probe", "latest", "--force", "--max-calls", 1300, "--dry-run")
    assert done.code == 0, done.err
    assert served.calls == before
    assert topout("probe", "latest", "--force", "--max-calls", 1300, "-q").code == 0
    assert before < served.calls <= before + 1300 and served.asked["judge"] > judged
    assert load_run("latest").findings.probes[0].finished


def test_check_holds_the_judge_against_people(judged_task: Path, served: Judged, topout: Topout) -> None:
    toml = judged_task / "task.toml"
    toml.write_text(toml.read_text().replace('name = "judge"', 'name = "judge"\nhuman = "human.jsonl"'))
    rows = [json.loads(line) for line in (judged_task / "data" / "dev.jsonl").read_text().splitlines()]
    marks = [
        {"id": r["id"], "answer": r["expected"] if i % 2 else "no idea", "score": 5 if i % 2 else 2} for i, r in enumerate(rows)
    ]
    (judged_task / "human.jsonl").write_text("".join(json.dumps(one) + "\n" for one in marks))
    words = ["check", judged_task, "--api-base", served.server.url, "--json"]
    assert topout(*words).code in (0, 100) and served.calls == 0
    found = json.loads(topout(*words, "--judge", "openai/judge").out)["findings"]
    (told,) = [one for one in found if one["check"] == "judge-agreement"]
    assert served.asked == {"judge": 12} and told["severity"] == "note"
    assert "correlate by 1.00 [1.00, 1.00], differ by 12.5 points" in told["text"] and "n = 12 answers" in told["text"]
    (judged_task / "human.jsonl").write_text('{"id": "dev-0", "answer": "x", "score": 7}\n')
    done = topout(*words, "--judge", "openai/judge")
    assert done.code == 2 and "human.jsonl:1: score = 7, expected 1 to 5" in done.line


def better(body: Body) -> str:
    """Of two answers the one that is the kind of the row's words; a tie when neither or both are."""
    said = str(body["messages"][-1]["content"])
    sentence = str(re.findall(r"```input\n(.*)\n```", said)[0]).split()
    right = [name for name, words in WORDS.items() if set(words) & set(sentence)]
    first, second = (answer in right for answer in re.findall(r"```answer\n(.*)\n```", said))
    return json.dumps({"reason": "by its words", "better": "tie" if first == second else "first" if first else "second"})


def test_a_prompt_wins_against_todays_answers_and_those_are_even_with_themselves(
    judged_task: Path, served: Judged, topout: Topout
) -> None:
    words = [judged_task, "--model", "openai/reader", "--api-base", served.server.url, "--judge", "openai/judge"]
    today = judged_task / "today.jsonl"
    for split in ("train", "dev", "holdout"):
        assert topout("evaluate", *words, "--split", split, "--answers", today, "-q").code == 0
    before = today.read_bytes()
    assert len(before.splitlines()) == 54
    assert topout("evaluate", *words, "--split", "dev", "--answers", today, "-q").code == 0
    assert today.read_bytes() == before  # a row that is there is not added again
    toml = judged_task / "task.toml"
    toml.write_text(toml.read_text().replace('name = "judge"', 'name = "judge"\nmode = "pairs"\nagainst = "today.jsonl"'))
    served.verdict = lambda body: better(body) if body["model"] == "judge" else said_by(body)
    done = topout("optimize", judged_task, *served.words, "--judge", "openai/judge", "--max-calls", 1200, "-q")
    assert done.code == 0, done.err
    f = load_run("latest").findings
    assert f.holdout.baseline.mean == 0.5
    assert f.holdout.winner.mean > 0.6
    (judged_task / "today.jsonl").write_bytes(b"\n".join(before.splitlines()[:-2]) + b"\n")
    said = topout("check", judged_task)
    assert "today.jsonl: no answer to row 'holdout-28' of holdout (2 rows have none)" in said.err


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("{", "today.jsonl:1: no JSON object."),
        ('{"id": 1, "answer": "x"}', 'today.jsonl:1: expected {"id": "a row\'s id", "answer": "..."}.'),
    ],
)
def test_a_file_of_answers_that_is_none_is_refused(judged_task: Path, topout: Topout, line: str, problem: str) -> None:
    toml = judged_task / "task.toml"
    toml.write_text(toml.read_text().replace('name = "judge"', 'name = "judge"\nmode = "pairs"\nagainst = "today.jsonl"'))
    (judged_task / "today.jsonl").write_text(line + "\n")
    assert problem in topout("check", judged_task).line
    (judged_task / "today.jsonl").write_text("")
    toml.write_text(toml.read_text().replace('mode = "pairs"', 'mode = "points"'))
    assert "'against' is for mode = 'pairs'" in topout("check", judged_task).line
