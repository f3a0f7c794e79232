import subprocess
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import get_args

import pytest
from rich.console import Console, RenderableType

from topout.domain import AttemptDone, Ending, Estimate, FailureKind, Gain, Rollout, Split
from topout.errors import UserError
from topout.report.findings import CallCard, Findings, RoleSpend, find
from topout.report.layout import broken
from topout.report.measured import Rival, measured
from topout.report.measures import failures
from topout.report.page import report_page
from topout.report.showing import runs_table, show
from topout.report.terminal import MEANT, sparkline, summary, unscored_line
from topout.report.words import amount, paired
from topout.testing.runs import PretendedRun

FOLDER = "runs/20260301T101500Z-support-tickets-evolve-5f3a"


def printed(renderable: RenderableType, width: int = 80) -> str:
    console = Console(width=width, highlight=False, markup=False, emoji=False)
    with console.capture() as out:
        console.print(renderable)
    return out.get()


def flat(text: str) -> str:
    return " ".join(text.split())


@pytest.fixture(scope="module")
def found() -> Findings:
    return find(PretendedRun(outages=3, cached=0.5, ending="outage", reason="the provider is down").events())


@pytest.mark.parametrize(
    ("usd", "said"),
    [(None, "unknown"), (0.0, "$0.00"), (0.0000162, "$0.000016"), (4e-5, "$0.00004"), (0.00012, "$0.00012"), (1.2, "$1.20")],
)
def test_an_amount_is_told_in_plain_figures_however_small(usd: float | None, said: str) -> None:
    assert amount(usd) == said


def test_the_summary_fits_80_columns(found: Findings) -> None:
    assert max(len(line) for line in printed(summary(found, FOLDER)).splitlines()) <= 80


def test_the_summary_leads_from_baseline_to_best_with_rows_and_intervals(found: Findings) -> None:
    text = flat(printed(summary(found, FOLDER)))
    gain = found.holdout.gain
    assert gain is not None
    assert (
        f"gain +{100 * gain.estimate.mean:.1f} points [{100 * gain.estimate.low:.1f}, {100 * gain.estimate.high:.1f}], n = 237"
        in text
    )
    assert f"({gain.better} rows better, {gain.worse} worse)" in text
    assert "selected on these rows, so optimistic" in text
    assert "shift - holdout" in text


def test_the_summary_tells_what_the_cache_saved_and_which_rows_have_no_score(found: Findings) -> None:
    text = flat(printed(summary(found, FOLDER)))
    assert "replies came from the cache and cost nothing; sent, they would have cost $0." in text
    assert "3 rows: 3 outage. They count neither as right nor as wrong." in text


def test_a_run_that_can_go_on_names_resume_first(found: Findings) -> None:
    text = printed(summary(found, FOLDER))
    assert "outage: the provider is down" in text
    assert f"  topout resume {FOLDER}\n" in text.split("Next\n")[1]


def test_a_run_that_used_up_its_budget_has_nothing_to_resume() -> None:
    text = printed(summary(find(PretendedRun().events()), FOLDER, "runs/latest"))
    assert "topout resume" not in text
    assert "  topout show runs/latest\n" in text
    assert "--prompt runs/latest/best" in text


def test_an_embedded_reader_is_told_to_say_nothing_about_llms() -> None:
    text = flat(printed(summary(find(PretendedRun(settings={"model": "embedded/reader"}).events()), FOLDER)))
    assert "embedded reader: a program in this process, says nothing about LLMs" in text
    assert "--model" not in text


def test_a_winner_that_is_the_baseline_is_told_as_such() -> None:
    text = printed(summary(find(PretendedRun(qualities=(0.5,)).events()), FOLDER))
    assert "best      the baseline: no candidate was tried\n" in text
    assert "topout evaluate" not in text


