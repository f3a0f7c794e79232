"""`topout init`: files as people and other tools have them become task folders that load."""

from __future__ import annotations

import contextlib
import csv
import json
import os
import pty
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from topout.app.starting import init
from topout.cli import main
from topout.domain import SPLITS, Json
from topout.errors import StoreError, UserError
from topout.intake.proposal import SCORERS
from topout.plugins.tasks import load_task

TOPICS = ("billing", "delivery", "returns")


def flat(n: int = 90) -> list[dict[str, Json]]:
    return [
        {"Subject": f"note {i}", "Body": f"the {i}th letter, about {TOPICS[i % 3]}", "Category": TOPICS[i % 3]} for i in range(n)
    ]


def as_csv(path: Path, rows: list[dict[str, Json]], separator: str = ",", encoding: str = "utf-8", ends: str = "\n") -> Path:
    with path.open("w", encoding=encoding, newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), delimiter=separator, lineterminator=ends)
        writer.writeheader()
        writer.writerows(rows)
    return path


@pytest.mark.parametrize(
    ("separator", "encoding", "ends"),
    [
        (",", "utf-8", "\n"),
        (";", "utf-8-sig", "\r\n"),
        ("\t", "utf-8", "\r\n"),
        ("\t", "utf-16", "\r\n"),
        (";", "utf-16-le", "\n"),
        (",", "utf-8", "\r"),
    ],
)
def test_a_table_becomes_a_task_with_labels_and_splits_within_each_label(
    tmp_path: Path, separator: str, encoding: str, ends: str
) -> None:
    source = as_csv(tmp_path / "tickets.csv", flat(), separator, encoding, ends)
    made = init(tmp_path / "desk", source=source)
    assert dict(made.mapping) == {"Subject": "input 'Subject'", "Body": "input 'Body'", "Category": "expected answer"}
    assert made.scorer == "label"
    assert made.labels == TOPICS
    assert made.rows == {"train": 36, "dev": 18, "holdout": 36}
    task = load_task(tmp_path / "desk").task
    for split, each in zip(SPLITS, (12, 6, 12), strict=False):
        found = [str(e.expected) for e in task.rows(split)]
        assert {label: found.count(label) for label in TOPICS} == dict.fromkeys(TOPICS, each)


def test_what_excel_saves_as_plain_csv_is_read_as_windows_1252_and_that_is_said(tmp_path: Path) -> None:
    rows = [{**row, "Body": f"Größe {i}"} for i, row in enumerate(flat())]
    made = init(tmp_path / "desk", source=as_csv(tmp_path / "a.csv", rows, ";", "cp1252", "\r\n"))
    assert made.notes == ("not UTF-8, read as Windows-1252: is 'Größe' spelled right? If not, save the file as UTF-8",)
    assert "Größe" in load_task(tmp_path / "desk").task.rows("train")[0].inputs["Body"]


def test_excel_s_separator_line_is_obeyed_and_heads_that_repeat_are_numbered(tmp_path: Path) -> None:
    body = "".join(f"note {i}|more {i}|{TOPICS[i % 3]}\n" for i in range(60))
    (tmp_path / "a.csv").write_text(f"sep=|\nText|Text|Label\n{body}")
    made = init(tmp_path / "desk", source=tmp_path / "a.csv")
    assert dict(made.mapping) == {"Text": "input 'Text'", "Text 2": "input 'Text_2'", "Label": "expected answer"}
    assert made.notes == ("heads that stand there twice are numbered: Text 2",)


def test_a_large_file_is_sampled_by_hash_within_each_label(tmp_path: Path) -> None:
    rows: list[dict[str, Json]] = [{"text": f"note {i}", "label": "rare" if i % 100 == 0 else TOPICS[i % 3]} for i in range(3000)]
    source = as_csv(tmp_path / "a.csv", rows)
    made = init(tmp_path / "desk", source=source, max_rows=600)
    assert 590 <= sum(made.rows.values()) <= 610
    task = load_task(tmp_path / "desk").task
    kept = [str(e.expected) for split in SPLITS for e in task.rows(split)]
    assert {label: kept.count(label) for label in ("rare", "billing")} == {"rare": 6, "billing": 198}
    ids = {e.inputs["text"] for split in SPLITS for e in task.rows(split)}
    init(tmp_path / "more", source=as_csv(tmp_path / "b.csv", [{"text": "note x", "label": "billing"}, *rows]), max_rows=600)
    again = {e.inputs["text"] for split in SPLITS for e in load_task(tmp_path / "more").task.rows(split)}
    assert len(ids - again) <= 2


