"""What stands in report.html; how it behaves in a browser is tested in test_page_in_a_browser.py."""

import asyncio
import csv
import io
import json
import math
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from topout.domain import FailureAnalysis, FailureCluster, Operator
from topout.report.charts.lineage import lineage_chart
from topout.report.findings import Findings, find
from topout.report.measures import failures
from topout.report.page import report_page, sections
from topout.report.probes import finalists
from topout.report.tables import candidates_table, probe_table, to_csv
from topout.report.verdict_json import verdict_document
from topout.search.evolve import Evolve, EvolveSettings
from topout.testing.engine_room import probe_in_memory, run_in_memory
from topout.testing.fakes import FakeModel, fixed_accuracy, made_up_task, say_right, writing_critic
from topout.testing.runs import PretendedRun

RUNS = {
    "priced": PretendedRun(cached=0.3, outages=2),
    "free": PretendedRun(price_usd=0.0),
    "unpriced": PretendedRun(price_usd=None, shift=0),
    "no gain": PretendedRun(qualities=(0.5,), dev=1, holdout=0, shift=0, price_usd=None),
    "all right": PretendedRun(qualities=(1.0, 1.0), dev=5, holdout=5, shift=5),
    "unfinished": PretendedRun(ending=None, dev=30, holdout=30),
}


class Reader(HTMLParser):
    """Figures with what they show, the texts of elements, ids and headings."""

    def __init__(self) -> None:
        super().__init__()
        self.figures: list[tuple[str, float, str]] = []
        self.ids: list[str] = []
        self.tags: list[str] = []
        self.labelled: list[str] = []
        self.open: tuple[str, float] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        self.tags.append(tag)
        if one := named.get("id"):
            self.ids.append(one)
        if one := named.get("aria-labelledby"):
            self.labelled.append(one)
        if tag == "data":
            self.open = (str(named["data-figure"]), float(str(named["value"])))

    def handle_data(self, data: str) -> None:
        if self.open is not None:
            self.figures.append((*self.open, data))
            self.open = None


def read(page: str) -> Reader:
    reader = Reader()
    reader.feed(page)
    return reader


TABLES = {"candidates.csv": candidates_table, "probe.csv": probe_table}


class Files:
    """The figures of a run's files, by place."""

    def __init__(self, f: Findings) -> None:
        self.verdict: object = json.loads(json.dumps(verdict_document(f), allow_nan=False))
        self.tables = {name: list(csv.DictReader(io.StringIO(to_csv(made(f))))) for name, made in TABLES.items()}

    def at(self, path: str) -> float:
        place, _, factor = path.partition("*")
        table, colon, cell = place.partition(":")
        if colon:
            row, _, column = cell.partition(".")
            return float(self.tables[table][int(row)][column])
        document = self.verdict
        for part in place.split("."):
            document = document[int(part)] if isinstance(document, list) else document[part]  # type: ignore[index]
        assert isinstance(document, int | float), path
        return document * float(factor or 1)


@pytest.mark.parametrize("run", RUNS.values(), ids=RUNS.keys())
def test_every_figure_equals_the_one_in_the_files(run: PretendedRun) -> None:
    f = find(run.events())
    figures, files = read(report_page(f)).figures, Files(f)
    assert figures
    for path, value, _ in figures:
        assert value == pytest.approx(files.at(path), abs=1e-12), path


def test_what_a_figure_shows_is_its_value_rounded() -> None:
    f = find(RUNS["priced"].events())
    shown = {path: text for path, _, text in read(report_page(f)).figures}
    assert shown["holdout.winner.mean"] == f"{100 * f.holdout.winner.mean:.1f} %"
    assert shown["holdout.winner.n"] == "238"
    assert shown["per_call.after.cost_usd*1000"] == "$0.20"
    assert shown["per_call.after.latency_p95_s"] == "580 ms"
    for path, value, text in read(report_page(f)).figures:
        digits = re.sub(r"[^0-9.]", "", text.split(" ")[0])
        scale = 1000 if text.endswith(" ms") else 1
        assert any(math.isclose(float(digits), abs(k * scale * value), rel_tol=0.06, abs_tol=0.051) for k in (1, 100)), (
            path,
            value,
            text,
        )


@pytest.mark.parametrize(
    "path",
    [
        "holdout.baseline",
        "holdout.winner",
        "holdout.paired_gain",
        "dev.winner",
        "shift.winner",
        "curve.0.holdout",
        "curve.7.dev_selected",
    ],
)
def test_scores_and_gains_come_with_interval_and_n(path: str) -> None:
    places = {figure for figure, _, _ in read(report_page(find(RUNS["priced"].events()))).figures}
    assert {f"{path}.{part}" for part in ("mean", "low", "high", "n")} <= places


def test_the_sections_stand_in_the_order_of_the_decision() -> None:
    names = [s.name for s in sections(find(RUNS["priced"].events()), "runs/latest")]
    assert names == [
        "verdict",
        "curve",
        "rung",
        "gains",
        "cost",
        "prompt",
        "lineage",
        "rows",
        "wrong",
        "splits",
        "tried",
        "provenance",
    ]


