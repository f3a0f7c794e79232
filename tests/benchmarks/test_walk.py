"""The walk from a spreadsheet to an exported prompt: every step works, and each names the next."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.walk import STEPS, spreadsheet, walk


@pytest.mark.parametrize("calls", [1500, pytest.param(None, marks=pytest.mark.slow)])
def test_a_spreadsheet_of_300_rows_becomes_an_exported_prompt_within_five_minutes(tmp_path: Path, calls: int | None) -> None:
    assert spreadsheet(tmp_path / "tickets.csv") == 300
    steps = [(*words, "--max-calls", str(calls)) if words[0] == "optimize" and calls else words for words in STEPS]
    done = walk(tmp_path, steps)
    assert [(step.words[0], step.code) for step in done] == [(words[0], 0) for words in STEPS], done[-1].out
    assert sum(step.processor_s for step in done) < 300
    said = {step.words[0]: " ".join(step.out.split()) for step in done}
    assert "topout check tickets" in said["init"] and "topout optimize tickets" in said["init"]
    assert "rows: train 120, dev 60, holdout 120" in said["init"]
    assert "topout export runs/latest" in said["optimize"]
    assert (tmp_path / "runs" / "latest" / "report.html").is_file()
