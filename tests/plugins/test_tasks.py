from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from topout.domain import Deployment, Example, Scored
from topout.errors import ScorerError, UserError
from topout.plugins.tasks import load_task

TOML = """
name = "tickets"
fields = ["text"]
expected = "label"
[scorer]
name = "label"
"""
ROWS = {
    "train": [{"id": "a", "text": "pay me back", "label": "refund"}, {"id": "b", "text": "broken", "label": "repair"}],
    "dev": [{"id": "c", "text": "money", "label": "refund"}],
    "holdout": [{"id": "d", "text": "dead lamp", "label": "repair"}],
}


def jsonl(rows: list[dict[str, Any]]) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    task = tmp_path / "tickets"
    (task / "data").mkdir(parents=True)
    (task / "task.toml").write_text(TOML)
    (task / "prompt.md").write_text("--- system ---\nPick a label.\n\n--- user ---\nTicket: {{text}}\n")
    for split, rows in ROWS.items():
        (task / "data" / f"{split}.jsonl").write_text(jsonl(rows))
    return task


def test_a_task_folder_is_read(folder: Path) -> None:
    with (folder / "task.toml").open("a") as file:
        file.write('[critic]\nnotes = "be kind"\n[model]\ntemperature = 0.5\n[deployment]\ncalls_per_day = 100\n')
    loaded = load_task(folder)
    task = loaded.task
    assert (task.name, task.fields, task.labels, task.scorer_name) == ("tickets", ("text",), ("refund", "repair"), "label")
    assert task.rows("train")[1] == Example("b", {"text": "broken"}, "repair")
    assert [len(task.rows(split)) for split in ("train", "dev", "holdout", "shift")] == [2, 1, 1, 0]
    assert (task.critic_notes, task.temperature, task.deployment) == ("be kind", 0.5, Deployment(calls_per_day=100))
    assert task.baseline.component("system").text == "Pick a label."
    assert loaded.scorer("refund", task.rows("dev")[0]) == Scored(1.0)
    assert (loaded.folder, loaded.warnings) == (folder, ())


def test_csv_windows_line_ends_and_a_byte_order_mark_are_read(folder: Path) -> None:
    (folder / "data" / "dev.jsonl").unlink()
    (folder / "data" / "dev.csv").write_bytes(
        '\ufeffid,text,label\r\nc,"one, ""two""\r\nthree",refund\r\n\r\ne,x,repair\r\n'.encode()
    )
    (folder / "data" / "train.jsonl").write_bytes(b"\xef\xbb\xbf" + jsonl(ROWS["train"]).replace("\n", "\r\n").encode())
    task = load_task(folder).task
    assert task.rows("dev")[0] == Example("c", {"text": 'one, "two"\r\nthree'}, "refund")
    assert len(task.rows("train")) == 2


def test_inputs_become_text_and_expected_stays_json(folder: Path) -> None:
    (folder / "task.toml").write_text('name = "t"\nfields = ["text", "n"]\nexpected = "label"\n[scorer]\nname = "json"\n')
    for split in ROWS:
        row = {"text": split, "n": 3.5, "label": {"a": [1, None]}}
        (folder / "data" / f"{split}.jsonl").write_text(jsonl([row]))
    loaded = load_task(folder)
    assert loaded.task.rows("train")[0].inputs == {"text": "train", "n": "3.5"}
    assert loaded.task.rows("train")[0].expected == {"a": [1, None]}
    assert loaded.warnings == (f"{folder / 'prompt.md'}: the prompt never uses the field 'n'.",)


def test_rows_without_an_id_get_a_hash_of_their_content(folder: Path) -> None:
    (folder / "data" / "dev.jsonl").write_text('{"text": "money", "label": "refund"}\n')
    first = load_task(folder).task.rows("dev")[0].id
    (folder / "data" / "dev.jsonl").write_text('{"text": "more", "label": "repair"}\n{"label": "refund", "text": "money"}\n')
    assert load_task(folder).task.rows("dev")[1].id == first == "543ce16ecaeb967a"


def one_file(folder: Path, count: int, extra: str = "") -> dict[str, str]:
    (folder / "task.toml").write_text(TOML + '[splits]\nfile = "data/all.jsonl"\n' + extra)
    rows = [{"id": f"r{i}", "text": f"text {i}", "label": ("refund", "repair")[i % 2], "who": f"w{i // 4}"} for i in range(count)]
    (folder / "data" / "all.jsonl").write_text(jsonl(rows))
    task = load_task(folder).task
    return {example.id: split for split, examples in task.splits.items() for example in examples}