def test_a_column_that_looks_like_the_answer_is_named_in_the_question(tmp_path: Path) -> None:
    rows: list[dict[str, Json]] = [{"Message": f"note {i}", "Team": TOPICS[i % 3]} for i in range(60)]
    with pytest.raises(UserError, match=r"'Team' looks like one \(3 different values in 60 rows\)"):
        init(tmp_path / "desk", source=as_csv(tmp_path / "a.csv", rows))


def test_the_same_file_is_split_alike_each_time(tmp_path: Path) -> None:
    source = as_csv(tmp_path / "tickets.csv", flat())
    for name in ("one", "two"):
        init(tmp_path / name, source=source)
    for split in SPLITS[:3]:
        one, two = (tmp_path / name / "data" / f"{split}.jsonl" for name in ("one", "two"))
        assert one.read_bytes() == two.read_bytes()


def test_an_mlflow_dataset_is_recognised(tmp_path: Path) -> None:
    rows = [
        {"inputs": {"question": f"what is {i} + 1?"}, "expectations": {"expected_response": i + 1}, "tags": {}} for i in range(40)
    ]
    (tmp_path / "set.json").write_text(json.dumps(rows))
    made = init(tmp_path / "sums", source=tmp_path / "set.json")
    assert made.shape == "an MLflow dataset"
    assert dict(made.mapping) == {"inputs.question": "input 'question'", "expectations.expected_response": "expected answer"}
    assert made.scorer == "numeric"


def test_inspect_samples_are_recognised_with_their_choices(tmp_path: Path) -> None:
    rows = [
        {
            "id": i,
            "input": [{"role": "user", "content": f"question {i}"}],
            "target": "AB"[i % 2],
            "choices": ["yes", "no"],
            "metadata": {},
        }
        for i in range(60)
    ]
    (tmp_path / "samples.jsonl").write_text("".join(json.dumps(row) + "\r\n" for row in rows))
    made = init(tmp_path / "quiz", source=tmp_path / "samples.jsonl")
    assert made.shape == "inspect samples"
    first = load_task(tmp_path / "quiz").task.rows("train")[0]
    assert first.inputs["choices"] == "A) yes\nB) no"
    assert first.inputs["input"].startswith("question ")
    assert made.notes == ("left out: metadata",)


