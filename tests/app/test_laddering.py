"""`topout ladder`: models told apart by score and price, gone on with, and the fine-tuned one's arithmetic."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

import topout as public
from topout.app.laddering import ladder, plan_ladder
from topout.domain import Event, RolloutDone
from topout.errors import UserError
from topout.report.live import Gauge
from topout.testing.provider import Provider

Topout = Callable[..., Any]
BOTH = ["embedded/reader", "embedded/reader-small"]
PRICES = ("embedded/reader=100,100", "embedded/reader-small=1,1")
SCHEMA = json.loads((files("topout.report") / "documents.schema.json").read_text())


def check(name: str, document: object) -> Any:
    Draft202012Validator({"$ref": f"#/$defs/{name}", "$defs": SCHEMA["$defs"]}).validate(document)
    return document


def test_a_ladder_tells_its_calls_measures_every_prompt_and_reads_it_the_second_time(topout: Topout, tiny_task: Path) -> None:
    words = ("ladder", tiny_task, "--models", ",".join(BOTH), "--max-calls", 300, "--shots", 4)
    priced = [word for one in PRICES for word in ("--price", one)]
    plan = check("ladder_plan", json.loads(topout(*words, "--dry-run", "--json").out))
    assert [one["model"] for one in plan["models"]] == BOTH and plan["calls"] <= 600
    assert not Path(plan["folder"]).exists()
    first = topout(*words, *priced, "-q", "--plot", "ladder.svg", "--calls-per-day", 1000)
    assert first.code == 0, first.err
    assert "simultaneous over" in first.out and "A fine-tuned model in its place" in first.out
    assert "dollars per 1,000 calls" in Path("ladder.svg").read_text()
    journals = sorted(Path(plan["folder"]).glob("*/2*/journal.jsonl"))
    assert len(journals) == 2
    before = [path.read_bytes() for path in journals]
    found = check("ladder", json.loads(topout(*words, *priced, "-q", "--json").out))
    assert [path.read_bytes() for path in sorted(Path(plan["folder"]).glob("*/2*/journal.jsonl"))] == before
    kinds = {(cell["model"], kind) for cell in found["cells"] for kind in cell["prompts"]}
    own = {(model, kind) for model in BOTH for kind in ("baseline", "few-shot", "optimized")}
    other = next(model for model in BOTH if model != found["transplanted_from"])
    assert kinds == {*own, (other, "transplanted")}
    assert all(cell["holdout"]["n"] == 30 and cell["usd_per_1000"] > 0 for cell in found["cells"])
    assert found["cells"][0]["holdout"]["level"] == pytest.approx(1 - 0.05 / len(found["cells"]))
    assert found["cells"][found["best"]]["side"] == "best" and found["sentence"].startswith("Take embedded/")
    assert found["spend"]["paid_calls"] <= plan["calls"]
    written = json.loads((Path(plan["folder"]) / "ladder.json").read_text())
    assert written == found


def test_without_a_price_nothing_is_named_and_the_picture_says_why(tiny_task: Path, topout: Topout, provider: Provider) -> None:
    base = provider.words[provider.words.index("--api-base") + 1]
    words = ("ladder", tiny_task, "--models", "openai/reader,embedded/reader-small", "--max-calls", 300, "--api-base", base)
    found = json.loads(topout(*words, "--critic", "embedded/critic", "-q", "--json").out)
    by_model = {cell["model"]: cell["usd_per_1000"] for cell in found["cells"]}
    assert by_model == {"openai/reader": None, "embedded/reader-small": 0.0}
    assert "No price is known for openai/reader: give --price MODEL=IN,OUT." in found["sentence"]


def test_a_warm_run_begins_from_the_best_prompt_so_far(tiny_task: Path) -> None:
    view = ladder(tiny_task, models=BOTH, max_calls=500, warm=True)
    assert view.found is not None and view.found.rows == 30
    first, second = (view.plan.folder / run for _, run in view.found.runs)
    began = json.loads((second / "journal.jsonl").read_text().splitlines()[0])
    best = (first / "best" / "prompt.md").read_text()
    copies = list(view.plan.folder.glob("task-*/prompt.md"))
    assert [copy.read_text() for copy in copies] == [best]
    assert str(copies[0].parent) in json.dumps(began)
    baselines = [cell for cell in view.found.cells if "baseline" in cell.kinds]
    assert len(baselines) == 2 and len({cell.candidate for cell in baselines}) == 1


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"models": ["embedded/reader"]}, "--models: expected two models or more"),
        ({"models": ["embedded/reader", "embedded/reader"]}, "'embedded/reader' is named twice"),
        ({"shots": -1}, "--shots -1: expected 0"),
        ({"max_calls": 150}, "measure the other prompts"),
        ({"api_bases": ["openai/y=http://127.0.0.1:9"]}, "'openai/y' is none of --models"),
        ({"models": ["embedded/reader", "openai/nobody-knows"], "max_cost": 1.0}, "no price known for 'openai/nobody-knows'"),
        ({"recipe": "quik"}, "Did you mean 'quick'"),
    ],
)
def test_what_cannot_be_done_is_told_before_anything_is_asked(tiny_task: Path, changed: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError) as raised:
        plan_ladder(tiny_task, **{"models": BOTH, "max_calls": 400, **changed})
    assert said in str(raised.value)
    assert not Path("runs").exists()


def test_money_is_shared_out_never_overshot_and_a_higher_limit_goes_on(tiny_task: Path, provider: Provider) -> None:
    base = provider.words[provider.words.index("--api-base") + 1]
    arguments: dict[str, Any] = {
        "models": ["openai/reader", "embedded/reader-small"],
        "critic": "embedded/critic",
        "api_bases": [base],
        "prices": ("openai/reader=1000,10",),
        "max_calls": 400,
    }
    poor = ladder(tiny_task, **arguments, max_cost=8.0)
    assert poor.found is not None and poor.found.cut_short == (("openai/reader", "money"),)
    assert 0 < poor.found.spend.cost_usd <= 4.0
    rich = ladder(tiny_task, **arguments, max_cost=400.0)
    assert rich.found is not None and rich.found.cut_short == () and rich.plan.folder == poor.plan.folder
    assert rich.found.spend.cost_usd > 4.0
    assert all(cell.score.n == 30 for cell in rich.found.cells)


def test_a_ladder_that_was_stopped_goes_on_where_it_was_and_comes_to_the_same(tiny_task: Path) -> None:
    asked = 0

    def stop(event: Event, gauge: Gauge) -> None:
        nonlocal asked
        asked += isinstance(event, RolloutDone)
        if asked == 60:
            next(Path("cut").glob("ladder-*/*/2*/journal.jsonl")).with_name("stop").touch()
        elif asked > 60:
            time.sleep(0.02)  # a stop is looked for now and then

    whole = ladder(tiny_task, models=BOTH, max_calls=300, runs_dir="whole", cache_dir="cache-a")
    cut = ladder(tiny_task, models=BOTH, max_calls=300, runs_dir="cut", cache_dir="cache-b", watch=stop)
    assert (cut.ending, cut.found, cut.done) == ("stopped", None, 0)
    again = ladder(tiny_task, models=BOTH, max_calls=300, runs_dir="cut", cache_dir="cache-b")
    assert whole.found is not None and again.found is not None
    assert [cell.score for cell in again.found.cells] == [cell.score for cell in whole.found.cells]
    assert len(list(Path("cut").glob("ladder-*/*/2*/journal.jsonl"))) == 2
    assert plan_ladder(tiny_task, models=[*BOTH, "openai/x"], max_calls=300, runs_dir="cut").done == 2  # one that is added later
    assert plan_ladder(tiny_task, models=BOTH[::-1], max_calls=300, runs_dir="cut").folder == cut.plan.folder


def test_the_python_interface_has_it() -> None:
    assert public.ladder is ladder and public.plan_ladder is plan_ladder