def test_one_file_is_shared_out_by_hash_and_new_rows_move_none(folder: Path) -> None:
    before, after = one_file(folder, 1000), one_file(folder, 1500)
    assert {row: after[row] for row in before} == before
    counts = {split: list(before.values()).count(split) for split in ("train", "dev", "holdout")}
    assert counts == {"train": 303, "dev": 208, "holdout": 489}


def test_a_group_stays_together(folder: Path) -> None:
    (folder / "task.toml").write_text(TOML)
    placed = one_file(folder, 400, "")
    toml = (folder / "task.toml").read_text().replace('fields = ["text"]', 'fields = ["text"]\ngroup = "who"')
    (folder / "task.toml").write_text(toml)
    task = load_task(folder).task
    homes: dict[str, set[str]] = {}
    for split, examples in task.splits.items():
        for example in examples:
            homes.setdefault(example.group, set()).add(split)
    assert all(len(home) == 1 for home in homes.values())
    assert len(placed) == 400


def test_the_fingerprint_changes_with_what_can_change_a_score_and_nothing_else(folder: Path) -> None:
    seen = [load_task(folder).task.fingerprint]

    def changed(file: str, old: str, new: str) -> bool:
        path = folder / file
        path.write_text(path.read_text().replace(old, new))
        seen.append(load_task(folder).task.fingerprint)
        return seen[-1] != seen[-2]

    assert not changed("task.toml", 'name = "tickets"', '# a remark\nname = "tickets"')
    assert not changed("task.toml", "[scorer]", "[deployment]\ncalls_per_day = 5\n[scorer]")
    assert changed("task.toml", 'name = "label"', 'name = "label"\nstrict = false')
    assert changed("prompt.md", "Pick a", "Pick one")
    assert changed("data/holdout.jsonl", "dead", "broken")


def edit(file: str, text: str) -> Callable[[Path], None]:
    def apply(folder: Path) -> None:
        (folder / file).write_text(text)

    return apply


def remove(file: str) -> Callable[[Path], None]:
    return lambda folder: (folder / file).unlink()


def raw(file: str, data: bytes) -> Callable[[Path], None]:
    def apply(folder: Path) -> None:
        (folder / file).write_bytes(data)

    return apply


def rename(file: str, other: str) -> Callable[[Path], None]:
    def apply(folder: Path) -> None:
        (folder / file).rename(folder / other)

    return apply


