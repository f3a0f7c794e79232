"""Hosted models: a real server on loopback plays the provider, and keeps its own count."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from topout.app import RunView, list_runs, load_run
from topout.testing.server import Response, chat, error

Topout = Callable[..., Any]
Body = Mapping[str, Any]
KEY = "sk-planted-0123456789abcdef"


def ending(view: RunView) -> str | None:
    return view.findings.ended.ending if view.findings.ended else None


def test_a_hosted_model_and_critic_gain_on_rows_that_the_search_never_saw(small_task: Path, provider: Any, topout: Topout) -> None:
    done = topout("optimize", small_task, *provider.words, "--max-calls", 500, "-q")
    assert done.code == 0
    view = load_run("latest")
    gain = view.findings.holdout.gain
    assert gain is not None and gain.estimate.low > 0 and gain.estimate.n == 60
    assert ending(view) == "budget"
    spend = view.findings.spend
    assert sum(role.paid_calls for role in spend.values()) == provider.answered == provider.arrived == len(provider.keys) <= 500
    assert all(role.unpriced == role.calls for role in spend.values())
    assert "price unknown" in done.out or "unknown" in done.out
    assert "embedded" not in done.out
    assert f"--api-base {provider.server.url}" in " ".join(done.out.replace("\\\n", " ").split())


@pytest.mark.parametrize("calls", [104, 250])
def test_max_calls_is_never_exceeded(small_task: Path, provider: Any, topout: Topout, calls: int) -> None:
    done = topout("optimize", small_task, *provider.words, "--max-calls", calls, "-q")
    if done.code == 2:
        assert "Give at least --max-calls" in done.line and provider.arrived == 0
    else:
        assert done.code == 0 and 0.4 * calls < provider.arrived <= calls


@pytest.mark.parametrize("dollars", [2.5, 9])
def test_max_cost_is_never_exceeded_and_the_exam_has_its_share(
    small_task: Path, provider: Any, prices: list[str], topout: Topout, dollars: float
) -> None:
    done = topout("optimize", small_task, *provider.words, *prices, "--max-cost", dollars, "--max-calls", 2000, "-q")
    assert done.code == 0
    view = load_run("latest")
    assert provider.usd <= dollars
    assert sum(role.paid_usd for role in view.findings.spend.values()) == pytest.approx(provider.usd)
    assert ending(view) == "money" and "money: money" not in done.out
    holdout = view.findings.holdout
    print(f"cap ${dollars}: spent ${provider.usd:.2f}, baseline n = {holdout.baseline.n}, winner n = {holdout.winner.n}")
    assert holdout.baseline.n >= 20 and holdout.winner.n > 0
    assert f"n = {holdout.winner.n}" in done.out
    assert f"topout resume runs/latest --max-cost {2 * dollars:g}" in done.out


def test_a_run_that_money_ended_goes_on_with_more(small_task: Path, provider: Any, prices: list[str], topout: Topout) -> None:
    words = [small_task, *provider.words, *prices, "--max-calls", 250]
    assert topout("optimize", *words, "--max-cost", 4, "-q").code == 0
    spent = provider.usd
    assert topout("resume", "latest", "-q").code == 0
    assert provider.usd <= 4
    assert topout("resume", "latest", "--max-cost", 1000, "-q").code == 0
    assert spent < provider.usd
    assert ending(load_run("latest")) == "budget"
    assert provider.arrived == len(provider.keys) <= 250


def test_too_little_money_for_the_baseline_is_told_with_what_to_do(
    small_task: Path, provider: Any, prices: list[str], topout: Topout
) -> None:
    done = topout("optimize", small_task, *provider.words, *prices, "--max-cost", 0.5, "-q")
    assert done.code == 3 and provider.usd <= 0.5
    assert "the baseline could not be measured: money: $" in done.line and "--max-cost DOLLARS` goes on" in done.line
    (listed,) = list_runs()
    assert listed.calls == provider.arrived > 0 and listed.paid_usd == pytest.approx(provider.usd)
    assert f"money · {provider.arrived} calls · paid ${provider.usd:.2g}" in topout("runs").out


@pytest.mark.usefixtures("impatient")
def test_an_outage_in_mid_run_keeps_everything_and_resume_finishes(
    small_task: Path, provider: Any, providers: Callable[..., Any], topout: Topout
) -> None:
    assert topout("optimize", small_task, *provider.words, "--max-calls", 400, "--runs-dir", "whole", "-q").code == 0
    down = {"now": False}

    def fault(body: Body, number: int) -> Response | None:
        down["now"] = down["now"] or number == 220
        return error(503, "we are down") if down["now"] else None

    with providers(fault=fault) as failing:
        done = topout("optimize", small_task, *failing.words, "--max-calls", 400, "--cache-dir", "other", "-q")
        assert done.code == 3
        assert "topout resume runs/latest" in done.out and "outage: openai/reader" in done.out and "Traceback" not in done.err
        view = load_run("latest")
        assert ending(view) == "outage" and view.findings.resumed == 0
        assert (view.folder / "verdict.json").is_file() and (view.folder / "best" / "prompt.md").is_file()
        assert sum(role.paid_calls - role.failed for role in view.findings.spend.values()) == failing.answered
        failing.fault = lambda body, number: None
        assert topout("resume", "latest", "-q").code == 0
        again = load_run("latest")
    assert (ending(again), again.findings.resumed) == ("budget", 1)
    assert again.findings.winner.id == load_run("latest", "whole").findings.winner.id
    assert failing.answered == len(failing.bought)  # nothing is paid twice
    assert failing.bought == provider.bought  # nor is anything else asked than in the run without an outage


@pytest.mark.usefixtures("impatient")
def test_a_provider_that_is_down_from_the_start_leaves_latest_alone_and_names_resume(
    tiny_task: Path, provider: Any, providers: Callable[..., Any], topout: Topout
) -> None:
    assert topout("optimize", tiny_task, *provider.words, "--max-calls", 140, "-q").code == 0
    before = Path("runs/latest").readlink()
    with providers(fault=lambda body, number: error(500, "oops")) as failing:
        done = topout("optimize", tiny_task, *failing.words, "--max-calls", 140, "-q")
        assert done.code == 3 and "oops" in done.line and "`topout resume runs/" in done.line
        folder = done.line.partition("`topout resume ")[2].partition("`")[0]
        assert Path("runs/latest").readlink() == before != Path(Path(folder).name)
        assert "outage" in topout("runs").out
        failing.fault = lambda body, number: None
        assert topout("resume", folder, "-q").code == 0
        assert Path("runs/latest").readlink() == Path(Path(folder).name)


@pytest.mark.usefixtures("impatient")
def test_a_key_that_is_withdrawn_in_mid_run_ends_it_with_everything_kept(
    small_task: Path, providers: Callable[..., Any], topout: Topout
) -> None:
    with providers(fault=lambda body, number: error(401, "key revoked") if number > 150 else None) as failing:
        done = topout("optimize", small_task, *failing.words, "--max-calls", 280, "-q")
        assert done.code == 3 and "key revoked" in done.out and "topout resume runs/latest" in done.out
        assert ending(load_run("latest")) == "outage"
        assert failing.arrived < 250
        failing.fault = lambda body, number: None
        assert topout("resume", "latest", "-q").code == 0
        assert ending(load_run("latest")) == "budget"


@pytest.mark.usefixtures("impatient")
def test_keys_never_reach_a_file_or_an_output(
    small_task: Path, providers: Callable[..., Any], topout: Topout, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)

    def fault(body: Body, number: int) -> Response | None:
        if number % 23 == 0:
            return error(400, f"bad request with key {KEY}: Bearer {KEY}")
        if number % 29 == 0:
            return error(503, f"down for {KEY}")
        return error(401, f"Incorrect API key provided: {KEY}") if number > 200 else None

    with providers(fault=fault) as failing:
        said = [
            topout("optimize", small_task, *failing.words, "--max-calls", 400),
            topout("show", "latest"),
            topout("report", "latest", "--json"),
            topout("runs"),
            topout("resume", "latest", "--json"),
            topout("optimize", small_task, *failing.words, "--cache-dir", "other"),
            topout("evaluate", small_task, *failing.words[:2], *failing.words[4:], "--split", "train", "--cache-dir", "other"),
        ]
        assert failing.server.headers[0]["authorization"] == f"Bearer {KEY}"
    assert said[0].code == 3 and said[-2].code == 2
    for one in said:
        assert "planted" not in one.out + one.err
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert any(path.name == "cache.db" for path in files) and any(path.name == "journal.jsonl" for path in files)
    for path in files:
        assert b"planted" not in path.read_bytes(), path


def test_max_time_is_kept_and_the_exam_has_its_share(small_task: Path, providers: Callable[..., Any], topout: Topout) -> None:
    with providers(delay_s=0.1) as slow:
        topout(
            "evaluate", small_task, *slow.words[:2], *slow.words[4:], "--max-calls", 1
        )  # litellm is imported: 4 s that are not the run's
        done = topout("optimize", small_task, *slow.words, "--max-time", "6s", "--concurrency", 8, "-q")
    view = load_run("latest")
    assert done.code == 0 and ending(view) == "time"
    holdout = view.findings.holdout
    print(f"6 s: {view.findings.seconds:.2f} s, baseline n = {holdout.baseline.n}, winner n = {holdout.winner.n}")
    assert view.findings.seconds < 7
    assert holdout.baseline.n == 60 and holdout.winner.n >= 30
    assert "time: time" not in done.out


@pytest.mark.slow
@pytest.mark.parametrize("calls", range(140, 400, 37))
def test_max_calls_is_never_exceeded_whatever_it_is(small_task: Path, provider: Any, topout: Topout, calls: int) -> None:
    assert topout("optimize", small_task, *provider.words, "--max-calls", calls, "--seed", calls, "-q").code == 0
    print(f"--max-calls {calls}: {provider.arrived} requests")
    assert provider.arrived <= calls


@pytest.mark.usefixtures("impatient")
def test_replies_that_are_no_answers_are_counted_and_shown_and_no_wrong_answers(
    small_task: Path, providers: Callable[..., Any], topout: Topout
) -> None:
    def fault(body: Body, number: int) -> Response | None:
        if body["model"] == "reader" and number % 10 == 0:
            return chat(None, finish_reason="content_filter")
        return None

    with providers(fault=fault) as odd:
        assert topout("optimize", small_task, *odd.words, "--max-calls", 300, "-q").code == 0
    document = json.loads(Path("runs/latest/verdict.json").read_text())
    assert document["unscored"]["filtered"] > 5
    assert document["holdout"]["baseline"]["n"] + document["holdout"]["baseline"]["unscored"] >= 30
