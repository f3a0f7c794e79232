"""Files of answers, a line each."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from topout.errors import UserError
from topout.plugins.answer_files import read_answers


def test_an_answer_may_hold_what_other_programs_take_for_the_end_of_a_line(tmp_path: Path) -> None:
    answers = ["one\u2028two", "three\x85four", "five\u2029six", "seven\neight"]
    path = tmp_path / "answers.jsonl"
    path.write_text(
        "".join(json.dumps({"id": str(i), "answer": one}, ensure_ascii=False) + "\n" for i, one in enumerate(answers)), "utf-8"
    )
    assert [line.answer for line in read_answers(path)] == answers


def test_a_line_that_is_none_is_told_by_its_number(tmp_path: Path) -> None:
    path = tmp_path / "answers.jsonl"
    path.write_text('{"id": "1", "answer": "a\u2028b"}\n\n{"id": "2"}\n', "utf-8")
    with pytest.raises(UserError, match=r"answers.jsonl:3: expected"):
        read_answers(path)
    path.write_text('{"id": "1", "answer": "a", "score": true}\n', "utf-8")
    with pytest.raises(UserError, match=r"answers.jsonl:1: expected .* \"score\": a number"):
        read_answers(path, scored=True)
