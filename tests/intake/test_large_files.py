"""Files of 50 MB: as fast as a person waits for, and in memory that any laptop has."""

from __future__ import annotations

import csv
import json
import os
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

MB = 1_000_000
CODE = """
import re, resource, sys
from pathlib import Path
from topout.app.starting import init
made = init("task", source=sys.argv[1])
used = resource.getrusage(resource.RUSAGE_SELF)
print(sum(made.rows.values()), len(made.labels), round(used.ru_utime + used.ru_stime), re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1])
"""
Row = tuple[str, str]


def rows(n: int) -> Iterator[Row]:
    """Letters of 52 words, of 12 labels."""
    rng = random.Random(5)
    words = ["".join(rng.choice("abcdefghijklmnopqrstuvwxyz") for _ in range(rng.randint(3, 9))) for _ in range(4000)]
    for i in range(n):
        yield " ".join(rng.choices(words, k=52)), f"label {i % 12}"


def as_csv(path: Path) -> None:
    """As Excel saves one for a European locale: semicolons, a byte order mark, Windows line ends."""
    with path.open("w", newline="", encoding="utf-8-sig") as file:
        writer = csv.writer(file, delimiter=";", lineterminator="\r\n")
        writer.writerow(("Ticket", "Category"))
        writer.writerows(rows(135_000))


def as_jsonl(path: Path) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps({"text": text, "label": label}) + "\n" for text, label in rows(128_000))


def as_many_lines(path: Path) -> None:
    """Ten times as much."""
    lines = [(text, label) for text, label in rows(128_000)]
    with path.open("w", encoding="utf-8") as file:
        for part in range(10):
            file.writelines(json.dumps({"text": f"{text} {part}", "label": label}) + "\n" for text, label in lines)


def as_workbook(path: Path) -> None:
    """Packed to 50 MB, some 100 MB of text; a title above heads that go over two lines."""
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("export")
    sheet.append(("Export of May",))
    sheet.append(())
    sheet.append(("What the\ncustomer wrote", "Label"))
    for row in rows(265_000):
        sheet.append(row)
    book.save(path)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "write"), [("a.csv", as_csv), ("a.jsonl", as_jsonl), ("ten-times.jsonl", as_many_lines), ("a.xlsx", as_workbook)]
)
def test_a_file_of_50_mb_or_ten_times_as_many_json_lines_becomes_a_task_within_a_minute_and_a_gigabyte(
    name: str, write: Callable[[Path], None], tmp_path: Path
) -> None:
    write(tmp_path / name)
    size = (tmp_path / name).stat().st_size
    assert size > 49 * MB
    told = subprocess.run([sys.executable, "-c", CODE, name], cwd=tmp_path, env={**os.environ}, capture_output=True, text=True)
    assert told.returncode == 0, told.stderr
    taken, labels, seconds, kilobytes = map(int, told.stdout.split())
    print(f"{name}: {size / MB:.0f} MB, {seconds} s of processor time, {kilobytes / 1000:.0f} MB of memory at most")
    assert 2400 < taken < 2600
    assert labels == 12
    assert seconds < 60
    assert kilobytes < MB
