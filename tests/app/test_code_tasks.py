"""A task whose answers are programs, from the folder to a score."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from topout.errors import UserError
from topout.plugins import scorers
from topout.plugins.tasks import load_task
from topout.scoring.sandbox import find_isolation
from topout.testing.provider import Provider
from topout.testing.server import Response, chat

PROGRAM = "Here:\n```python\nimport os\ndef double(n):\n    return 2 * n + len(os.environ.get('OPENAI_API_KEY', ''))\n```"


def make(folder: Path, more: str = "") -> Path:
    (folder / "data").mkdir(parents=True)
    (folder / "prompt.md").write_text("--- user ---\nWrite {{what}}\n", encoding="utf-8")
    toml = f'name = "code"\nfields = ["what"]\n[scorer]\nname = "code"\ncredit = "cases"\n{more}'
    (folder / "task.toml").write_text(toml, encoding="utf-8")
    for split in ("train", "dev", "holdout"):
        rows = [
            {
                "id": f"{split}{i}",
                "what": f"double, {split} {i}",
                "expected": [{"call": f"double({i})", "returns": 2 * i}, {"call": "double(1)", "returns": i}],
            }
            for i in range(3)
        ]
        (folder / "data" / f"{split}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return folder


@pytest.mark.skipif(find_isolation()[0] is None, reason="no sandbox here")
def test_answers_are_run_and_scored_by_case(tmp_path: Path, topout: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows expect double(1) to be 0, 1 and 2: one of three is right; with a key in sight none would be."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-planted-0123456789")

    def fault(body: object, number: int) -> Response:
        return chat(PROGRAM, usage=(10, 10))

    with Provider(fault=fault) as provider:
        words = ["--model", "openai/reader", "--api-base", provider.server.url, "--split", "dev", "--json"]
        done = topout("evaluate", make(tmp_path / "task"), *words)
    assert done.code == 0
    assert json.loads(done.out)["score"]["mean"] == pytest.approx((0.5 + 0.5 + 1.0) / 3)


def test_a_row_without_cases_is_told_by_line(tmp_path: Path) -> None:
    folder = make(tmp_path / "task", "allow_unsandboxed = true\n")
    (folder / "data" / "dev.jsonl").write_text('{"id": "x", "what": "y", "expected": 3}\n', encoding="utf-8")
    with pytest.raises(UserError, match=r"dev.jsonl:1: expected: expected a text of tests"):
        load_task(folder)


def test_where_no_sandbox_works_the_task_is_refused_unless_the_user_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scorers, "find_isolation", lambda: (None, "landlock: version 1 of the kernel"))
    with pytest.raises(
        UserError, match=r"no sandbox holds them here \(landlock: version 1 of the kernel\).*allow_unsandboxed = true"
    ):
        load_task(make(tmp_path / "task"))
    load_task(make(tmp_path / "allowed", "allow_unsandboxed = true\n"))
