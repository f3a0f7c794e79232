"""What a run will take, told before its first call; and how far off that was."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from topout.app import estimate
from topout.plugins.shipped import shipped

Topout = Callable[..., Any]


def test_a_dry_run_tells_calls_tokens_and_dollars_and_asks_nothing(
    small_task: Path, provider: Any, prices: list[str], topout: Topout
) -> None:
    done = topout("optimize", small_task, *provider.words, *prices, "--max-calls", 400, "--dry-run")
    assert done.code == 0 and done.err == ""
    assert "Never more than 400 calls" in done.out and "Nothing was asked" in done.out
    assert "openai/reader" in done.out and "openai/critic" in done.out and "Together about $" in done.out
    assert "…" not in done.out
    assert [line.split()[0] for line in done.out.splitlines() if line.startswith("    ")][:4] == [
        "calls",
        "tokens",
        "tokens",
        "dollars",
    ]
    assert provider.arrived == 0 and not Path("runs").exists()


def test_a_dry_run_for_machines_has_three_numbers_for_each_figure(small_task: Path, topout: Topout) -> None:
    done = topout("optimize", small_task, "--model", "openai/gpt-4.1-mini", "--max-calls", 400, "--dry-run", "--json")
    document = json.loads(done.out)
    assert (document["max_calls"], document["task"]["model"]) == (400, "openai/gpt-4.1-mini")
    low, likely, high = document["cost_usd"]
    assert 0 < low < likely < high < 1


def test_an_unknown_price_is_told_and_never_zero(small_task: Path, provider: Any, prices: list[str], topout: Topout) -> None:
    done = topout("optimize", small_task, *provider.words, *prices[:2], "--max-calls", 400, "--dry-run")
    assert "unknown" in done.out and "No price known for openai/critic: --price" in done.out and "Together" not in done.out


@pytest.mark.parametrize("given", [[], ["openai/reader=1,1"], ["openai/critic=1,1"]])
def test_a_limit_of_money_refuses_to_start_unless_both_models_have_a_price(
    small_task: Path, provider: Any, topout: Topout, given: list[str]
) -> None:
    words = [word for price in given for word in ("--price", price)]
    unknown = "openai/reader" if "openai/reader=1,1" not in given else "openai/critic"
    for more in ([], ["--dry-run"]):
        done = topout("optimize", small_task, *provider.words, *words, "--max-cost", 5, *more)
        assert done.code == 2 and f"no price known for '{unknown}': pass --price '{unknown}=IN,OUT'" in done.line
    assert provider.arrived == 0 and not Path("runs").exists()


def test_the_estimate_is_kept_and_its_error_is_told_after_the_run(
    small_task: Path, provider: Any, prices: list[str], topout: Topout
) -> None:
    done = topout("optimize", small_task, *provider.words, *prices, "--max-calls", 400)
    assert done.code == 0 and done.err.startswith("expected: 400 calls at most, ")
    assert "Expected: " in done.out and "% " in done.out.partition("Expected: ")[2] + " "
    document = json.loads(Path("runs/latest/verdict.json").read_text())["estimate"]
    took = document["took"]
    assert took["calls"] == provider.arrived and took["cost_usd"] == pytest.approx(provider.usd)
    likely = document["task"]["calls"][1] + document["critic"]["calls"][1]
    assert document["error"]["calls"] == pytest.approx(took["calls"] / likely - 1, abs=1e-3)


def test_the_range_holds_what_the_shipped_task_was_measured_to_take() -> None:
    """The run of `make demo`: 4,979 calls of the search and 1,908 of the exam with 6,947,977 tokens in and 20,817 out; a later one asked the critic 286 times with 3,206,500."""
    name, told = estimate(shipped("tasks") / "support-tickets", recipe="evolve")
    assert name == "support-tickets" and told.max_calls == 8000
    assert told.task.calls.low < 6887 < told.task.calls.high
    assert told.task.prompt_tokens.low < 6_947_977 < told.task.prompt_tokens.high
    assert told.task.output_tokens.low < 20_817 < told.task.output_tokens.high
    assert told.critic.calls.low < 286 < told.critic.calls.high
    assert told.critic.prompt_tokens.low < 3_206_500 < told.critic.prompt_tokens.high
    assert 0.5 < told.task.prompt_tokens.likely / 6_947_977 < 1.6
    assert told.cost_usd is not None and told.cost_usd.high == 0.0


@pytest.mark.parametrize(
    ("calls", "task_tokens", "critiques", "critic_tokens"),
    [
        (300, 96_458, 22, 192_716),
        (600, 362_563, 37, 350_076),
        (6000, 8_056_916, 273, 2_978_078),
        (12000, 18_612_507, 596, 6_784_152),
    ],
)
def test_prompts_grow_with_the_search_in_the_estimate_as_they_do_in_runs(
    calls: int, task_tokens: int, critiques: int, critic_tokens: int
) -> None:
    """Means of ten runs of the shipped task and recipe with embedded models, seeds 0 to 9."""
    _, told = estimate(shipped("tasks") / "support-tickets", recipe="evolve", max_calls=calls)
    assert 0.75 < told.task.prompt_tokens.likely / task_tokens < 1.25
    assert 0.75 < told.critic.calls.likely / critiques < 1.25
    assert 0.75 < told.critic.prompt_tokens.likely / critic_tokens < 1.25