GOOD = '{"id": "x", "text": "t", "label": "refund"}\n'


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (remove("task.toml"), "task.toml: no such file."),
        (remove("prompt.md"), "prompt.md: no such file."),
        (rename("prompt.md", "promt.md"), "prompt.md: no such file. Did you mean 'promt.md'?"),
        (
            rename("data/train.jsonl", "data/trian.jsonl"),
            "data/train.jsonl: no such file (nor train.csv). Did you mean 'trian.jsonl'? "
            "Every task has train, dev and holdout rows; name other files, or one 'file' for all three, under [splits] in task.toml.",
        ),
        (
            edit("data/train.csv", "id,text,label\n"),
            "data/train.jsonl: there is train.csv beside it. Remove one, or name the right one under [splits] in task.toml.",
        ),
        (
            edit("data/dev.jsonl", GOOD + '\n{"id": "y", "text"\n'),
            "data/dev.jsonl:3: broken JSON: Expecting ':' delimiter at column 19. Write one JSON object a line.",
        ),
        (
            edit("data/dev.jsonl", "[1]\n"),
            "data/dev.jsonl:1: found a list, expected an object {...}. Write one JSON object a line.",
        ),
        (edit("data/dev.jsonl", GOOD[:-2] + ', "n": NaN}'), "data/dev.jsonl:1: broken JSON: NaN is no JSON value."),
        (edit("data/dev.jsonl", "[" * 9000), "data/dev.jsonl:1: broken JSON: "),
        (edit("data/dev.jsonl", GOOD.replace("text", "txt")), "data/dev.jsonl:1: no 'text' in this row. Did you mean 'txt'?"),
        (edit("data/dev.jsonl", GOOD.replace("label", "lable")), "data/dev.jsonl:1: no 'label' in this row. Did you mean 'lable'?"),
        (edit("data/dev.jsonl", GOOD.replace('"x"', '""')), "data/dev.jsonl:1: 'id' is empty. Give the row an id of its own."),
        (
            edit("data/dev.jsonl", GOOD + GOOD),
            "data/dev.jsonl:2: id 'x' stands already at {}data/dev.jsonl:1. Ids are unique: rename or remove one.",
        ),
        (
            edit("data/dev.jsonl", '{"text": "t", "label": "refund"}\n{"text": "t", "label": "refund"}'),
            "data/dev.jsonl:2: repeats the row at {}data/dev.jsonl:1. Remove one, or give the rows an id column.",
        ),
        (
            edit("data/dev.jsonl", GOOD.replace('"x"', '"b"')),
            "data/dev.jsonl:1: example 'b' (dev) is also in train, at {}data/train.jsonl:2. Keep one.",
        ),
        (
            edit("data/dev.jsonl", GOOD.replace('"t"', '"broken"')),
            "data/dev.jsonl:1: the inputs of this dev row are also in train, at {}data/train.jsonl:2. Keep one.",
        ),
        (edit("data/holdout.jsonl", "\n \n"), "data/holdout.jsonl: no rows in it. An empty holdout split cannot be used."),
        (
            edit("prompt.md", "--- user ---\nTicket:\n{{txt}}"),
            "prompt.md:3: unknown placeholder {{txt}}. Did you mean 'text'?",
        ),
        (
            edit("prompt.md", "--- system ---\n{{text}}\n--- user ---\nAnswer!"),
            "prompt.md: no placeholder in a user part, so a model would never see the example. Write {{text}} in it.",
        ),
        (edit("task.toml", TOML.replace("[scorer]", "[scoer]")), "task.toml:5: unknown key 'scoer'. Did you mean 'scorer'?"),
        (
            edit("task.toml", TOML.replace('"label"\n', '"lable"\n').replace("expected", "#")),
            "task.toml:6: unknown scorer 'lable'. Did you mean 'label'?",
        ),
        (
            edit("data/dev.jsonl", GOOD.replace("refund", "refnd")),
            "data/dev.jsonl:1: label 'refnd' is not in the list of labels. Did you mean 'refund'? "
            "Labels are collected from train: add a train row with it, or list 'labels' in task.toml.",
        ),
        (
            edit("task.toml", TOML.replace("[scorer]", 'labels = ["refund", "return"]\n[scorer]')),
            "data/train.jsonl:2: label 'repair' is not in the list of labels. Valid: refund, return. Mend the row, or add it to 'labels' in task.toml.",
        ),
        (
            edit("task.toml", TOML.replace("[scorer]", 'labels = ["refund"]\n[scorer]')),
            "task.toml:6: scorer 'label': a label task needs at least two labels.",
        ),
        (
            raw("data/dev.jsonl", GOOD.encode() + b'{"id": "caf\xe9"}'),
            "data/dev.jsonl:2: not UTF-8: byte 0xe9 at offset 55. Save the file as UTF-8.",
        ),
        (raw("data/dev.jsonl", GOOD.encode() + b"\0"), "data/dev.jsonl:2: a NUL character. Take it out."),
        (edit("data/dev.jsonl", GOOD.replace('"t"', '"\\u0000"')), "data/dev.jsonl:1: a NUL character (\\u0000). Take it out."),
        (
            edit("data/dev.jsonl", GOOD.replace('"t"', '"\\ud83d"')),
            "data/dev.jsonl:1: half a surrogate pair (\\ud83d). Take it out.",
        ),
        (
            edit("data/dev.jsonl", GOOD + GOOD.replace('"t"', f'"{"x" * 5_000_000}"')),
            "data/dev.jsonl:2: a row of 5,000,042 bytes, the limit is 1,000,000. "
            "Shorten or remove it, or raise max_row_bytes under [splits] in task.toml.",
        ),
        (
            edit("task.toml", TOML + '[splits]\ndev = "data/dev.txt"'),
            "data/dev.txt: not a kind of data file that is read. Use .jsonl (one object a line) or .csv.",
        ),
        (
            edit("task.toml", TOML + '[splits]\nfile = "data/train.jsonl"'),
            "data/train.jsonl: split 'dev' gets no row of this file. Add rows or change 'ratios'. An empty dev split cannot be used.",
        ),
        (
            edit("task.toml", 'name="t"\nfields=["text"]\nexpected="label"\n[scorer]\nname="json"\nschema="s.json"'),
            "s.json: no such file.",
        ),
        (
            edit("task.toml", 'name="t"\nfields=["text"]\nexpected="label"\n[scorer]\nname="numeric"'),
            "data/train.jsonl:1: label: expected a number, found refund.",
        ),
        (
            edit("task.toml", 'name="t"\nfields=["text"]\nexpected="label"\n[scorer]\nname="regex"\npattern="("'),
            "task.toml:4: scorer 'regex': '(' is no regular expression: missing ), unterminated subpattern at position 0.",
        ),
    ],
)
def test_bad_input_is_one_clear_line(folder: Path, damage: Callable[[Path], None], message: str) -> None:
    damage(folder)
    with pytest.raises(UserError) as error:
        load_task(folder)
    said = str(error.value)
    assert "\n" not in said
    wanted = message.replace("at {}", f"at {folder}/")
    assert said.startswith(f"{folder}/{wanted}")


