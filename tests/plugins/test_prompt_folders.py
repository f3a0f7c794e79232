from __future__ import annotations

from pathlib import Path

import pytest

from topout.domain import Component, Demo, Prompt, Task
from topout.errors import StoreError, UserError
from topout.plugins.prompt_folders import load_prompt, save_prompt

PROMPT = Prompt(
    (Component("rules", "system", "Pick.\n--- user ---", frozen=True), Component("user", "user", "{{text}}")),
    (Demo({"text": "line\nline \u2028 ü"}, '{"a": 1}', "t1"), Demo({"text": "x"}, "y")),
)
TASK = Task("t", "", ("text", "more"), PROMPT, {}, "", "exact")


def test_a_saved_prompt_is_loaded_again(tmp_path: Path) -> None:
    save_prompt(PROMPT, tmp_path / "best")
    assert load_prompt(tmp_path / "best", TASK) == PROMPT
    assert load_prompt(tmp_path / "best" / "prompt.md", TASK) == PROMPT
    save_prompt(PROMPT.with_demos(()), tmp_path / "best")
    assert load_prompt(tmp_path / "best", TASK).demos == ()
    assert sorted(p.name for p in (tmp_path / "best").iterdir()) == ["demos.jsonl", "prompt.md"]


def test_a_prompt_file_of_another_name_has_no_demos(tmp_path: Path) -> None:
    save_prompt(PROMPT, tmp_path)
    (tmp_path / "other.md").write_text("Say {{ more }} {{text}}")
    assert load_prompt(tmp_path / "other.md", TASK) == Prompt((Component("user", "user", "Say {{ more }} {{text}}"),))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"inputs": {"txt": "a"}, "output": "b"}', "demos.jsonl:1: unknown field 'txt' in 'inputs'. Did you mean 'text'?"),
        (
            '{"inputs": {"more": "a"}, "output": "b"}',
            "demos.jsonl:1: the prompt names {{text}}, and this demo has no 'text' in 'inputs'.",
        ),
        ('{"inputs": "a", "output": "b"}', "demos.jsonl:1: 'inputs' is no object."),
        ('{"inputs": {"text": "a"}}', "demos.jsonl:1: no 'output' in this row."),
        ('{"inputs": {"text": "a"}, "output": "b", "id": 1}', "demos.jsonl:1: unknown key 'id'."),
    ],
)
def test_a_broken_demo_is_one_clear_line(tmp_path: Path, line: str, message: str) -> None:
    save_prompt(PROMPT, tmp_path)
    (tmp_path / "demos.jsonl").write_text(line)
    with pytest.raises(UserError) as error:
        load_prompt(tmp_path, TASK)
    assert str(error.value).startswith(f"{tmp_path}/{message}")


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="cannot be written"):
        save_prompt(PROMPT, tmp_path / "file" / "best")
