from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import BaseModel, ConfigDict, Field

from topout.config.task_file import TaskFile
from topout.config.toml_files import check_toml, line_of, read_text, read_toml
from topout.errors import UserError

START = 'name = "t"\nfields = ["text"]\n'


def refused(text: str) -> str:
    with pytest.raises(UserError) as error:
        check_toml(text, Path("task.toml"), TaskFile)
    return str(error.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (START + '[scoer]\nname = "label"', "task.toml:3: unknown key 'scoer'. Did you mean 'scorer'? (1 more.)"),
        (START + '[scorer]\nname = "lable"', "task.toml:4: unknown scorer 'lable'. Did you mean 'label'?"),
        (START + '[scorer]\nname = "label"\nstrct = true', "task.toml:5: unknown key 'strct'. Did you mean 'strict'?"),
        (START + 'scorer = {name = "exact", ignore_cse = 1}', "task.toml:3: unknown key 'ignore_cse'. Did you mean 'ignore_case'?"),
        (START + '[scorer]\nname = "json"\nschemo = "a"', "task.toml:5: unknown key 'schemo'. Did you mean 'schema'?"),
        (START + "[scorer]\n", "task.toml:3: scorer: missing key 'name'."),
        (START, "task.toml: missing key 'scorer'. It is: How answers are scored."),
        (
            START + '[scorer]\nname = "exact"\n[model]\ntemperature = "hot"',
            "task.toml:6: model.temperature = 'hot': input should be a valid number, unable to parse text as a number.",
        ),
        (
            START + '[scorer]\nname = "exact"\n[deployment]\noutput_stability = "stabel"',
            "task.toml:6: deployment.output_stability = 'stabel'. Did you mean 'stable'?",
        ),
        (
            START + 'labels = "from:trian"\n[scorer]\nname = "label"',
            "task.toml:3: labels = 'from:trian'. Did you mean 'from:train'?",
        ),
        (
            START + '[scorer]\nname = "exact"\n[splits]\nfile = "a.csv"\nratios = {train = 0.3, dev = 0.3}',
            "task.toml:7: splits.ratios: train, dev and holdout add up to 1.1, expected 1.",
        ),
        (
            START + '[scorer]\nname = "json"\nkinds = {total = "numbr"}',
            "task.toml:5: scorer.kinds.total = 'numbr'. Did you mean 'number'?",
        ),
        (START + "x = ", "task.toml:3: broken TOML: Invalid value. Texts stand in double quotes."),
        (
            START + 'expected = "text"\n[scorer]\nname = "exact"',
            "task.toml: 'text' is an input field and the expected column. The model would be shown the answer.",
        ),
    ],
)
def test_a_wrong_key_or_value_is_one_line_with_its_place(text: str, message: str) -> None:
    assert refused(text) == message


def test_a_file_scorer_needs_no_name() -> None:
    assert check_toml(START + '[scorer]\nfile = "scorer.py"', Path("t"), TaskFile).scorer.name == "python"


class Lane(BaseModel):
    model_config = ConfigDict(extra="forbid")

    speed: int = Field(gt=0)


class Road(BaseModel):
    model_config = ConfigDict(extra="forbid")

    lanes: list[Lane] = []


def test_any_model_can_be_read(tmp_path: Path) -> None:
    file = tmp_path / "road.toml"
    file.write_text("\ufeff[[lanes]]\nspeed = 3\n", encoding="utf-8")
    assert read_toml(file, Road).lanes[0].speed == 3
    file.write_text("[[lanes]]\nsped = 3\n")
    with pytest.raises(UserError, match=r"road.toml:2: unknown key 'sped'. Did you mean 'speed'\?"):
        read_toml(file, Road)


def test_a_missing_file_names_the_nearest(tmp_path: Path) -> None:
    (tmp_path / "task.toml").touch()
    with pytest.raises(UserError, match=r"tsk.toml: no such file. Did you mean 'task.toml'\?"):
        read_text(tmp_path / "tsk.toml")
    with pytest.raises(UserError, match="There is no folder"):
        read_text(tmp_path / "no" / "task.toml")


def test_what_is_not_utf8_is_told_with_its_byte(tmp_path: Path) -> None:
    file = tmp_path / "a.toml"
    file.write_bytes(b'\xef\xbb\xbfa = 1\nb = "caf\xe9"\n')
    with pytest.raises(UserError, match=r"a.toml:2: not UTF-8: byte 0xe9 at offset 17. Save the file as UTF-8."):
        read_text(file)
    file.write_bytes(b"a\n\nb\0")
    with pytest.raises(UserError, match=r"a.toml:3: a NUL character. Take it out."):
        read_text(file)


def test_lines_are_found_in_tables_dotted_keys_and_inline_tables() -> None:
    text = "a = 1\n[b]\nc = 2\n[b.d] # x\ne.f = 3\n'g' = {h = 1}\n"
    assert [line_of(text, keys) for keys in (("a",), ("b",), ("b", "c"), ("b", "d", "e", "f"), ("b", "d", "g", "h"), ("z",))] == [
        1, 2, 3, 5, 6, None,
    ]  # fmt: skip
