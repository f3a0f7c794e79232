from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from importlib.resources import files

import jsonschema
import pytest
from rich.console import Console, RenderableType

from topout.domain import (
    Advice,
    Deployment,
    Event,
    Json,
    LeverRecord,
    Reason,
    RunStarted,
)
from topout.errors import JournalError
from topout.plateau.break_even import break_even
from topout.plateau.intervals import paired_gain
from topout.report.advice_json import advice_document, lever_document
from topout.report.advising import deployment_of
from topout.report.findings import find
from topout.report.rungs import asked, levers_block, next_rung
from topout.report.terminal import summary
from topout.report.verdict_json import verdict_document
from topout.testing.runs import PretendedRun

GAIN = paired_gain([1.0] * 70 + [0.0] * 30, [1.0] * 50 + [0.0] * 50, 0.975)
LEVERS = (
    LeverRecord(
        "instructions", True, 1_204, 12, 48_160, GAIN, "the one step between examined champions that changed it alone, paired"
    ),
    LeverRecord("demos", True, 300, 4, 12_000, None, "not measured: no two examined champions differ by it alone"),
    LeverRecord("voting", False, 0, 0, 0, None, "untried: not in the recipe's scope"),
)
ADVICE = Advice(
    "SFT",
    "Fine-tune on checked examples (SFT) (chance 4 %).",
    (Reason("Prompting has topped out.", "chance 4 %"), Reason("The base model stays.", "deployment.base_model_stable = true")),
    against=(Reason("Training can lose elsewhere.", "60 shift rows"),),
    also=(("tools", Reason("Give the model what it cannot do: tools.", "50.0 % of the failing rows read, n = 40")),),
    asks=("deployment.good_rows in task.toml", "deployment.verifiable in task.toml", "why it fails: not read"),
    break_even=break_even(
        0.001,
        237,
        Deployment(calls_per_day=100, tuned_price_per_1000_usd=2, training_cost_usd=900, maintenance_usd_per_month=0),
    ),
    caveat="Says nothing.",
)


def printed(what: RenderableType, width: int = 80) -> str:
    console = Console(width=width, highlight=False, markup=False, emoji=False)
    with console.capture() as out:
        console.print(what)
    return out.get()


def flat(what: RenderableType) -> str:
    return " ".join(printed(what).split())


def test_levers_fit_80_columns_with_their_gain_and_how_it_was_measured() -> None:
    text = printed(levers_block(LEVERS))
    assert max(map(len, text.splitlines())) <= 80
    assert "instructions  1,204    12  48,160  +20.0 points [10.3, 28.9], n = 100" in text
    assert "demos: no two examined champions differ by it alone" in text
    assert "97.5 % intervals, which hold together at 95 %" in text
    assert "Not tried, as the recipe does not pull them: voting." in text


def test_the_next_rung_tells_reasons_what_speaks_against_it_and_what_to_tell() -> None:
    text = flat(next_rung(ADVICE))
    assert text.startswith("Next rung: SFT Fine-tune on checked examples (SFT) (chance 4 %). Says nothing.")
    assert "The base model stays (deployment.base_model_stable = true)." in text
    assert (
        "Also worth a thought: - tools: Give the model what it cannot do: tools (50.0 % of the failing rows read, n = 40)." in text
    )
    assert "Against training: - Training can lose elsewhere (60 shift rows)." in text
    assert "training $900.00: never repaid by cheaper calls." in text
    assert "To be told more: good_rows and verifiable under [deployment] in task.toml; why it fails: not read." in text
    assert max(map(len, printed(next_rung(ADVICE)).splitlines())) <= 80


def test_what_speaks_against_training_is_left_out_where_nobody_thinks_of_it() -> None:
    assert "Against training" not in printed(next_rung(replace(ADVICE, rung="keep prompting")))


def test_names_are_shown_harmless() -> None:
    assert "\x1b" not in printed(levers_block((replace(LEVERS[0], lever="a\x1b[31m"),)))
    assert asked(("deployment.good_rows in task.toml",)) == "good_rows under [deployment] in task.toml."