@pytest.mark.parametrize(
    ("ending", "said"),
    [
        ("finished", "no candidate beat it on dev"),
        ("stopped", "no candidate has beaten it on dev so far"),
        (None, "no candidate has beaten it on dev so far"),
    ],
)
def test_a_baseline_that_leads_a_run_cut_short_leads_so_far(ending: Ending | None, said: str) -> None:
    events = PretendedRun(ending=ending).events()
    first = next(e.champion for e in events if isinstance(e, AttemptDone))
    f = find(replace(e, champion=first) if isinstance(e, AttemptDone) else e for e in events)
    assert f"best the baseline: {said}" in flat(printed(summary(f, FOLDER)))
    assert report_page(f).count(f"The baseline stays: {said}.") == 2


def test_rows_without_a_score_are_told_with_what_the_reason_means() -> None:
    assert unscored_line({"context": 2, "outage": 10}) == (
        "12 rows: 10 outage, 2 context (longer than the model's window). They count neither as right nor as wrong."
    )
    assert unscored_line({"outage": 1}) == "1 row: 1 outage. It counts neither as right nor as wrong."
    assert set(MEANT) <= set(get_args(FailureKind))


def test_one_row_that_got_better_is_a_row() -> None:
    gain = Estimate(0.1, 0.0, 0.2, 10)
    assert paired(Gain(gain, 0.1, 1, 1)).endswith("(1 row better, 1 worse)")
    assert paired(Gain(gain, 0.1, 2, 0)).endswith("(2 rows better, 0 worse)")


def test_unknown_prices_are_unknown_and_not_zero() -> None:
    text = flat(printed(summary(find(PretendedRun(price_usd=None).events()), FOLDER)))
    assert "unknown unknown" in text
    assert "$" not in text.split("Spend")[1].split("Verdict")[0]


@pytest.mark.parametrize("view", ["summary", "show"])
def test_no_text_of_a_model_or_a_row_reaches_the_terminal_raw(view: str) -> None:
    evil = "\x1b]0;owned\x07\x1b[2J[red]\u202e\x00"
    run = PretendedRun(
        texts={"label": evil, "reason": evil, "rationale": evil}, settings={"model": evil, "task": evil}, ending="outage"
    )
    f = find(run.events())
    text = printed(summary(f, FOLDER) if view == "summary" else show(f))
    assert not any(c in text for c in "\x1b\x07\x00\u202e")
    assert "[red]" in text


def test_a_long_command_is_broken_so_that_a_shell_takes_it_whole(tmp_path: Path) -> None:
    words = ["printf", "%s|", "tasks/a b", "--prompt", "x" * 70, "--split", "holdout"]
    lines = broken(words)
    assert len(lines) > 1 and all(line.endswith(" \\") for line in lines[:-1])
    out = subprocess.run(["sh", "-c", "\n".join(lines)], capture_output=True, text=True, check=True).stdout
    assert out == f"tasks/a b|--prompt|{'x' * 70}|--split|holdout|"


def test_no_printed_command_line_has_a_blank_after_its_backslash(found: Findings) -> None:
    lines = printed(summary(found, FOLDER + "/with/a/very/long/path")).splitlines()
    assert any(line.endswith("\\") for line in lines)
    assert not any(line.rstrip().endswith("\\") and line != line.rstrip() for line in lines)


def test_the_sparkline_spans_its_scale() -> None:
    assert sparkline([0.4, 0.5, 0.6], 0.4, 0.6) == "▁▅█"
    assert sparkline([0.5], 0.5, 0.5) == "▁"


def test_show_has_the_prompt_the_attempts_and_dev_failures(found: Findings) -> None:
    text = printed(show(found))
    assert "04c0ffee0004, the winner" in text
    assert "--- 8 demos ---" in text
    assert "Ticket: {{text}}" in text
    assert "dropped" in text and "rejected" in text
    assert "expected 'delivery', got 'billing'" in text
    assert "holdout-0" not in text and "Whoever reads" not in text


