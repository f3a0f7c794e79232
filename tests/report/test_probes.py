"""What a probe came to: evidence for the verdict, and never a held-out score of a proposal."""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
from dataclasses import replace
from functools import cache
from importlib.resources import files

from jsonschema import validate
from rich.console import Console

from topout.domain import Event, ProbeEnded, ProbeStarted, Proposed, Request, RungDone
from topout.report.findings import find
from topout.report.measures import split_estimates
from topout.report.probe_plan import expected_usd, plan_document, plan_view, shown_plan
from topout.report.probed import probe_block
from topout.report.probes import finalists
from topout.report.tables import candidates_table, curve_table, probe_table, rollouts_table
from topout.report.verdict_json import verdict_document
from topout.search.evolve import Evolve, EvolveSettings
from topout.testing.engine_room import probe_in_memory, run_in_memory
from topout.testing.fakes import FakeModel, fixed_accuracy, made_up_task, say_right, writing_critic

TASK = made_up_task(20, 24, 60)
EVOLVE = Evolve(EvolveSettings(lanes=3, read_rows=8, first_block=4))


@cache
def run() -> tuple[Event, ...]:
    model, critic = FakeModel(fixed_accuracy(0.6, 5)), FakeModel(writing_critic())
    return tuple(asyncio.run(run_in_memory(TASK, say_right, EVOLVE, model, critic, max_calls=600, seed=5)).events)


@cache
def probed() -> tuple[Event, ...]:
    model, critic = FakeModel(fixed_accuracy(0.6, 5)), FakeModel(writing_critic())
    return tuple(asyncio.run(probe_in_memory(TASK, say_right, EVOLVE, model, critic, run(), max_calls=900, seed=5)))


def test_the_figures_of_the_run_stay_what_they_were() -> None:
    before, after = find(run()), find(probed())
    assert after.curve == before.curve
    assert (after.holdout, after.dev, after.shift, after.winner) == (before.holdout, before.dev, before.shift, before.winner)
    assert (after.seconds, after.resumed, after.ended) == (before.seconds, before.resumed, before.ended)
    assert after.candidates == before.candidates
    assert split_estimates(after, "holdout") == split_estimates(before, "holdout")
    for table in (curve_table, candidates_table, rollouts_table):
        assert table(after).equals(table(before))
    assert {role: spend for role, spend in after.spend.items() if role != "probe"} == dict(before.spend)
    assert "probe" not in before.spend


def test_its_calls_are_a_role_of_their_own() -> None:
    spent = find(probed()).spend["probe"]
    new = probed()[len(run()) :]
    assert spent.calls == sum(not isinstance(e, ProbeStarted | Proposed | RungDone | ProbeEnded) for e in new)


def test_racers_are_told_with_rows_rung_and_a_corrected_estimate() -> None:
    (probe,) = find(probed()).probes
    assert probe.finished
    assert probe.started.rungs == ((20, 25), (6, 60))
    assert probe.outcomes()["raced"] == len(probe.racers)
    assert [racer.rung for racer in probe.racers].count(2) == 6 == len(finalists([probe]))
    assert {(racer.rung, racer.met.rows) for racer in probe.racers} == {(1, 25), (2, 60)}
    best = finalists([probe])[0]
    assert best.corrected is not None
    assert best.corrected.n == 60
    assert best.corrected.mean < max(racer.met.mean for racer in probe.racers)


def test_what_raced_is_told_and_not_what_was_planned() -> None:
    (probe,) = find(probed()).probes
    refused = [i for i, p in enumerate(probe.proposals) if p.outcome == "raced"][:3]
    proposals = tuple(replace(p, outcome="rejected") if i in refused else p for i, p in enumerate(probe.proposals))
    left = tuple(racer for racer in probe.racers if racer.attempt not in {probe.proposals[i].attempt for i in refused})
    fewer = replace(probe, proposals=proposals, racers=left)
    raced, planned = len(probe.racers), ((20, 25), (6, 60))
    assert probe.raced == ((raced, 25), (6, 60))
    assert fewer.raced[0] == (raced - 3, 25)
    assert replace(fewer, ended=None).raced == planned
    console = Console(width=100, record=True, file=io.StringIO())
    console.print(probe_block(replace(find(probed()), probes=(fewer,)), "runs/latest"))
    assert f"raced    {raced - 3} on 25 rows, " in console.export_text()