def test_any_of_several_targets_of_a_sample_is_right(tmp_path: Path) -> None:
    rows = [{"input": f"spell {i}", "target": [f"colour {i}", f"color {i}"]} for i in range(40)]
    (tmp_path / "samples.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert init(tmp_path / "quiz", source=tmp_path / "samples.jsonl").scorer == "exact"
    folder = load_task(tmp_path / "quiz")
    row = folder.task.rows("dev")[0]
    assert isinstance(row.expected, list)
    assert [getattr(folder.scorer(str(answer), row), "value", None) for answer in (*row.expected, "other")] == [1.0, 1.0, 0.0]


PROMPTFOO = """\
prompts: [prompt.txt]
providers: [openai:gpt-4.1-mini]
tests:
"""


def test_promptfoo_tests_bring_their_assertion_as_scorer(tmp_path: Path) -> None:
    tests = "".join(
        f"  - vars: {{city: 'town {i}'}}\n    assert:\n      - type: icontains\n        value: 'land {i % 4}'\n      - type: llm-rubric\n        value: is polite\n"
        for i in range(20)
    )
    (tmp_path / "promptfooconfig.yaml").write_text(PROMPTFOO + tests)
    made = init(tmp_path / "towns", source=tmp_path / "promptfooconfig.yaml")
    assert made.shape == "promptfoo tests"
    assert made.scorer == "contains"
    assert made.notes == ("20 further assertions left out", "prompt 'prompt.txt' left out: no such file")
    assert load_task(tmp_path / "towns").task.fields == ("city",)


def test_a_promptfoo_table_is_read_by_its_expected_column(tmp_path: Path) -> None:
    rows: list[dict[str, Json]] = [
        {"text": f"line {i}", "__expected": f"contains: word{i % 5}" if i % 2 else f"word{i % 5}"} for i in range(40)
    ]
    made = init(tmp_path / "words", source=as_csv(tmp_path / "tests.csv", rows))
    assert made.shape == "a promptfoo table"
    assert made.scorer == "exact"
    assert made.notes == ("20 of 40 tests left out: no assertion of the kind 'equals' in them",)


def test_all_parts_of_a_promptfoo_cell_are_wanted_and_a_schema_is_no_answer(tmp_path: Path) -> None:
    rows: list[dict[str, Json]] = [{"text": f"line {i}", "__expected": f"contains-all: red, blue {i}"} for i in range(30)]
    rows.append({"text": "last", "__expected": 'is-json: {"type": "object"}'})
    made = init(tmp_path / "words", source=as_csv(tmp_path / "tests.csv", rows))
    assert made.scorer == "contains"
    assert sum(made.rows.values()) == 30
    assert load_task(tmp_path / "words").task.rows("train")[0].expected[0] == "red"  # type: ignore[index]


def test_a_workbook_with_odd_heads_is_read(tmp_path: Path) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    book.active.title = "empty"
    sheet = book.create_sheet("tickets")
    sheet.append([])
    sheet.append(["  What the\ncustomer wrote ", "2nd line", "Label", None])
    for i in range(60):
        sheet.append([f"letter {i}", i * 7.0, TOPICS[i % 3], None])
    book.save(tmp_path / "tickets.xlsx")
    made = init(tmp_path / "desk", source=tmp_path / "tickets.xlsx")
    assert dict(made.mapping) == {
        "What the customer wrote": "input 'What_the_customer_wrote'",
        "2nd line": "input 'f_2nd_line'",
        "Label": "expected answer",
    }
    assert load_task(tmp_path / "desk").task.rows("dev")[0].inputs["f_2nd_line"].isdigit()


def test_a_workbook_with_a_title_above_its_heads_is_read_below_it(tmp_path: Path) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.append(["Export of 2026-01-31"])
    sheet.append([])
    sheet.append(["Ticket", "Ticket", "Category", "", "Note"])
    for i in range(60):
        sheet.append([f"letter {i}", i, TOPICS[i % 3], None, "x" if i == 59 else None])
    book.save(tmp_path / "tickets.xlsx")
    made = init(tmp_path / "desk", source=tmp_path / "tickets.xlsx", inputs=("Ticket",))
    assert made.rows == {"train": 24, "dev": 12, "holdout": 24}
    assert made.notes == (
        "heads that stand there twice are numbered: Ticket 2",
        "1 line above the heads of sheet 'Sheet' passed over",
        "left out, empty: column 4",
        "left out, row numbers: Ticket 2",
        "left out: Note",
    )


def test_parquet_is_read(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    import pandas as pd

    pd.DataFrame(flat()).to_parquet(tmp_path / "rows.parquet")
    assert init(tmp_path / "desk", source=tmp_path / "rows.parquet").rows == {"train": 36, "dev": 18, "holdout": 36}


def test_what_is_no_parquet_or_cannot_be_read_without_a_package_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_text("no table")
    with pytest.raises(UserError, match=r"a\.parquet: (not a Parquet file|Parquet files need pyarrow: pip install)"):
        init(tmp_path / "task", source=tmp_path / "a.parquet")


def test_splits_of_the_file_and_groups_are_kept(tmp_path: Path) -> None:
    rows = flat()
    for i, row in enumerate(rows):
        row["split"] = ("train", "validation", "test")[i // 30]
    assert init(tmp_path / "named", source=as_csv(tmp_path / "a.csv", rows)).rows == {"train": 30, "dev": 30, "holdout": 30}
    for i, row in enumerate(rows):
        del row["split"]
        row["customer_id"] = f"c{i // 5}"
    init(tmp_path / "grouped", source=as_csv(tmp_path / "b.csv", rows))
    task = load_task(tmp_path / "grouped").task
    groups = [{e.group for e in task.rows(split)} for split in SPLITS[:3]]
    assert sum(map(len, groups)) == 18
    assert not groups[0] & groups[1] | groups[0] & groups[2] | groups[1] & groups[2]


def test_repeated_and_contradicting_rows_are_left_out_and_told(tmp_path: Path) -> None:
    rows = [*flat(), {**flat()[0]}, {**flat()[1], "Category": "returns"}]
    made = init(tmp_path / "desk", source=as_csv(tmp_path / "a.csv", rows))
    assert sum(made.rows.values()) == 89
    assert any(line.startswith("1 rows left out: the same inputs and answer") for line in made.why)
    assert any(line.startswith("2 rows left out: inputs that stand there with two different answers") for line in made.why)


@pytest.mark.parametrize(
    ("expected", "scorer"),
    [
        (lambda i: {"total": i, "currency": "EUR"}, "json"),
        (lambda i: f"{1000 + i:,}", "numeric"),
        (lambda i: [f"part {i}", "end"], "contains"),
        (lambda i: f"code {i}", "exact"),
        (lambda i: f"a long answer of number {i} that nobody would ever spell in quite the same words again", "token_f1"),
    ],
)
def test_the_scorer_fits_what_is_expected(tmp_path: Path, expected: object, scorer: str) -> None:
    assert callable(expected)
    rows = [{"text": f"row {i}", "answer": expected(i)} for i in range(60)]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert init(tmp_path / "task", source=tmp_path / "rows.jsonl").scorer == scorer


SUITABLE: dict[str, Callable[[int], Json]] = {
    "label": lambda i: TOPICS[i % 3],
    "exact": lambda i: f"code {i}",
    "contains": lambda i: [f"part {i}", "end"],
    "regex": lambda i: rf"\bpart {i}\b",
    "numeric": lambda i: f"{1000 + i:,}",
    "token_f1": lambda i: f"a few words about number {i}",
    "json": lambda i: {"total": i},
    "code": lambda i: [{"call": f"add({i}, 1)", "returns": i + 1}],
    "judge": lambda i: f"a polite letter about number {i}",
    "scorer.py": lambda i: f"anything {i}",
}


@pytest.mark.parametrize("scorer", SCORERS)
def test_each_scorer_of_the_table_can_be_chosen_and_makes_a_task_that_check_takes(
    scorer: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [{"text": f"row {i} {TOPICS[i % 3]}", "answer": SUITABLE[scorer](i)} for i in range(120)]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    folder = tmp_path / "task"
    assert main(["init", str(folder), "--from", str(tmp_path / "rows.jsonl"), "--scorer", scorer]) == 0
    assert f"scorer {scorer}: as asked" in capsys.readouterr().out
    table = tomllib.loads((folder / "task.toml").read_text())["scorer"]
    assert table.get("name", table.get("file")) == scorer
    loaded = load_task(folder)
    assert len(loaded.task.rows("train")) == 48
    assert (folder / "rubric.md").is_file() == (scorer == "judge")
    assert main(["check", str(folder)]) == 0  # 100 when it finds an error


@pytest.mark.parametrize("scorer", ["numeric", "json", "code", "regex"])
def test_answers_that_do_not_suit_the_scorer_are_told_and_nothing_is_left(scorer: str, tmp_path: Path) -> None:
    rows: list[dict[str, Json]] = [{"text": f"row {i}", "answer": f"{i}" if i else ["(unclosed"]} for i in range(30)]
    if scorer in ("json", "code"):
        rows = [{"text": f"row {i}", "answer": [i]} for i in range(30)]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    with pytest.raises(
        UserError, match=rf"rows\.jsonl: --scorer {scorer}: \d+ of 30 expected answers do not suit it: expected .* found"
    ) as told:
        init(tmp_path / "task", source=tmp_path / "rows.jsonl", scorer=scorer)
    assert "topout init --scorers lists the others" in str(told.value)
    assert not (tmp_path / "task").exists()


def test_cases_in_the_cells_of_a_table_are_seen_to_be_tests_of_a_program(tmp_path: Path) -> None:
    cells = [json.dumps([{"stdin": f"{i}\n", "stdout": str(i)}]) if i % 2 else f"assert double({i}) == {2 * i}" for i in range(40)]
    for name, chosen in (("printed", cells[1::2]), ("asserted", cells[::2])):
        rows: list[dict[str, Json]] = [{"text": f"task {i}", "expected": cell} for i, cell in enumerate(chosen)]
        made = init(tmp_path / name, source=as_csv(tmp_path / f"{name}.csv", rows))
        assert made.scorer == "code"
        assert load_task(tmp_path / name).task.rows("dev")


def test_a_terminal_is_asked_what_the_file_does_not_tell(tmp_path: Path) -> None:
    """The column of the answer, and how free text is judged; a name that is none is asked again."""
    rows: list[dict[str, Json]] = [
        {"Letter": f"letter number {i} and what it says", "Reply": f"a polite reply of some ten words to the letter number {i}"}
        for i in range(40)
    ]
    as_csv(tmp_path / "letters.csv", rows)
    ours, theirs = pty.openpty()
    asked = subprocess.Popen(
        [sys.executable, "-m", "topout", "init", "letters", "--from", "letters.csv"],
        cwd=tmp_path,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    os.write(ours, b"Reply\njugde\njudge\n")
    said = b""
    with contextlib.suppress(OSError):  # the terminal is gone when the process has ended
        while piece := os.read(ours, 4096):
            said += piece
    os.close(ours)
    assert asked.wait(60) == 0, said.decode()
    text = " ".join(said.decode().split())
    assert "Column with the expected answer" in text
    assert "jugde: no such scorer. Did you mean 'judge'?" in text
    assert "scorer judge: as chosen" in text
    assert "rubric.md is a general one" in text
    assert tomllib.loads((tmp_path / "letters" / "task.toml").read_text())["scorer"]["rubric"] == "rubric.md"


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.csv", "", "no rows"),
        ("a.csv", 'a,b\n"1,2\n', ":2: broken CSV"),
        ("a.csv", "a,a\n1,2\n", "which column is the expected answer? Name it with --expected COLUMN. Columns: a, a 2."),
        ("a.csv", "a,b\n1,2,3\n", ":2: 3 cells under 2 heads"),
        ("a.json", '{"name": 1}', "without a list of rows"),
        ("a.json", "[1, 2]", "expected a list of objects"),
        ("a.json", "[{]", "a.json:1: broken JSON"),
        ("a.jsonl", '{"a": 1}\n[]\n', ":2: expected an object"),
        ("a.yaml", "tests: [", "a.yaml:1: broken YAML"),
        ("a.yaml", "!!python/object/apply:os.system ['true']", "broken YAML"),
        ("a.xlsx", "no workbook", "not a workbook"),
        ("a.docx", "x", "not a kind of file"),
        ("a.csv", "text,verdict\na,b\n", "Name it with --expected COLUMN"),
        ("a.csv", "text,label\na,b\nc,d\n", "2 usable rows: too few"),
    ],
)
def test_a_file_that_cannot_become_a_task_is_told_in_a_line_and_leaves_nothing(
    tmp_path: Path, name: str, content: str, said: str
) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(UserError) as caught:
        init(tmp_path / "task", source=tmp_path / name)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "task").exists()


@pytest.mark.parametrize("source", ["https://example.com/rows.csv", "s3://bucket/rows.csv"])
def test_an_address_is_not_taken_for_a_file(tmp_path: Path, source: str) -> None:
    with pytest.raises(UserError, match=f"--from {source}: an address, and nothing is fetched from one. Download the file"):
        init(tmp_path / "task", source=source)


def test_a_folder_that_cannot_be_written_is_told_without_an_option_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError) as caught:
        init(tmp_path / "file" / "task", source=as_csv(tmp_path / "a.csv", flat()))
    assert str(caught.value).endswith("file/task: cannot be written: Not a directory. Name a folder that can be written.")


def test_a_folder_that_is_there_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "task").mkdir()
    (tmp_path / "task" / "mine.txt").write_text("mine")
    with pytest.raises(UserError, match="is there already"):
        init(tmp_path / "task", source=as_csv(tmp_path / "a.csv", flat()))
    assert [p.name for p in (tmp_path / "task").iterdir()] == ["mine.txt"]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    texts=st.lists(
        st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1),
        min_size=30,
        max_size=40,
        unique=True,
    ),
    label=st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20),
    head=st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20),
)
def test_whatever_text_rows_hold_the_folder_loads_or_the_file_is_refused(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str], label: str, head: str
) -> None:
    folder = tmp_path_factory.mktemp("any")
    rows = [{head: text, "expected_output": label if i % 2 else "other"} for i, text in enumerate(texts)]
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    try:
        made = init(folder / "task", source=folder / "rows.jsonl")
    except UserError as error:
        assert str(error).startswith("rows.jsonl: ")
        return
    task = load_task(folder / "task").task
    kept = {text for split in SPLITS[:3] for e in task.rows(split) for text in e.inputs.values()}
    assert kept <= set(texts)
    assert sum(made.rows.values()) == len(kept)


def test_the_verb_prints_the_mapping_and_alone_lists_the_scorers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init", str(tmp_path / "desk"), "--from", str(as_csv(tmp_path / "a.csv", flat())), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["mapping"]["Category"] == "expected answer"
    assert main(["init", str(tmp_path / "other")]) == 2
    assert "topout init TASK --from" in capsys.readouterr().out
    assert main(["init", "--scorers"]) == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name in SCORERS)