def test_of_many_attempts_those_that_were_kept_are_shown_unless_all_are_asked_for(found: Findings) -> None:
    many = replace(found, attempts=tuple(found.attempts) * 8)
    kept = sum(d.attempt.outcome == "kept" for d in many.attempts)
    assert 30 < kept < len(many.attempts)
    short, whole = printed(show(many)), printed(show(many, all_attempts=True))
    assert short.count(" kept ") == whole.count(" kept ") == kept
    assert "--attempts lists them" in short and "--attempts" not in whole
    assert len(whole.splitlines()) > len(short.splitlines())


def test_showing_holdout_rows_says_what_reading_them_spoils(found: Findings) -> None:
    text = printed(show(found, split="holdout", limit=1))
    assert "Whoever reads these rows" in text


def test_a_candidate_is_found_by_the_start_of_its_id(found: Findings) -> None:
    assert "01c0ffee0001, demos" in printed(show(found, "01c0"))
    with pytest.raises(UserError, match="candidates begin so"):
        show(found, "0")
    with pytest.raises(UserError, match=r"no such candidate in this run\. Did you mean '00c0ffee0000'\?"):
        show(found, "00c0fffe0000")


@dataclass(frozen=True, slots=True)
class Run:
    name: str
    task: str = "support-tickets"
    model: str = "openai/gpt-4.1-mini"
    recipe: str = "evolve"
    started: float = 1_772_360_100.0
    ending: str | None = None
    baseline: Estimate | None = None
    winner: Estimate | None = None
    ruling: str | None = None
    seed: int | None = 3
    calls: int = 1200
    paid_usd: float | None = 0.25
    kept_baseline: bool = False


def test_runs_are_listed_with_their_held_out_scores() -> None:
    done = Run(
        "20260301T101500Z-a",
        ending="budget",
        baseline=Estimate(0.4, 0.3, 0.5, 90),
        winner=Estimate(0.6, 0.5, 0.7, 90),
        ruling="can't tell yet",
    )
    text = printed(runs_table([done, Run("20260301T111500Z-\x1bb")]), 120)
    assert "2026-03-01 10:15 UTC · support-tickets · openai/gpt-4.1-mini · evolve, seed 3\n" in text
    assert "budget · can't tell yet · 1,200 calls · paid $0.25\n" in text
    assert "held out 40.0 % [30.0, 50.0], n = 90 -> 60.0 % [50.0, 70.0], n = 90\n" in text
    kept = Run("c", ending="finished", baseline=done.baseline, winner=done.baseline, kept_baseline=True)
    assert "held out 40.0 % [30.0, 50.0], n = 90, no better prompt found\n" in printed(runs_table([kept]), 120)
    assert "n = 90, no better prompt so far\n" in printed(runs_table([replace(kept, ending="stopped")]), 120)
    assert "20260301T111500Z-␛b" in text and "not ended" in text and "held out: not measured" in text


def test_no_runs_names_the_command_that_makes_one() -> None:
    assert "topout optimize" in printed(runs_table([]))


@dataclass(frozen=True, slots=True)
class Evaluated:
    estimate: Estimate
    card: CallCard
    spend: RoleSpend
    failures: tuple[Rollout, ...]
    unscored: dict[str, int] = field(default_factory=dict)
    task: str = "support-tickets"
    split: Split = "holdout"
    prompt: str = "runs/latest/best"
    model: str = "embedded/reader"
    against: Rival | None = None


def test_an_evaluation_does_not_show_holdout_rows_unless_asked(found: Findings) -> None:
    wrong = tuple(failures(found, found.winner.id, "holdout"))
    one = Evaluated(found.holdout.winner, found.after, found.spend["exam"], wrong, {"outage": 3})
    text = flat(printed(measured(one, 0)))
    assert "Score on holdout (95 % interval)" in text and "n = 237" in text
    assert f"Not fully right: {len(wrong)} rows, not shown" in text and "holdout-0" not in text
    assert f"Not fully right: {len(wrong)} rows, the first 5 " in flat(printed(measured(one, 5)))
    assert "the first" not in flat(printed(measured(one, 999)))
    assert "says nothing about LLMs" in text and "3 rows: 3 outage" in text
    shown = printed(measured(one, 2))
    assert shown.count("answer  ") == 2 and "Whoever reads these rows" in shown