def test_the_document_has_every_reason_with_its_figure_and_no_infinities() -> None:
    document = json.loads(json.dumps(advice_document(ADVICE), allow_nan=False))
    assert document["rung"] == "SFT"
    assert document["reasons"][1] == {"text": "The base model stays.", "figure": "deployment.base_model_stable = true"}
    assert document["against_training"] == [{"text": "Training can lose elsewhere.", "figure": "60 shift rows"}]
    assert document["also"][0]["rung"] == "tools"
    assert document["asks"][0] == "deployment.good_rows in task.toml"
    assert (document["break_even"]["months"], document["break_even"]["never"]) == (None, True)
    assert document["break_even"]["now_usd_per_month"] == pytest.approx(3.0417, abs=1e-4)
    levers = [lever_document(one) for one in LEVERS]
    assert levers[1]["gain"] is None
    assert levers[0]["gain"] == {
        "mean": pytest.approx(0.2),
        "low": pytest.approx(0.1034, abs=1e-4),
        "high": pytest.approx(0.2887, abs=1e-4),
        "level": 0.975,
        "n": 100,
    }


def test_documents_are_as_their_published_schema_says() -> None:
    schema = json.loads((files("topout.report") / "documents.schema.json").read_text())
    one, many = ({"$ref": f"#/$defs/{name}", "$defs": schema["$defs"]} for name in ("advice", "lever"))
    for advice in (ADVICE, find(PretendedRun().events()).advice):
        jsonschema.validate(advice_document(advice), one)
    for record in LEVERS:
        jsonschema.validate(lever_document(record), many)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**advice_document(ADVICE), "rung": "SFT, perhaps"}, one)


def told(events: Sequence[Event], **facts: Json) -> list[Event]:
    """The same run, of a task that said so much of its use."""
    first = events[0]
    assert isinstance(first, RunStarted)
    manifest: dict[str, Json] = {**first.manifest, "deployment": dict(facts)}
    return [replace(first, manifest=manifest), *events[1:]]


def test_a_run_is_advised_by_the_facts_that_it_began_with() -> None:
    found = find(told(PretendedRun().events(), target_score=0.6))
    assert found.advice.rung == "stop"
    assert found.advice.sentence.startswith("Stop here: the target is reached (target 60 %, held-out score 6")
    document = json.loads(json.dumps(verdict_document(found), allow_nan=False))
    assert document["advice"]["rung"] == "stop"
    assert [one["lever"] for one in document["levers"]][:2] == ["instructions", "demos"]


def test_facts_that_are_told_later_go_before_those_of_the_beginning() -> None:
    assert find(told(PretendedRun().events(), target_score=0.6), Deployment(target_score=0.99)).advice.rung == "can't tell yet"


def test_a_manifest_with_impossible_facts_is_named() -> None:
    first = told(PretendedRun().events(), target_score=7)[0]
    assert isinstance(first, RunStarted)
    with pytest.raises(JournalError, match=r"manifest: deployment\.target_score: input should be less than or equal to 1"):
        deployment_of(first)
    assert deployment_of(replace(first, manifest={})) == Deployment()


def test_an_embedded_run_is_advised_with_the_word_that_it_says_nothing_about_llms() -> None:
    text = flat(summary(find(PretendedRun(settings={"model": "embedded/reader"}).events()), "runs/x"))
    assert "its figures say nothing about LLMs, and neither does this advice" in text


def test_a_run_that_measured_nothing_but_its_baseline_is_advised_without_a_crash() -> None:
    found = find(PretendedRun(qualities=(0.5,), dev=3, holdout=0, shift=0, price_usd=None, ending=None).events())
    assert found.advice.rung == "mend the data"
    assert "0 holdout rows of at least 30, 3 dev rows of at least 20" in found.advice.sentence
    assert all(one.gain is None for one in found.levers)
