"""`topout init` on files as they come: rows that lie deeper, as columns or chats, row numbers, merged heads, labels in two spellings, two splits of three."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from topout.app.starting import Started, init
from topout.domain import Json
from topout.errors import UserError
from topout.intake.tables import sampled_lines
from topout.plugins.tasks import load_task

TOPICS = ("billing", "delivery", "returns")
TEXTS = [f"letter {i} about {TOPICS[i % 3]}" for i in range(60)]
LABELS = [TOPICS[i % 3] for i in range(60)]
PLAIN = {"text": "input 'text'", "label": "expected answer"}


def made_of(tmp_path: Path, document: Json) -> Started:
    (tmp_path / "rows.json").write_text(json.dumps(document))
    return init(tmp_path / "task", source=tmp_path / "rows.json")


def table(path: Path, heads: Sequence[str], rows: Sequence[Sequence[object]]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([heads, *rows])
    return path


@pytest.mark.parametrize(
    "document",
    [
        {"results": {"rows": [{"text": t, "label": c} for t, c in zip(TEXTS, LABELS, strict=True)]}},
        {"text": TEXTS, "label": LABELS},
        {"text": {str(i): t for i, t in enumerate(TEXTS)}, "label": {str(i): c for i, c in enumerate(LABELS)}},
        {"columns": ["text", "label"], "index": list(range(60)), "data": [[t, c] for t, c in zip(TEXTS, LABELS, strict=True)]},
        {"rows": [{"row_idx": i, "row": {"text": t, "label": c}} for i, (t, c) in enumerate(zip(TEXTS, LABELS, strict=True))]},
    ],
    ids=["deeper", "columns", "columns by row number", "heads and lines", "rows in rows"],
)
def test_rows_are_found_wherever_a_document_keeps_them(tmp_path: Path, document: Json) -> None:
    made = made_of(tmp_path, document)
    assert {way.rpartition(".")[2]: what for way, what in made.mapping if what != "id"} == PLAIN
    assert made.rows == {"train": 24, "dev": 12, "holdout": 24}
    assert made.labels == TOPICS


def test_objects_by_their_keys_are_rows_with_these_ids(tmp_path: Path) -> None:
    made_of(tmp_path, {f"t-{i}": {"text": t, "label": c} for i, (t, c) in enumerate(zip(TEXTS, LABELS, strict=True))})
    assert {e.id for e in load_task(tmp_path / "task").task.rows("dev")} <= {f"t-{i}" for i in range(60)}


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ([["text", "label"], ["a", "b"]], "found a list in it"),
        ({"a": [{"text": "x"}], "b": [{"text": "y"}]}, "several lists of rows (a, b)"),
        ({"text": ["a", "b"], "label": ["c"]}, "without a list of rows"),
        ({"columns": ["text", "label"], "data": [["a"]]}, "found a list in it"),
    ],
)
def test_a_document_whose_rows_cannot_be_told_is_refused_with_what_was_found(tmp_path: Path, document: Json, said: str) -> None:
    with pytest.raises(UserError) as caught:
        made_of(tmp_path, document)
    assert said in str(caught.value)


def test_columns_of_objects_are_columns_and_a_lone_answer_is_taken_out_of_its_object(tmp_path: Path) -> None:
    rows: list[Json] = [
        {"input": {"subject": f"no {i}", "body": t, "lang": "en"}, "output": {"label": c}, "meta": {"source": "mail"}}
        for i, (t, c) in enumerate(zip(TEXTS, LABELS, strict=True))
    ]
    made = made_of(tmp_path, rows)
    assert dict(made.mapping) == {"input.subject": "input 'subject'", "input.body": "input 'body'", "output": "expected answer"}
    assert made.scorer == "label"
    assert made.notes == ("left out, the same in every row: input.lang, meta.source",)


def test_a_column_of_an_object_is_named_by_its_way_in_the_file(tmp_path: Path) -> None:
    rows = [
        {"in": {"body": t, "n": f"A{i}"}, "out": {"kind": c, "sure": "yes"}}
        for i, (t, c) in enumerate(zip(TEXTS, LABELS, strict=True))
    ]
    (tmp_path / "a.json").write_text(json.dumps(rows))
    made = init(tmp_path / "task", source=tmp_path / "a.json", inputs=("in.body",), expected="out.kind")
    assert dict(made.mapping) == {"in.body": "input 'body'", "out.kind": "expected answer"}
    assert made.labels == TOPICS


def test_several_inputs_belong_to_a_category_and_one_belongs(tmp_path: Path) -> None:
    rows = [(t, f"A{i}", c) for i, (t, c) in enumerate(zip(TEXTS, LABELS, strict=True))]
    init(tmp_path / "two", source=table(tmp_path / "a.csv", ("text", "code", "label"), rows))
    assert (tmp_path / "two" / "prompt.md").read_text().splitlines()[1] == "Say what category the text and code belong to."
    init(tmp_path / "one", source=table(tmp_path / "b.csv", ("text", "label"), [(t, c) for t, _, c in rows]))
    assert (tmp_path / "one" / "prompt.md").read_text().splitlines()[1] == "Say what category the text belongs to."


def test_an_answer_of_several_parts_stays_an_object(tmp_path: Path) -> None:
    rows: list[Json] = [
        {"mail": t, "answer": {"topic": c, "number": i}} for i, (t, c) in enumerate(zip(TEXTS, LABELS, strict=True))
    ]
    made = made_of(tmp_path, rows)
    assert made.scorer == "json"
    assert load_task(tmp_path / "task").task.rows("dev")[0].expected.keys() == {"topic", "number"}  # type: ignore[union-attr]


def test_chats_as_trainers_take_them_become_inputs_answers_and_the_task_s_description(tmp_path: Path) -> None:
    system = "You sort letters.\nOne word."
    chats = [
        {
            "messages": [
                {"role": "system", "content": system},
                {"role": "user", "content": t},
                {"role": "assistant", "content": c},
            ]
        }
        for t, c in zip(TEXTS, LABELS, strict=True)
    ]
    (tmp_path / "chats.jsonl").write_text("".join(json.dumps(chat) + "\n" for chat in chats))
    init(tmp_path / "task", source=tmp_path / "chats.jsonl")
    task = load_task(tmp_path / "task").task
    row = task.rows("dev")[0]
    assert row.inputs["input"].startswith("letter ")
    assert row.expected in TOPICS
    assert task.baseline.components[0].text.startswith(system)


def test_messages_in_parts_are_texts_and_a_chat_without_an_answer_is_told_by_its_row(tmp_path: Path) -> None:
    def chat(asked: str, answer: Json) -> dict[str, Json]:
        return {
            "messages": [{"role": "user", "content": [{"type": "text", "text": asked}]}, {"role": "assistant", "content": answer}]
        }

    chats: list[Json] = [chat(t, [{"type": "text", "text": c}]) for t, c in zip(TEXTS, LABELS, strict=True)]
    made = made_of(tmp_path, chats)
    assert made.labels == TOPICS
    assert all(row.inputs["input"].startswith("letter ") for row in load_task(tmp_path / "task").task.rows("dev"))
    with pytest.raises(UserError, match=r"rows\.json: row 3: its 'messages' do not end with an assistant's answer in text"):
        (tmp_path / "rows.json").write_text(json.dumps([*chats[:2], chat("what?", None), *chats[2:]]))
        init(tmp_path / "other", source=tmp_path / "rows.json")


def test_ids_that_repeat_are_no_ids_unless_the_whole_row_repeats(tmp_path: Path) -> None:
    rows: list[Json] = [{"id": f"t{i}", "text": t, "label": c} for i, (t, c) in enumerate(zip(TEXTS, LABELS, strict=True))]
    kept = made_of(tmp_path, [*rows, *rows[:9]])
    assert dict(kept.mapping) == {**PLAIN, "id": "id"}
    assert "9 rows left out: the same inputs and answer as another row" in kept.why
    rows = [{"id": f"t{i % 50}", "text": t, "label": c} for i, (t, c) in enumerate(zip(TEXTS, LABELS, strict=True))]
    (tmp_path / "rows.json").write_text(json.dumps(rows))
    made = init(tmp_path / "numbered", source=tmp_path / "rows.json")
    assert (dict(made.mapping), made.notes) == (PLAIN, ("left out, ids that repeat: id",))
    assert {e.id for e in load_task(tmp_path / "numbered").task.rows("dev")} <= {f"row-{i}" for i in range(1, 61)}
    with pytest.raises(UserError, match=r"rows\.json: --id id: 2 different rows have 't0'\. Name a column whose values differ"):
        init(tmp_path / "other", source=tmp_path / "rows.json", id="id")


def test_ids_of_chats_that_repeat_are_left_out_and_that_is_said(tmp_path: Path) -> None:
    chats: list[Json] = [
        {"id": "x", "messages": [{"role": "user", "content": t}, {"role": "assistant", "content": c}]}
        for t, c in zip(TEXTS, LABELS, strict=True)
    ]
    made = made_of(tmp_path, chats)
    assert dict(made.mapping) == {"messages": "input 'input'; the last one the expected answer"}
    assert made.notes == ("ids left out: 60 different rows have 'x'",)


@pytest.mark.parametrize(
    ("odd", "said"),
    [
        ("nul \0 here", "a NUL character (\\u0000). Take it out."),
        ("half \ud800 here", "half a surrogate pair (\\ud800). Take it out."),
        ("M" * 1_000_000, "a row of 1,000,050 bytes, the limit is 1,000,000. Shorten it, or take the row out."),
    ],
    ids=["nul", "surrogate", "long"],
)
def test_a_row_that_no_task_can_hold_is_told_by_its_number_in_the_source(tmp_path: Path, odd: str, said: str) -> None:
    rows: list[Json] = [{"text": t, "label": c} for t, c in zip([*TEXTS[:6], odd, *TEXTS[7:]], LABELS, strict=True)]
    with pytest.raises(UserError) as caught:
        made_of(tmp_path, rows)
    assert str(caught.value) == f"rows.json: row 'row-7': {said}"
    assert not (tmp_path / "task").exists()


def test_what_looks_like_an_escape_in_a_text_is_text(tmp_path: Path) -> None:
    rows: list[Json] = [{"text": f"{t} writes \\u0000 and \\ud800", "label": c} for t, c in zip(TEXTS, LABELS, strict=True)]
    assert made_of(tmp_path, rows).rows == {"train": 24, "dev": 12, "holdout": 24}


def test_a_missing_number_as_pandas_writes_it_is_no_answer(tmp_path: Path) -> None:
    lines = [f'{{"text": "{t}", "stars": {"NaN" if i % 6 == 0 else i % 5}}}' for i, t in enumerate(TEXTS)]
    (tmp_path / "a.jsonl").write_text("\n".join(lines))
    made = init(tmp_path / "task", source=tmp_path / "a.jsonl", expected="stars")
    assert "10 rows left out: no expected answer" in made.why


@pytest.mark.parametrize(("folder", "name"), [("größe und mehr 🙂", "groe-und-mehr"), ("票据", "task"), ("_my task.", "my-task")])
def test_a_folder_of_any_name_gives_the_task_one_that_it_can_have(tmp_path: Path, folder: str, name: str) -> None:
    init(tmp_path / folder, source=table(tmp_path / "a.csv", ("text", "label"), list(zip(TEXTS, LABELS, strict=True))))
    assert load_task(tmp_path / folder).task.name == name


def test_numbers_of_the_rows_are_ids_and_no_input(tmp_path: Path) -> None:
    rows = [(i, f"A-{i}", t, c) for i, (t, c) in enumerate(zip(TEXTS, LABELS, strict=True))]
    made = init(tmp_path / "task", source=table(tmp_path / "a.csv", ("", "code", "text", "label"), rows))
    assert dict(made.mapping) == {"code": "input 'code'", **PLAIN, "column 1": "id"}
    sums = [(i, 2 * i) for i in range(60)]
    alone = init(tmp_path / "sums", source=table(tmp_path / "b.csv", ("number", "answer"), sums))
    assert dict(alone.mapping) == {"number": "input 'number'", "answer": "expected answer"}


def test_labels_in_two_spellings_have_the_usual_one(tmp_path: Path) -> None:
    rows = [(t, c.upper() + "." if i % 10 == 0 else c) for i, (t, c) in enumerate(zip(TEXTS, LABELS, strict=True))]
    made = init(tmp_path / "task", source=table(tmp_path / "a.csv", ("text", "label"), rows))
    assert made.labels == TOPICS
    assert made.why[0] == "scorer label: 3 different answers in 60 rows"
    assert (
        "labels that differ in case or marks alone have the usual spelling: BILLING. -> billing, DELIVERY. -> delivery, RETURNS. -> returns"
        in made.why
    )
    assert {str(e.expected) for e in load_task(tmp_path / "task").task.rows("holdout")} == set(TOPICS)


def test_labels_that_are_numbers_are_told_to_want_a_meaning(tmp_path: Path) -> None:
    made = init(tmp_path / "task", source=table(tmp_path / "a.csv", ("text", "label"), [(t, i % 5) for i, t in enumerate(TEXTS)]))
    assert made.labels == ("0", "1", "2", "3", "4")
    assert "the labels are numbers: say in prompt.md what each of them means" in made.why


@pytest.mark.parametrize(
    ("names", "rows", "said"),
    [
        (
            ("train", "test"),
            {"train": 20, "dev": 10, "holdout": 30},
            "splits: holdout is the file's 'test'; dev is a third of its train",
        ),
        (
            ("train", "validation"),
            {"train": 20, "dev": 10, "holdout": 30},
            "splits: holdout is the file's 'validation'; dev is a third of its train",
        ),
        (
            ("train",),
            {"train": 24, "dev": 12, "holdout": 24},
            "splits: train 40 %, dev 20 %, holdout 40 %, by the hash of each row",
        ),
        (
            ("a", "b"),
            {"train": 24, "dev": 12, "holdout": 24},
            "splits: train 40 %, dev 20 %, holdout 40 %, by the hash of each row, within each label (the file's own, a, b, are not",
        ),
    ],
)
def test_a_file_with_some_of_the_splits_keeps_what_it_held_out(
    tmp_path: Path, names: tuple[str, ...], rows: dict[str, int], said: str
) -> None:
    lines = [(t, c, names[i // 3 % len(names)]) for i, (t, c) in enumerate(zip(TEXTS, LABELS, strict=True))]
    made = init(tmp_path / "task", source=table(tmp_path / "a.csv", ("text", "label", "split"), lines))
    assert made.rows == rows
    assert made.why[1].startswith(said)
    if len(rows) == 3 and "test" in names:
        held = {t for t, _, split in lines if split == "test"}
        assert {e.inputs["text"] for e in load_task(tmp_path / "task").task.rows("holdout")} == held


def test_a_decimal_comma_is_one_and_not_a_thousand_times_as_much(tmp_path: Path) -> None:
    rows = [(f"price {i}", f"{i},50") for i in range(60)]
    made = init(tmp_path / "task", source=table(tmp_path / "a.csv", ("text", "answer"), rows))
    assert made.scorer == "numeric"
    row = next(
        e
        for split in ("train", "dev", "holdout")
        for e in load_task(tmp_path / "task").task.rows(split)
        if e.inputs["text"] == "price 7"
    )
    assert row.expected == 7.5


def test_a_workbook_with_names_of_groups_above_its_heads_is_read_below_them(tmp_path: Path) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    book.active.append(["Letter", None, "Verdict", None])
    book.active.append(["text", "code", "label", "by"])
    for i, (t, c) in enumerate(zip(TEXTS, LABELS, strict=True)):
        book.active.append([t, f"A{i}", c, "Ann"])
    book.save(tmp_path / "a.xlsx")
    made = init(tmp_path / "task", source=tmp_path / "a.xlsx")
    assert dict(made.mapping) == {"text": "input 'text'", "code": "input 'code'", "label": "expected answer"}
    assert made.notes == ("1 line above the heads of sheet 'Sheet' passed over", "left out, the same in every row: by")


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        (
            "a.csv",
            "text\n" + "".join(f"letter {i}\n" for i in range(9)),
            "one column, 'text': a task needs an input and the answer",
        ),
        ("a.csv", "text,label\na,b\n" + "".join(f"c{i},\n" for i in range(9)), "1 usable row of 10 (9 have no expected answer"),
        ("a.json", " \n", "a.json: no rows in it: the file is empty."),
        (
            "a.jsonl",
            '{"text": "a", label}\n',
            "a.jsonl:1: broken JSON: Expecting property name enclosed in double quotes at column 15.",
        ),
    ],
)
def test_what_is_missing_is_said(tmp_path: Path, name: str, content: str, said: str) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(UserError) as caught:
        init(tmp_path / "task", source=tmp_path / name)
    assert said in str(caught.value)


def test_a_table_with_bars_between_its_cells_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("text|label\n" + "".join(f"{t}, and so on|{c}\n" for t, c in zip(TEXTS, LABELS, strict=True)))
    assert dict(init(tmp_path / "task", source=tmp_path / "a.csv").mapping) == PLAIN


def test_of_a_large_file_of_json_lines_a_share_is_drawn_alike_each_time_and_rows_keep_their_numbers(tmp_path: Path) -> None:
    lines = [json.dumps({"text": t, "label": c}) for t, c in zip(TEXTS, LABELS, strict=True)] * 20
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + "\r\n".join(f'{line[:-1]}, "n": {i}}}' for i, line in enumerate(lines)).encode())
    sheet = sampled_lines(path, path.stat().st_size // 4)
    assert 240 < len(sheet.rows) < 360
    assert sheet.rows == sampled_lines(path, path.stat().st_size // 4).rows
    assert all(row["id"] == f"row-{int(str(row['n'])) + 1}" for row in sheet.rows)
    assert sheet.notes == (f"0 MB: of 1,200 lines {len(sheet.rows)} were read, by the hash of each",)
    assert len(sampled_lines(path, path.stat().st_size).rows) == 1200


def test_a_broken_line_that_was_drawn_is_told_with_its_number(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"a": 1}\n{"a": \n')
    with pytest.raises(UserError, match=r"a\.jsonl:2: broken JSON: Expecting value at column 6"):
        sampled_lines(path, path.stat().st_size)
    path.write_bytes(b'{"a": 1}\n{"a": "\xff"}\n')
    with pytest.raises(UserError, match=r"a\.jsonl:2: not UTF-8 at byte 7"):
        sampled_lines(path, path.stat().st_size)
