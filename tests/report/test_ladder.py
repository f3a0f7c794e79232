"""The ladder's table, sentence, picture and arithmetic."""

from __future__ import annotations

import math
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from topout.domain import Deployment
from topout.report.findings import CallCard, RoleSpend
from topout.report.ladder import Kind, Ladder, Measurement, laddered
from topout.report.ladder_picture import ladder_picture
from topout.report.ladder_text import ladder_result

TUNED = Deployment(calls_per_day=1200, tuned_price_per_1000_usd=0.4, training_cost_usd=3000, maintenance_usd_per_month=500)


def one(model: str, right: int, price: float | None, *kinds: Kind, of: int = 1000, missing: int = 0) -> Measurement:
    scores = [1.0] * right + [0.0] * (of - right - missing) + [math.nan] * missing
    card = CallCard(of - missing, 1200.0, 3.0, None if price is None else price / 1000, 0.4, 1.2)
    return Measurement(model, kinds or ("baseline",), f"{model}-{right}", tuple(scores), card, price)


def made(*cells: Measurement, delta: float = 0.05, deployment: Deployment = TUNED) -> Ladder:
    return laddered(
        "tickets", "quick", cells, champion="dear/one", delta=delta, clusters=None, runs=[("dear/one", "a/b")], spend=RoleSpend(calls=5, paid_calls=5),
        deployment=deployment,
    )  # fmt: skip


def shown(found: Ladder, width: int = 80) -> str:
    out = StringIO()
    Console(file=out, width=width, highlight=False, markup=False, emoji=False).print(ladder_result(found, Path("runs/ladder-x")))
    return out.getvalue()


def flat(text: str) -> str:
    return " ".join(text.split())


def test_the_cheapest_that_is_shown_to_be_no_worse_is_named() -> None:
    found = made(one("dear/one", 800, 60.0), one("cheap/two", 795, 0.4, "optimized"), one("cheap/two", 600, 0.1))
    assert (found.best, found.named) == (0, 1)
    assert found.sentence == (
        "Take cheap/two, optimized prompt ($0.40 per 1,000 calls): the cheapest that is shown to be no more than 5 points worse than the best "
        "(dear/one, baseline prompt at $60.00)."
    )
    assert [cell.score.level for cell in found.cells] == [pytest.approx(1 - 0.05 / 3)] * 3


def test_a_cheaper_one_that_these_rows_cannot_tell_is_mentioned_with_the_rows_it_takes() -> None:
    scores = tuple(1.0 if i % 5 else 0.0 for i in range(100))
    less = tuple(1.0 if (i + 1) % 5 else 0.0 for i in range(100))
    card = CallCard(100, 10.0, 1.0, 0.06, 0.4, 1.2)
    found = made(
        Measurement("dear/one", ("baseline",), "a", scores, card, 60.0),
        Measurement("cheap/two", ("baseline",), "b", less, card, 0.4),
    )
    assert found.named == 0 and found.cells[1].rung.side == "undecided"
    assert "no cheaper one is shown to be within 5 points of it. Undecided: cheap/two, baseline prompt, at $0.40" in found.sentence
    assert f"about {found.cells[1].rung.rows:,} held-out rows would, if the difference is as measured." in found.sentence


def test_a_move_from_60_dollars_to_40_cents_per_1000_is_spelled_out() -> None:
    found = made(one("dear/one", 800, 60.0), one("cheap/two", 500, 5.0))
    assert found.repays is not None and found.repays_best is None
    assert found.repays.now_usd_per_month == pytest.approx(2190)  # 1,200 x 365 / 12 x 0.06
    assert found.repays.then_usd_per_month == pytest.approx(14.6)
    assert found.repays.saved_usd_per_month == pytest.approx(1675.4)
    assert found.repays.months == pytest.approx(3000 / 1675.4)
    assert (
        "trained, at $0.40 per 1,000, $14.60; upkeep $500.00 a month; saved $1,675.40 a month; training $3,000.00: repaid after 1.8 months."
        in flat(shown(found))
    )


def test_what_is_not_told_of_the_fine_tuned_model_is_asked_for() -> None:
    text = flat(shown(made(one("dear/one", 800, 60.0), one("cheap/two", 799, 5.0), deployment=Deployment(calls_per_day=1200))))
    assert "Not told: deployment.tuned_price_per_1000_usd in task.toml" in text and "--tuned-price" in text
    assert (
        "cheap/two, baseline prompt: Now 1,200 calls a day" in text and "dear/one, baseline prompt: Now 1,200 calls a day" in text
    )


def test_unknown_prices_are_unknown_and_never_named() -> None:
    found = made(one("dear/one", 800, None), one("cheap/two", 500, 5.0))
    assert found.named is None
    assert found.sentence == "Best: dear/one, baseline prompt. No price is known for dear/one: give --price MODEL=IN,OUT."
    assert "unknown" in shown(found)


def test_the_table_fits_80_columns_and_names_what_is_one_prompt() -> None:
    found = made(
        one("openai/gpt-4.1-mini-2025-04-14", 800, 60.0, "baseline", "optimized"),
        one("cheap/two", 790, 0.4, "few-shot"),
        one("cheap/two", 300, 0.4, "baseline", missing=200),
    )
    text = shown(found)
    assert all(len(line) <= 80 for line in text.splitlines())
    assert "baseline = optimized" in text and "no worse" in text and "too few rows" in text
    assert "Rows without a score: cheap/two, baseline prompt 200." in flat(text)


def test_a_name_from_outside_cannot_steer_the_terminal() -> None:
    assert "\x1b" not in shown(made(one("x/\x1b[2Jevil", 800, 1.0), one("cheap/two", 790, 0.4)))


def test_the_picture_says_what_it_leaves_out() -> None:
    svg = ladder_picture(made(one("dear/one", 800, None), one("cheap/two", 500, 5.0)), "svg").decode()
    assert "1 without a known price or a score, not drawn" in svg and "dollars per 1,000 calls" in svg
