"""`topout gate` on a task folder, with a model on loopback: exit codes, files, pairing, limits."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as Xml

import pytest

Topout = Callable[..., Any]


@pytest.fixture
def better(tmp_path: Path, small_task: Path) -> Path:
    """A prompt that tells what some words mean."""
    path = tmp_path / "better.md"
    text = (small_task / "prompt.md").read_text()
    words = {"apple": "fruit", "pear": "fruit", "plum": "fruit", "fig": "fruit", "saw": "tool", "drill": "tool", "file": "tool"}
    words |= {"harp": "music", "oboe": "music", "drum": "music", "rain": "weather", "fog": "weather", "hail": "weather"}
    rules = "\n".join(f"{word} means {label}" for word, label in words.items())
    path.write_text(text.replace("Answer with", f"{rules}\nAnswer with"))
    return path


@pytest.fixture
def model(provider: Any, prices: list[str]) -> list[str]:
    return ["--model", "openai/reader", "--api-base", provider.server.url, *prices[:2], "--quiet"]


def test_a_bound_that_is_reached_exits_with_0_and_one_that_is_not_with_100(
    topout: Topout, small_task: Path, model: list[str]
) -> None:
    assert topout("gate", small_task, "--min-score", "0.05", *model).code == 0
    missed = topout("gate", small_task, "--min-score", "0.95", *model)
    assert missed.code == 100
    assert "Not met: the score is" in missed.out and "its high end is below 95 %" in missed.out


def test_what_the_rows_cannot_decide_is_100_unless_asked_otherwise(topout: Topout, small_task: Path, model: list[str]) -> None:
    words = ("gate", small_task, "--min-score", "0.25", *model)
    said = topout(*words)
    assert said.code == 100 and "Undecided: the score is" in said.out and "scored rows would decide" in " ".join(said.out.split())
    assert topout(*words, "--undecided", "pass").code == 0


def test_a_prompt_is_compared_with_another_one_on_the_same_rows(
    topout: Topout, small_task: Path, better: Path, model: list[str], provider: Any
) -> None:
    found = topout("gate", small_task, "--prompt", better, "--no-worse-than", small_task / "prompt.md", "--json", *model)
    document = json.loads(found.out)
    assert (found.code, document["outcome"], document["passed"]) == (0, "met", True)
    assert document["gates"][0]["estimate"]["n"] == 60 and document["gates"][0]["better"] > 10
    assert provider.arrived == 120
    back = topout("gate", small_task, "--prompt", small_task / "prompt.md", "--no-worse-than", better, *model)
    assert back.code == 100 and "Not met: the difference is -" in back.out
    assert provider.arrived == 120


def test_the_same_prompt_is_no_worse_than_itself(topout: Topout, small_task: Path, model: list[str]) -> None:
    found = topout("gate", small_task, "--no-worse-than", small_task / "prompt.md", *model)
    assert found.code == 0 and "Met: it is the same prompt." in found.out


def test_a_limit_on_calls_is_shared_by_both_prompts(
    topout: Topout, small_task: Path, better: Path, model: list[str], provider: Any
) -> None:
    words = ("--prompt", better, "--no-worse-than", small_task / "prompt.md", "--max-calls", "30")
    document = json.loads(topout("gate", small_task, *words, "--json", *model).out)
    assert document["spend"]["calls"] == provider.arrived == 30
    assert document["gates"][0]["estimate"]["n"] == 15


def test_money_that_runs_out_leaves_pairs_and_no_decision_that_the_rest_could_tip(
    topout: Topout, small_task: Path, better: Path, model: list[str], provider: Any
) -> None:
    words = ("--prompt", better, "--no-worse-than", small_task / "prompt.md", "--max-cost", "2.5", "--concurrency", "2")
    found = topout("gate", small_task, *words, "--json", *model)
    document = json.loads(found.out)
    gate = document["gates"][0]
    assert (found.code, document["measured"]["ending"], gate["outcome"]) == (100, "money", "undecided")
    assert 5 < gate["estimate"]["n"] < 40
    assert provider.usd <= 2.5


def test_junit_is_written_in_both_cases(topout: Topout, small_task: Path, model: list[str], tmp_path: Path) -> None:
    topout("gate", small_task, "--min-score", "0.95", "--junit", tmp_path / "out" / "gate.xml", *model)
    suite = Xml.parse(tmp_path / "out" / "gate.xml").getroot()
    assert (suite.get("tests"), suite.get("failures")) == ("1", "1")
    assert "score" in (suite.findtext("testcase/failure") or "")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "nothing to decide. Give --min-score"),
        (["--min-score", "85"], "85 % is 0.85"),
        (["--min-score", "0.5", "--margin", "2"], "2 points are 0.02"),
        (["--min-score", "0.5", "--split", "holdut"], "Did you mean 'holdout'"),
        (["--no-worse-than", "gone.md"], "gone.md"),
        (["--min-score", "0.5", "--undecided", "maybe"], "--undecided"),
    ],
)
def test_what_makes_no_sense_is_one_line_and_exits_with_2(topout: Topout, small_task: Path, words: list[str], said: str) -> None:
    found = topout("gate", small_task, *words)
    assert found.code == 2 and said in found.line


def test_a_provider_that_is_not_there_exits_with_2_before_anything_is_decided(topout: Topout, small_task: Path) -> None:
    found = topout("gate", small_task, "--min-score", "0.5", "--model", "openai/m", "--api-base", "http://127.0.0.1:9/v1", "-q")
    assert found.code == 2 and "127.0.0.1:9" in found.line