def test_a_missing_folder_names_the_nearest(folder: Path) -> None:
    with pytest.raises(UserError, match=r"tickts: no such task folder. Did you mean 'tickets'\?"):
        load_task(folder.with_name("tickts"))


@pytest.mark.parametrize(
    ("csv", "message"),
    [
        ("id,text,label\nx,a,b,refund\n", "dev.csv:2: 4 cells, expected 3 (id, text, label)."),
        ('id,text,label\ny,"l1\nl2",refund\nx,a\n', "dev.csv:4: 2 cells, expected 3"),
        ("id,text,id\n", "dev.csv:1: column 'id' stands twice in the header."),
        ('id,text,label\nx,"a"b,refund\n', "dev.csv:2: broken CSV: "),
        ("id;text;label\nx;a;refund\n", "dev.csv:2: no 'text' in this row."),
    ],
)
def test_bad_csv_is_one_clear_line(folder: Path, csv: str, message: str) -> None:
    (folder / "data" / "dev.jsonl").unlink()
    (folder / "data" / "dev.csv").write_text(csv)
    with pytest.raises(UserError) as error:
        load_task(folder)
    assert str(error.value).startswith(f"{folder}/data/{message}")


def test_json_answers_can_stand_in_csv(folder: Path) -> None:
    (folder / "task.toml").write_text('name = "t"\nfields = ["text"]\nexpected = "label"\n[scorer]\nname = "json"\n')
    for split in ROWS:
        (folder / "data" / f"{split}.jsonl").unlink()
        (folder / "data" / f"{split}.csv").write_text(f'text,label\n{split},"{{""a"": 1}}"\n')
    assert load_task(folder).task.rows("dev")[0].expected == {"a": 1}
    (folder / "data" / "dev.csv").write_text("text,label\nx,y\n")
    with pytest.raises(UserError, match=r"dev.csv:2: 'label' is not JSON: Expecting value at column 1."):
        load_task(folder)


def test_a_scorer_that_raises_is_found_before_a_call_is_paid(folder: Path) -> None:
    (folder / "task.toml").write_text(TOML.replace('name = "label"', 'file = "scorer.py"'))
    (folder / "scorer.py").write_text("def score(answer, expected, inputs):\n    return inputs['txt']\n")
    with pytest.raises(ScorerError, match=r"scorer.py:2: score\(\) raised KeyError: 'txt' \(example 'a'\)."):
        load_task(folder)
    (folder / "scorer.py").write_text("def score(answer, expected, inputs):\n    return float(answer == expected)\n")
    loaded = load_task(folder)
    assert (loaded.task.scorer_name, loaded.task.labels) == ("scorer.py", ())
    assert not (folder / "__pycache__").exists()


def test_twenty_thousand_rows_load_within_seconds(folder: Path) -> None:
    one_file(folder, 20_000)
    start = time.process_time()
    load_task(folder)
    assert time.process_time() - start < 5  # a second on a quiet machine


def test_importing_the_loader_imports_nothing_heavy() -> None:
    code = (
        "import sys, topout.plugins.tasks; "
        "print([m for m in ('pandas', 'jsonschema', 'litellm', 'dspy', 'optuna', 'altair') if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