def test_an_unfinished_probe_is_no_evidence() -> None:
    events = probed()
    cut = max(i for i, e in enumerate(events) if isinstance(e, RungDone))
    half = find(events[:cut])
    assert [p.finished for p in half.probes] == [False]
    assert finalists(half.probes) == []
    assert half.verdict == find(run()).verdict


def test_a_proposal_of_a_probe_is_no_candidate_of_the_run() -> None:
    f = find(probed())
    assert f.probes[0].racers
    assert not {racer.candidate.id for racer in f.probes[0].racers} & f.candidates.keys()


def test_the_journal_cut_anywhere_in_a_probe_can_be_read() -> None:
    events = probed()
    for cut in range(len(run()), len(events), 7):
        f = find(events[:cut])
        assert f.curve and f.verdict.sentence


def more_demos_help(request: Request) -> str:
    """Right on a share of the rows that grows with the number of demos."""
    share = 0.1 + 0.008 * (len(request.messages) - 2)
    row = hashlib.blake2b(request.messages[-1].content.encode(), digest_size=8).digest()
    return "right" if int.from_bytes(row, "big") < share * 2**64 else "wrong"


def test_rivals_that_are_better_have_a_corrected_gain_and_those_of_a_flat_world_have_none() -> None:
    model, critic = FakeModel(more_demos_help), FakeModel(writing_critic())
    task = made_up_task(80, 24, 60)
    before = asyncio.run(run_in_memory(task, say_right, EVOLVE, model, critic, max_calls=150, seed=5)).events
    events = asyncio.run(probe_in_memory(task, say_right, EVOLVE, model, critic, before, seed=5))
    climbing, flat = (finalists(find(e).probes)[0].corrected for e in (events, probed()))
    assert climbing is not None and flat is not None
    assert climbing.mean > 0.05 and climbing.low > 0
    assert flat.mean < 0.05 and flat.low <= 0


def test_its_document_is_what_the_schema_says() -> None:
    schema = json.loads((files("topout.report") / "documents.schema.json").read_text())
    document = json.loads(json.dumps(verdict_document(find(probed())), allow_nan=False))
    validate(document["probe"], {**schema["$defs"]["verdict"]["properties"]["probe"], "$defs": schema["$defs"]})
    assert verdict_document(find(run()))["probe"] is None
    assert document["probe"]["probes"][0]["rungs"] == [{"contenders": 20, "rows": 25}, {"contenders": 6, "rows": 60}]
    assert [one["corrected_difference"]["n"] for one in document["probe"]["finalists"]] == [60] * 6


def test_its_table_has_every_proposal() -> None:
    (probe,) = find(probed()).probes
    table = probe_table(find(probed()))
    assert len(table) == len(probe.proposals)
    assert table["finalist"].sum() == 6
    assert table["corrected_mean"].notna().sum() == len(probe.racers)


def test_its_plan_is_told_with_prices_only_where_they_are_known() -> None:
    f = find(run())
    plan = plan_view(
        f,
        number=1,
        again=False,
        rungs=((20, 25), (6, 60)),
        proposals=20,
        read_calls=100,
        race_calls=710,
        critic_calls=7,
        chance=0.62,
        stopped="",
        concurrency=8,
    )
    assert (plan.calls, plan.cost_usd) == (817, 0.0)
    assert plan_document(plan)["calls"] == 817
    unpriced = replace(f, after=replace(f.after, cost_usd=None))
    assert expected_usd(unpriced, 810, 7) is None
    assert expected_usd(replace(f, after=replace(f.after, cost_usd=0.001)), 810, 7) == 0.81
    said = io.StringIO()
    Console(file=said, width=100).print(shown_plan(plan))
    assert "20 on 25 rows, 6 on 60 of the holdout" in said.getvalue()
    assert "with a chance of 62 %" in said.getvalue()
    assert "817 at most: 100 to read train rows, 710 to race, 7 of the critic" in said.getvalue()
