"""`topout optimize --until-decided`: search and probe in rounds, within one limit over all of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from topout.app import list_runs, load_run
from topout.domain import Usage
from topout.models.ledger import Budget, Ledger, Reservation

Topout = Callable[..., Any]


def all_calls() -> int:
    """Calls of all runs and probes here."""
    return sum(s.calls for head in list_runs() for s in load_run(head.name).findings.spend.values())


def test_without_a_limit_it_is_refused(tiny_task: Path, provider: Any, topout: Topout) -> None:
    done = topout("optimize", tiny_task, *provider.words, "--until-decided")
    assert done.code == 2 and "it needs a limit. Give --max-cost DOLLARS or --max-calls N." in done.line
    assert provider.arrived == 0


def test_calls_of_all_rounds_together_stay_within_the_limit(tiny_task: Path, provider: Any, topout: Topout) -> None:
    Path("small.toml").write_text('optimizer = "evolve"\nmax_calls = 160\n')
    done = topout("optimize", tiny_task, *provider.words, "--recipe", "small.toml", "--until-decided", "--max-calls", 1100)
    assert done.code == 0
    assert all_calls() <= 1100
    rounds = [line for line in done.err.splitlines() if line.startswith("Round ")]
    assert rounds[0].startswith("Round 1, search: can't tell yet") and rounds[1].startswith("Round 1, probe: ")
    assert len(list_runs()) == sum(", search: " in line for line in rounds)
    assert "Verdict" in done.out


def test_money_of_all_rounds_together_stays_within_the_limit(
    tiny_task: Path, provider: Any, prices: list[str], topout: Topout
) -> None:
    recipe = Path("small.toml")
    recipe.write_text('optimizer = "evolve"\nmax_calls = 160\n')
    words = [tiny_task, *provider.words, *prices, "--recipe", recipe, "--until-decided", "--max-cost", 25]
    done = topout("optimize", *words)
    assert done.code == 0
    assert 10 < provider.usd <= 25
    assert "Round 1, probe: " in done.err


def test_models_that_cost_nothing_need_a_limit_of_calls(tiny_task: Path, topout: Topout) -> None:
    recipe = Path("small.toml")
    recipe.write_text('optimizer = "evolve"\nmax_calls = 160\n')
    done = topout("optimize", tiny_task, "--recipe", recipe, "--until-decided", "--max-cost", 5)
    assert done.code == 0
    assert "these models cost nothing, so --max-cost is no limit. Give --max-calls." in done.err


def test_a_limit_on_what_is_paid_lets_known_replies_through() -> None:
    ledger = Ledger(Budget(max_cost_usd=1.0, paid_only=True))
    for _ in range(5):
        reservation = ledger.reserve(0.6)
        assert isinstance(reservation, Reservation)
        ledger.settle(reservation, Usage(1, 1), 0.6, paid=False)
    ledger.restore(Usage(1, 1), 0.6, paid=False)
    assert ledger.snapshot().left_usd == 1.0
    ledger.restore(Usage(1, 1), 0.6, paid=True)
    assert ledger.snapshot().left_usd == 0.4
