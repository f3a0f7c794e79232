import shlex

import pytest

from topout.domain import Ending, Json
from topout.report.findings import find
from topout.report.next_commands import next_commands
from topout.testing.runs import PretendedRun


def first(ending: Ending | None, **settings: Json) -> str:
    """The first command after a run that ended so."""
    words, _ = next_commands(find(PretendedRun(ending=ending, settings=settings).events()), "runs/latest")[0]
    return shlex.join(words)


def test_calls_that_are_used_up_are_doubled_with_all_that_was_asked() -> None:
    assert first("budget", max_calls=3000, seed=2, api_base="http://localhost:8000/v1", prices=["openai/gpt-5=1,2"]) == (
        "topout optimize tasks/support-tickets --model openai/gpt-4.1-mini --seed 2 --api-base http://localhost:8000/v1"
        " --max-cost 5.0 --critic openai/gpt-5 --price openai/gpt-5=1,2 --max-calls 6000"
    )


def test_the_judge_of_a_run_is_asked_for_again() -> None:
    said = first("budget", max_calls=3000, api_base="http://localhost:8000/v1", judge="openai/judge")
    assert " --api-base http://localhost:8000/v1 " in said and " --judge openai/judge " in said


def test_defaults_are_not_repeated() -> None:
    assert (
        first("budget", max_calls=8000, max_cost=None, model="embedded/reader", critic="embedded/critic")
        == "topout optimize tasks/support-tickets --max-calls 16000"
    )


@pytest.mark.parametrize("ending", ["stopped", "outage", None])
def test_a_run_that_can_go_on_is_resumed(ending: Ending | None) -> None:
    assert first(ending) == "topout resume runs/latest"


def test_a_run_out_of_money_is_resumed_with_twice_as_much() -> None:
    assert first("money", max_cost=2.5) == "topout resume runs/latest --max-cost 5"


@pytest.mark.parametrize(("limit", "doubled"), [(90.0, "3m"), (45.5, "91s"), (1800.0, "1h"), (3600.0, "2h")])
def test_a_run_out_of_time_is_resumed_with_twice_as_much(limit: float, doubled: str) -> None:
    assert first("time", max_time=limit) == f"topout resume runs/latest --max-time {doubled}"


def test_paths_are_those_that_one_types_from_here() -> None:
    found = find(PretendedRun(ending="budget", settings={"cache_dir": ".topout/cache", "max_cost": None}).events())
    places = {"task": "../work/tickets", "recipe": "evolve", "cache_dir": "../work/.topout/cache"}
    lines = [shlex.join(words) for words, _ in next_commands(found, "../work/runs/latest", places)]
    assert lines[0].startswith("topout optimize ../work/tickets ") and "--cache-dir ../work/.topout/cache" in lines[0]
    assert lines[1] == "topout probe ../work/runs/latest --dry-run"
    assert lines[3].startswith("topout evaluate ../work/tickets --prompt ../work/runs/latest/best")


def test_who_has_too_few_rows_is_not_sent_to_buy_more_calls() -> None:
    found = find(PretendedRun(ending="budget", holdout=12, dev=8, settings={"max_cost": None}).events())
    assert found.advice.rung == "mend the data"
    verbs = [words[:2] for words, _ in next_commands(found, "runs/latest")]
    assert verbs[0] == ["topout", "check"] and ["topout", "optimize"] not in verbs and ["topout", "probe"] not in verbs


def test_a_run_that_found_nothing_more_to_try_is_only_looked_at() -> None:
    assert first("finished") == "topout show runs/latest"
