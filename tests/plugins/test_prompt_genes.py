"""Genes in the files of a prompt."""

from dataclasses import replace
from pathlib import Path

import pytest

from topout.domain import Component, Prompt
from topout.errors import UserError
from topout.plugins.prompt_folders import read_prompt, save_prompt

PROMPT = Prompt((Component("user", "user", "T: {{text}}"),))


def test_genes_come_back_as_they_were_written_and_leave_no_file_when_they_are_off(tmp_path: Path) -> None:
    full = replace(PROMPT, reasoning="think", answer_format="json", votes=5, retrieved=3)
    save_prompt(full, tmp_path)
    text = 'reasoning = "think"\nanswer_format = "json"\nvotes = 5\nretrieved = 3\n'
    assert (tmp_path / "prompt.toml").read_text() == text
    assert read_prompt(tmp_path, ("text",)) == full
    assert read_prompt(tmp_path / "prompt.md", ("text",)) == full
    save_prompt(PROMPT, tmp_path)
    assert not (tmp_path / "prompt.toml").exists()
    assert read_prompt(tmp_path, ("text",)) == PROMPT


def test_a_mistake_is_told_with_its_line(tmp_path: Path) -> None:
    save_prompt(PROMPT, tmp_path)
    (tmp_path / "prompt.toml").write_text('votes = 3\nreasonning = "think"\n')
    with pytest.raises(UserError, match=r"prompt.toml:2: .*reasonning.*reasoning"):
        read_prompt(tmp_path, ("text",))
