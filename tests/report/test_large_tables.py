"""The table of rollouts in pieces, and as Parquet where it is large."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from topout.app import derived
from topout.app.derived import table_hint, write_rollouts
from topout.report import tables
from topout.report.findings import find
from topout.report.tables import rollouts_csv, rollouts_table, to_csv
from topout.testing.runs import PretendedRun

FOUND = find(PretendedRun(outages=3, texts={"label": '=half \ud800 a pair, "quoted"\nü'}).events())


def test_the_csv_in_pieces_is_that_of_the_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "BATCH", 7)
    assert "".join(rollouts_csv(FOUND)) == to_csv(rollouts_table(FOUND))


@pytest.mark.registries
def test_a_large_table_is_parquet_with_the_same_cells_and_takes_the_place_of_the_csv(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("pyarrow", reason="pyarrow is not installed: pip install 'topout[tables]'; make test-registries runs this")
    pandas = pytest.importorskip("pandas")
    write_rollouts(FOUND, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["rollouts.csv"]
    monkeypatch.setattr(derived, "LARGE", 100)
    monkeypatch.setattr(tables, "BATCH", 64)
    assert "pip install 'topout[tables]'" in table_hint(FOUND, tmp_path)
    write_rollouts(FOUND, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["rollouts.parquet"]
    assert table_hint(FOUND, tmp_path) == ""
    read = pandas.read_parquet(tmp_path / "rollouts.parquet")
    frame = rollouts_table(FOUND)
    assert list(read.columns) == list(frame.columns)
    for name in ("attempt", "candidate", "example", "score", "failure", "prompt_tokens", "cost_usd", "paid"):
        told = [None if value is pandas.NA or value != value else value for value in frame[name].tolist()]
        assert [None if value is pandas.NA or value != value else value for value in read[name].tolist()] == told, name
    assert '=half \\ud800 a pair, "quoted"\nü' in set(read["answer"])


def test_without_pyarrow_a_large_table_is_csv_and_says_what_would_help(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(derived, "LARGE", 100)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    write_rollouts(FOUND, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["rollouts.csv"]
    assert table_hint(FOUND, tmp_path).startswith("rollouts.csv has 1,")
