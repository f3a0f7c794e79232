"""`topout check`: ten task folders, each broken in one way, and one that is not."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from topout.app.checking import check_task
from topout.cli import main
from topout.errors import UserError
from topout.plugins.shipped import shipped
from topout.testing.server import OpenAIServer, Response, chat

Rows = dict[str, list[dict[str, object]]]

LABELS = ("billing", "delivery", "returns")
SUBJECTS = ["invoice", "parcel", "refund", "jacket", "lamp", "kettle", "chair", "cable", "voucher", "order"]
VERBS = ["arrived", "vanished", "doubled", "broke", "shrank", "faded", "stopped", "leaked", "burnt", "cracked"]
PLACES = ["yesterday", "abroad", "upstairs", "twice", "overnight", "again", "silently", "halfway", "sideways", "early"]


def clean() -> Rows:
    """120 train, 100 dev and 150 holdout rows of which no two are alike."""
    rng = random.Random(7)
    texts: set[str] = set()
    while len(texts) < 370:
        words = [rng.choice(group) for group in (SUBJECTS, VERBS, PLACES) for _ in range(4)]
        rng.shuffle(words)
        texts.add(" ".join(words))
    ordered = sorted(texts)
    rows: Rows = {}
    for split, start, end in (("train", 0, 120), ("dev", 120, 220), ("holdout", 220, 370)):
        rows[split] = [{"id": f"{split}{i}", "text": ordered[i], "category": LABELS[i % 3]} for i in range(start, end)]
    return rows


def write(folder: Path, rows: Rows, scorer: str = 'name = "label"', labels: str = '"from:train"') -> Path:
    folder.mkdir()
    (folder / "data").mkdir()
    (folder / "task.toml").write_text(
        f'name = "desk"\ndescription = "Sort a note."\nfields = ["text"]\nexpected = "category"\nlabels = {labels}\n\n[scorer]\n{scorer}\n'
    )
    (folder / "prompt.md").write_text(
        "--- system ---\nSort the note: billing, delivery or returns?\n--- user (frozen) ---\n{{text}}\n"
    )
    for split, some in rows.items():
        (folder / "data" / f"{split}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in some))
    return folder


def test_a_clean_task_has_no_finding(tmp_path: Path) -> None:
    found = check_task(write(tmp_path / "desk", clean()))
    assert found.found == ()
    assert found.rows == {"train": 120, "dev": 100, "holdout": 150}
    assert 0.08 < found.visible.smallest < 0.1


def near(rows: Rows) -> None:
    rows["holdout"][4]["text"] = f"  {str(rows['train'][8]['text']).upper()}!!"


def contradicted(rows: Rows) -> None:
    rows["dev"][9] = {
        **rows["dev"][3],
        "id": "again",
        "category": "returns" if rows["dev"][3]["category"] != "returns" else "billing",
    }


def leaked(rows: Rows) -> None:
    for some in rows.values():
        for row in some:
            row["text"] = f"{row['text']} queue: {row['category']}"


def emptied(rows: Rows) -> None:
    rows["train"][11]["text"] = "  "


def overlong(rows: Rows) -> None:
    rows["dev"][2]["text"] = "word " * 5000


def lopsided(rows: Rows) -> None:
    for row in rows["dev"]:
        row["category"] = "billing"


def small(rows: Rows) -> None:
    rows["holdout"] = rows["holdout"][:40]


def tiny(rows: Rows) -> None:
    rows["holdout"] = rows["holdout"][:12]


def private(rows: Rows) -> None:
    rows["train"][5]["text"] = "card 4111 1111 1111 1111 of jane.roe@example.com stopped"


def alike(rows: Rows) -> None:
    words = str(rows["train"][8]["text"]).split()
    rows["holdout"][4]["text"] = " ".join([*words[:-1], "tomorrow"])


def rare(rows: Rows) -> None:
    rows["train"][0]["category"] = "praise"


@pytest.mark.parametrize(
    ("broken", "severity", "check", "where"),
    [
        (near, "error", "near-duplicates", "holdout.jsonl:5"),
        (alike, "warning", "near-duplicates", "holdout.jsonl:5"),
        (contradicted, "error", "contradictions", "dev.jsonl:10"),
        (leaked, "error", "leaked-answers", "train.jsonl:1"),
        (emptied, "error", "empty-inputs", "train.jsonl:12"),
        (overlong, "warning", "long-inputs", "dev.jsonl:3"),
        (lopsided, "warning", "imbalance", "dev.jsonl:1"),
        (small, "warning", "holdout-size", "holdout.jsonl:1"),
        (tiny, "error", "holdout-size", "holdout.jsonl:1"),
        (private, "note", "personal-data", "train.jsonl:6"),
        (rare, "warning", "missing-labels", "train.jsonl:1"),
    ],
)
def test_each_mistake_is_named_with_its_place_and_its_remedy(
    tmp_path: Path, broken: Callable[[Rows], None], severity: str, check: str, where: str
) -> None:
    rows = clean()
    broken(rows)
    found = [one for one in check_task(write(tmp_path / "desk", rows)).found if one.check == check]
    assert found, check
    assert found[0].severity == severity
    assert found[0].where.endswith(where)
    assert found[0].remedy.endswith(".")


@pytest.mark.parametrize(
    ("system", "check", "where", "said"),
    [
        ("Sort {text}: billing, delivery or returns?", "placeholder", "prompt.md:2", "'{text}' is sent as it stands"),
        ("Sort.\n<text>\nbilling, delivery, returns", "placeholder", "prompt.md:3", "'<text>' is sent as it stands"),
        (
            "Sort the note: billing or delivery?",
            "unnamed-labels",
            "prompt.md:1",
            "1 of 3 labels is not named in the first prompt (returns)",
        ),
    ],
)
def test_a_prompt_that_does_not_say_what_it_should_is_found_with_its_line(
    tmp_path: Path, system: str, check: str, where: str, said: str
) -> None:
    folder = write(tmp_path / "desk", clean())
    (folder / "prompt.md").write_text(f"--- system ---\n{system}\n--- user (frozen) ---\n{{{{text}}}}\n")
    found = check_task(folder).found
    assert [(one.severity, one.check) for one in found] == [("warning", check)]
    assert found[0].where.endswith(where)
    assert said in found[0].text


@pytest.mark.parametrize("name", ["support-tickets", "order-emails"])
def test_the_shipped_tasks_are_clean(name: str) -> None:
    assert check_task(shipped("tasks") / name).found == ()


def test_few_rows_are_offered_folds(tmp_path: Path) -> None:
    rows = clean()
    few: Rows = {"train": rows["train"][:30], "dev": rows["dev"][:20], "holdout": rows["holdout"][:40]}
    found = [one for one in check_task(write(tmp_path / "desk", few)).found if one.check == "few-rows"]
    assert found[0].text.startswith("90 rows in all")
    assert "topout optimize TASK --folds 5" in found[0].remedy


def test_rows_that_all_have_one_answer_are_found_without_labels_too(tmp_path: Path) -> None:
    rows = clean()
    same: Rows = {split: [{**row, "category": "fine"} for row in some] for split, some in rows.items()}
    folder = write(tmp_path / "same", same, 'name = "exact"')
    (folder / "task.toml").write_text(re.sub(r"labels = .*\n", "", (folder / "task.toml").read_text()))
    found = [one for one in check_task(folder).found if one.check == "imbalance"]
    assert len(found) == 3
    assert found[0].text == "'fine' is the answer of all 120 train rows: a prompt that always says it cannot be beaten"
    other = write(tmp_path / "other", rows, 'name = "exact"')
    (other / "task.toml").write_text(re.sub(r"labels = .*\n", "", (other / "task.toml").read_text()))
    assert [one for one in check_task(other).found if one.check == "imbalance"] == []


def test_no_gain_of_more_than_a_hundred_points_is_spoken_of(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = clean()
    main(["check", str(write(tmp_path / "desk", {**rows, "holdout": rows["holdout"][:3]}))])
    assert "shows  no gain, however large, on the holdout (found in 80 % of cases" in " ".join(capsys.readouterr().out.split("\n"))
    main(["check", str(write(tmp_path / "more", {**rows, "holdout": rows["holdout"][:9]}))])
    assert "shows  gains of " in capsys.readouterr().out


def test_scores_that_grant_parts_show_smaller_gains() -> None:
    seen = check_task(shipped("tasks") / "order-emails").visible
    assert seen.graded
    assert 0.05 < seen.smallest < 0.07


@pytest.mark.parametrize(
    ("answer", "severity", "said"),
    [
        (
            lambda n: "I would say that this is about billing.",
            "error",
            "4 of 4 answers to the first prompt are not one of the labels and nothing else",
        ),
        (lambda n: "Hm" if n == 1 else "billing", "warning", "1 of 4 answers to the first prompt are not one of the labels"),
        (lambda n: "delivery", "", ""),
    ],
)
def test_answers_that_never_have_the_form_are_found_by_asking_a_few_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: Callable[[int], str], severity: str, said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = write(tmp_path / "desk", clean())
    served = 0

    def reply(body: object) -> Response:
        nonlocal served
        served += 1
        return chat(answer(served), usage=(50, 5))

    told: list[str] = []
    with OpenAIServer(reply) as server:
        found = check_task(folder, model="openai/x", prices=("openai/x=10,20",), ask=4, api_base=server.url, tell=told.append)
        assert server.served == 4
    assert told[0].startswith("openai/x: 4 calls for 4 dev rows with the first prompt, at most $0.0")
    assert found.answers is not None
    assert found.answers.cost_usd == pytest.approx(4 * (50 * 10e-6 + 5 * 20e-6))
    assert [(one.severity, one.check) for one in found.found] == ([(severity, "answer-format")] if severity else [])
    if severity:
        assert said in found.found[0].text
        assert "dev.jsonl:" in found.found[0].where


def test_asking_without_a_model_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="--ask: which model shall answer"):
        check_task(write(tmp_path / "desk", clean()), ask=3)


def test_personal_data_is_counted_and_not_shown(tmp_path: Path) -> None:
    rows = clean()
    private(rows)
    found = check_task(write(tmp_path / "desk", rows)).found
    assert sorted(one.text for one in found if one.check == "personal-data") == [
        "what looks like card numbers in 1 row",
        "what looks like e-mail addresses in 1 row",
    ]


@pytest.mark.parametrize(
    ("code", "check"),
    [
        ("def score(answer, expected, inputs):\n    return 1.0\n", "scorer-always-right"),
        ("def score(answer, expected, inputs):\n    return 0.5 if answer == expected else 0.0\n", "gold-scores"),
        ("def score(answer, expected, inputs):\n    return 1.0 if answer in expected else 0.0\n", "empty-scores"),
    ],
)
def test_a_scorer_that_cannot_tell_right_from_wrong_is_found(tmp_path: Path, code: str, check: str) -> None:
    folder = write(tmp_path / "desk", clean(), scorer='file = "scorer.py"')
    (folder / "scorer.py").write_text(code)
    (found,) = [one for one in check_task(folder).found if one.check == check]
    assert re.search(r"(task\.toml:7|train\.jsonl:\d+)$", found.where)


def test_a_budget_too_small_for_the_task_is_an_error_with_what_it_takes(tmp_path: Path) -> None:
    found = check_task(write(tmp_path / "desk", clean()), max_calls=50)
    assert [(one.severity, one.check) for one in found.found] == [("error", "budget")]
    assert "Give at least --max-calls" in found.found[0].text
    assert found.expense is None


def test_dollars_are_estimated_for_a_model_with_a_price_and_unknown_without(tmp_path: Path) -> None:
    folder = write(tmp_path / "desk", clean())
    priced = check_task(folder, model="acme/one", prices=("acme/one=1,2",)).expense
    assert priced is not None
    assert priced.cost_usd is not None
    low, high = priced.cost_usd
    assert 0 < low < priced.prompt_tokens[0] / 1e6 + 2 * priced.output_tokens / 1e6 < high
    unknown = check_task(folder, model="acme/one").expense
    assert unknown is not None
    assert unknown.cost_usd is None


def test_the_verb_exits_with_100_on_an_error_and_with_0_else(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = clean()
    assert main(["check", str(write(tmp_path / "good", rows)), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["findings"] == []
    near(rows)
    assert main(["check", str(write(tmp_path / "bad", rows)), "--json"]) == 100
    document = json.loads(capsys.readouterr().out)
    assert [one["check"] for one in document["findings"]] == ["near-duplicates"]
    assert main(["check", str(tmp_path / "bad")]) == 100
    assert "holdout.jsonl:5" in capsys.readouterr().out.replace("\n", "")


def test_a_check_names_the_next_command_with_the_model_that_was_named_unless_something_has_to_be_mended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path / "desk", clean())
    monkeypatch.chdir(tmp_path)
    assert main(["check", "desk"]) == 0
    assert "Next\n  topout optimize desk\n" in capsys.readouterr().out
    assert main(["check", "desk", "--model", "openai/gpt-4.1-mini"]) == 0
    said = capsys.readouterr().out
    assert "  topout check desk --model openai/gpt-4.1-mini --ask 10\n" in said
    assert "  topout optimize desk --model openai/gpt-4.1-mini --max-cost 5\n" in said
    assert main(["check", "desk", "--model", "ollama_chat/no-price"]) == 0
    assert "  topout optimize desk --model ollama_chat/no-price\n" in capsys.readouterr().out
    (tmp_path / "broken").mkdir()
    rows = clean()
    rows["holdout"] = rows["holdout"][:5]
    write(tmp_path / "broken" / "desk", rows)
    assert main(["check", "broken/desk"]) == 100
    assert "Next" not in capsys.readouterr().out


def test_a_folder_that_cannot_be_read_is_told_in_one_line(tmp_path: Path) -> None:
    rows = clean()
    rows["dev"][0]["text"] = rows["train"][0]["text"]
    with pytest.raises(UserError, match=r"dev\.jsonl:1: the inputs of this dev row are also in train"):
        check_task(write(tmp_path / "desk", rows))
