"""`topout bench`: told before it begins, shared out evenly, taken up again, and judged over rows and seeds."""

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
from topout.app.benching import bench, plan_bench
from topout.domain import Event, RolloutDone
from topout.errors import UserError
from topout.report.live import Gauge
from topout.store.journal import read_journal
from topout.testing.provider import Provider

Topout = Callable[..., Any]
TWO = ["evolve", "bootstrap"]
WORDS = ("--optimizers", "evolve,bootstrap", "--seeds", 1, "--max-calls", 440)
SCHEMA = json.loads((files("topout.report") / "documents.schema.json").read_text())


def check(name: str, document: object) -> Any:
    Draft202012Validator({"$ref": f"#/$defs/{name}", "$defs": SCHEMA["$defs"]}).validate(document)
    return document


def test_a_bench_tells_its_price_runs_every_pair_and_reads_it_the_second_time(topout: Topout, tiny_task: Path) -> None:
    plan = check("bench_plan", json.loads(topout("bench", tiny_task, *WORDS, "--dry-run", "--json").out))
    assert [(run["recipe"], run["seed"], run["calls"]) for run in plan["runs"]] == [
        ("evolve", 0, 220),
        ("bootstrap", 0, 220),
    ]
    assert not Path(plan["folder"]).exists()
    first = topout("bench", tiny_task, *WORDS, "-q")
    assert first.code == 0 and "440 calls, free" in first.out and "Held out (1 seed;" in first.out
    journals = sorted(Path(plan["folder"]).glob("*/2*/journal.jsonl"))
    assert len(journals) == 2
    before = [path.read_bytes() for path in journals]
    second = check("bench", json.loads(topout("bench", tiny_task, *WORDS, "-q", "--json").out))
    assert [path.read_bytes() for path in sorted(Path(plan["folder"]).glob("*/2*/journal.jsonl"))] == before
    assert (second["runs_done"], second["runs"], second["seeds"], second["ending"]) == (2, 2, [0], None)
    assert {one["recipe"] for one in second["optimizers"]} == {"evolve", "bootstrap"}
    assert all(one["calls"] <= 220 and one["holdout"]["n"] > 0 for one in second["optimizers"])
    assert second["differences"][0]["difference"]["level"] == pytest.approx(0.95)
    assert second["sentence"] in " ".join(first.out.split())
    assert json.loads((Path(plan["folder"]) / "bench.json").read_text()) == second


def test_a_bench_that_was_stopped_goes_on_where_it_was_and_comes_to_the_same(tiny_task: Path) -> None:
    arguments: dict[str, Any] = {"optimizers": TWO, "seeds": 1, "max_calls": 440}
    whole = bench(tiny_task, **arguments, runs_dir="whole", cache_dir="cache-a")
    asked = 0

    def stop(event: Event, gauge: Gauge) -> None:
        nonlocal asked
        asked += isinstance(event, RolloutDone)
        if asked == 100:
            next(Path("cut").glob("bench-*/*/2*/journal.jsonl")).with_name("stop").touch()
        elif asked > 100:
            time.sleep(0.02)  # a stop is looked for now and then

    cut = bench(tiny_task, **arguments, runs_dir="cut", cache_dir="cache-b", watch=stop)
    assert (cut.ending, cut.found, cut.done) == ("stopped", None, 0)
    again = bench(tiny_task, **arguments, runs_dir="cut", cache_dir="cache-b")
    assert again.ending is None and again.found is not None and whole.found is not None
    assert [one.score for one in again.found.entries] == [one.score for one in whole.found.entries]
    assert again.found.sentence == whole.found.sentence
    assert len(list(Path("cut").glob("bench-*/*/2*/journal.jsonl"))) == 2


def test_money_is_shared_out_evenly_and_a_higher_limit_goes_on(tiny_task: Path, provider: Provider) -> None:
    arguments: dict[str, Any] = {
        "optimizers": TWO,
        "seeds": 1,
        "max_calls": 440,
        "model": "openai/reader",
        "critic": "openai/critic",
        "api_base": provider.words[provider.words.index("--api-base") + 1],
        "prices": ("openai/reader=1000,10", "openai/critic=1000,10"),
    }
    plan = plan_bench(tiny_task, max_cost=12.0, **arguments)
    assert plan.cost_usd is not None and 0 < plan.cost_usd[0] < plan.cost_usd[1]
    poor = bench(tiny_task, max_cost=12.0, **arguments)
    spent = [one.spend.cost_usd for one in poor.found.entries] if poor.found else []
    assert len(spent) == 2 and all(0 < cost <= 6.0 for cost in spent)
    calls = provider_calls(plan.folder)
    rich = bench(tiny_task, max_cost=400.0, **arguments)
    assert rich.plan.folder == plan.folder
    assert provider_calls(plan.folder) > calls
    assert len(list(plan.folder.glob("*/2*/journal.jsonl"))) == 2


def provider_calls(folder: Path) -> int:
    return sum(isinstance(e, RolloutDone) for path in folder.glob("*/2*/journal.jsonl") for e in read_journal(path))


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"optimizers": ["evolve"]}, "--optimizers: expected two recipes or more"),
        ({"optimizers": ["evolve", "evolve"]}, "'evolve' is named twice"),
        ({"optimizers": ["evolve", "evolv"]}, "recipe 'evolv': no such recipe. Did you mean 'evolve'"),
        ({"seeds": 0}, "--seeds 0: expected 1 or more"),
        ({"max_calls": None}, "Give --max-calls N or --max-cost DOLLARS"),
        ({"max_calls": 100}, "bench: 25 calls for each of 4 runs"),
    ],
)
def test_what_cannot_be_done_is_told_before_anything_is_asked(tiny_task: Path, changed: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError) as raised:
        plan_bench(tiny_task, **{"optimizers": TWO, "seeds": 2, "max_calls": 1200, **changed})
    assert said in str(raised.value)
    assert not Path("runs").exists()


def test_the_python_interface_has_it() -> None:
    assert public.bench is bench and public.plan_bench is plan_bench
