import io
import subprocess
import sys
from dataclasses import replace

import pytest
from matplotlib import image

from topout.report.findings import find
from topout.report.picture import plateau_png
from topout.testing.runs import PretendedRun


@pytest.mark.parametrize(
    "run",
    [
        PretendedRun(),
        PretendedRun(settings={"model": "embedded/reader"}, price_usd=0.0),
        PretendedRun(qualities=(0.5,), dev=1, holdout=0, shift=0, price_usd=None),
        PretendedRun(qualities=(1.0, 1.0), dev=5, holdout=5, shift=5),
    ],
)
def test_a_picture_of_any_run_has_its_full_size(run: PretendedRun) -> None:
    pixels = image.imread(io.BytesIO(plateau_png(find(run.events()))), format="png")
    assert pixels.shape[:2] == (800, 1400)


def test_dollar_signs_and_foreign_scripts_in_names_are_drawn_as_they_are(recwarn: pytest.WarningsRecorder) -> None:
    f = find(PretendedRun(settings={"model": r"openai/$\frac{1$ \x1b[31m", "critic": "模型$_{"}, dev=10, holdout=10).events())
    f = replace(f, verdict=replace(f.verdict, sentence=r"Can't tell yet: $100 \bad{ $"))
    assert plateau_png(f).startswith(b"\x89PNG")
    assert [str(w.message) for w in recwarn if "Glyph" in str(w.message)] == []


def test_the_same_run_gives_the_same_picture() -> None:
    f = find(PretendedRun(dev=20, holdout=20, shift=0).events())
    assert plateau_png(f) == plateau_png(f)


def test_pyplot_and_its_global_figures_are_not_touched() -> None:
    code = (
        "import sys; from topout.report.findings import find; from topout.report.picture import plateau_png;"
        "from topout.testing.runs import PretendedRun;"
        "assert 'matplotlib' not in sys.modules;"
        "plateau_png(find(PretendedRun(dev=5, holdout=5).events()));"
        "assert 'matplotlib.pyplot' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
