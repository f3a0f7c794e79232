"""`topout compare --html` from its command line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from topout.testing.runs import PretendedRun, write_run

Topout = Callable[..., Any]


@pytest.fixture
def two(tmp_path: Path) -> tuple[Path, Path]:
    one = write_run(tmp_path / "runs" / "one", PretendedRun(qualities=(0.4, 0.5), dev=30))
    return one, write_run(tmp_path / "runs" / "other", PretendedRun(qualities=(0.4, 0.5, 0.7), dev=30, seed=1))


def test_the_page_is_written_beside_the_table(two: tuple[Path, Path], topout: Topout) -> None:
    done = topout("compare", *two, "--html", "pages/compared.html")
    assert done.code == 0 and "Differences, paired" in done.out and done.out.rstrip().endswith("pages/compared.html")
    page = Path("pages/compared.html").read_text(encoding="utf-8")
    assert page.startswith("<!doctype html>") and "Is one better?" in page


def test_with_json_the_page_is_written_too(two: tuple[Path, Path], topout: Topout) -> None:
    done = topout("compare", *two, "--html", "compared.html", "--json")
    assert done.code == 0 and json.loads(done.out)["runs"][1]["label"] == "B"
    assert Path("compared.html").is_file()


def test_a_place_that_cannot_be_written_is_told(two: tuple[Path, Path], topout: Topout) -> None:
    Path("taken").mkdir()
    done = topout("compare", *two, "--html", "taken")
    assert done.code == 2 and done.line.startswith("taken: cannot be written")