def test_what_has_no_data_is_left_out() -> None:
    names = [s.name for s in sections(find(RUNS["no gain"].events()), "runs/latest")]
    assert names == ["verdict", "curve", "rung", "gains", "cost", "prompt", "splits", "provenance"]


def test_the_page_names_its_parts_for_screen_readers() -> None:
    reader = read(report_page(find(RUNS["priced"].events())))
    assert len(reader.ids) == len(set(reader.ids))
    assert set(reader.labelled) <= set(reader.ids)
    assert [reader.tags.count(tag) for tag in ("h1", "main", "nav", "header")] == [1, 1, 1, 1]
    assert reader.tags.count("table") == reader.tags.count("caption")


def test_holdout_and_shift_rows_are_not_told_apart() -> None:
    page = report_page(find(RUNS["priced"].events()))
    assert "dev-0001" in page
    assert "holdout-0" not in page
    assert "shift-0" not in page


def test_a_baseline_that_stays_is_said_to_stay() -> None:
    f = find(RUNS["priced"].events())
    page = report_page(replace(f, winner=f.baseline))
    assert "The baseline stays: no candidate beat it on dev." in page


@pytest.mark.parametrize(
    ("operator", "lead"), [("rewrite", "Its last change, in the critic&#39;s words:"), ("demos", "Its last change:")]
)
def test_words_are_called_the_critic_s_where_it_wrote_them(operator: Operator, lead: str) -> None:
    f = find(RUNS["priced"].events())
    page = report_page(replace(f, winner=replace(f.winner, operator=operator, rationale="add 2 demos")))
    assert f"<strong>{lead}</strong> add 2 demos</p>" in page


def test_no_candidate_is_drawn_below_0_or_above_100_percent() -> None:
    f = find(PretendedRun().events())
    attempts = [
        replace(d, attempt=replace(d.attempt, gain=-0.9 if i % 2 else 0.9)) if d.attempt.outcome == "dropped" else d
        for i, d in enumerate(f.attempts)
    ]
    heights = [node["y"] for node in lineage_chart(replace(f, attempts=tuple(attempts))).data["nodes"]]
    assert 0.0 in heights and 1.0 in heights
    assert all(isinstance(one, float) and 0.0 <= one <= 1.0 for one in heights)


def test_a_curve_of_one_champion_or_none_has_no_band_over_all() -> None:
    one = find(PretendedRun(qualities=(0.5,)).events())
    assert "One was examined so far, shown with its 95 % interval." in report_page(one)
    none = find(PretendedRun(qualities=(0.5,), holdout=0).events())
    assert "none was measured on holdout so far." in report_page(none)
    assert "The band covers all 4 examined champions at once with 95 %" in report_page(find(PretendedRun().events()))


def test_the_page_is_a_function_of_the_run() -> None:
    f = find(PretendedRun(dev=20, holdout=20).events())
    assert report_page(f) == report_page(f)


def test_failure_clusters_are_told_with_their_rows_and_suspects_by_name() -> None:
    f = find(RUNS["priced"].events())
    wrong = sorted(r.example for r in failures(f, f.winner.id, "dev"))
    found = FailureAnalysis(
        (FailureCluster("missing knowledge", "parcels <b>", "it does not know the carriers", tuple(wrong[:3]), 9),),
        9,
        12,
        6,
        (),
        "dev",
    )
    page = report_page(replace(f, failures=found, suspects=("dev-0007",)))
    assert "12 rows of dev fail; the critic read 9 of them, 6 fit no cluster." in page
    assert "<strong>parcels &lt;b&gt;</strong>" in page
    assert 'aria-label="Rows: parcels &lt;b&gt;"' in page
    assert "<code>dev-0007</code>" in page


def test_rows_of_clusters_on_other_splits_are_not_shown() -> None:
    f = find(RUNS["priced"].events())
    names = tuple(r.example for r in failures(f, f.winner.id, "dev"))
    found = FailureAnalysis((FailureCluster("style", "too long", "", names, 9),), 9, 12, 0, (), "holdout")
    assert "Rows: too long" not in report_page(replace(f, failures=found))


def test_finalists_of_a_probe_stand_with_their_corrected_difference() -> None:
    task, recipe = made_up_task(20, 24, 60), Evolve(EvolveSettings(lanes=3, read_rows=8, first_block=4))
    model, critic = FakeModel(fixed_accuracy(0.6, 5)), FakeModel(writing_critic())
    events = asyncio.run(run_in_memory(task, say_right, recipe, model, critic, max_calls=600, seed=5)).events
    f = find(asyncio.run(probe_in_memory(task, say_right, recipe, model, critic, events, max_calls=900, seed=5)))
    figures, files = [one for one in read(report_page(f)).figures if one[0].startswith("probe.csv:")], Files(f)
    assert sum(path.endswith(".corrected_mean") for path, _, _ in figures) == len(finalists(f.probes)) > 0
    for path, value, _ in figures:
        assert value == pytest.approx(files.at(path), abs=1e-12), path
