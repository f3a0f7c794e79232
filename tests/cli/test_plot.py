"""`topout plot` on a run's folder."""

import struct
from pathlib import Path

import pytest

from topout.cli import main
from topout.store.codec import encode
from topout.testing.runs import PretendedRun


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "one"
    folder.mkdir()
    lines = [encode(event) for event in PretendedRun(dev=20, holdout=20, shift=0).events()]
    (folder / "journal.jsonl").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return folder


def test_a_chart_is_written_as_the_file_name_says(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plot", str(run), "--what", "levers", "--out", str(tmp_path / "a.PNG")]) == 0
    assert main(["plot", str(run), "--out", str(tmp_path / "b.svg")]) == 0
    assert struct.unpack(">II", (tmp_path / "a.PNG").read_bytes()[16:24]) == (1400, 800)
    assert (tmp_path / "b.svg").read_text(encoding="utf-8").startswith("<svg")
    assert capsys.readouterr().out.splitlines() == [str(tmp_path / "a.PNG"), str(tmp_path / "b.svg")]


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (["--out", "a.pdf"], "--out a.pdf: pictures are .png or .svg. Give a name that ends so."),
        (["--out", "a.png", "--what", "lever"], "--what lever: no such chart. Did you mean 'levers'?"),
    ],
)
def test_a_mistake_is_told_in_one_line(run: Path, capsys: pytest.CaptureFixture[str], asked: list[str], said: str) -> None:
    assert main(["plot", str(run), *asked]) == 2
    assert said in capsys.readouterr().err
    assert not Path("a.png").exists()
