import struct
import subprocess
import sys
from dataclasses import replace
from xml.etree import ElementTree

import altair as alt
import pytest

from topout.report.charts.cost import cost_chart
from topout.report.charts.curve import AXES, SCALES, axes_of, curve_chart
from topout.report.charts.drawing import Plot, specification
from topout.report.charts.examples import fates, heat_chart
from topout.report.charts.levers import levers_chart
from topout.report.charts.lineage import lineage_chart
from topout.report.findings import find
from topout.report.picture import PICTURES, What, picture, plateau_png
from topout.testing.runs import PretendedRun

RUNS = [
    PretendedRun(),
    PretendedRun(settings={"model": "embedded/reader"}, price_usd=0.0),
    PretendedRun(qualities=(0.5,), dev=1, holdout=0, shift=0, price_usd=None),
    PretendedRun(qualities=(1.0, 1.0), dev=5, holdout=5, shift=5),
]


def size_of(png: bytes) -> tuple[int, int]:
    """Width and height as a PNG's header tells them."""
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", png[16:24])
    return width, height


@pytest.mark.parametrize("run", RUNS)
def test_a_picture_of_any_run_has_its_full_size(run: PretendedRun) -> None:
    assert size_of(plateau_png(find(run.events()))) == (1400, 800)


@pytest.mark.parametrize("what", PICTURES)
def test_every_chart_is_drawn_as_png_and_as_svg(what: What) -> None:
    f = find(PretendedRun().events())
    assert size_of(picture(f, what, "png")) == (1400, 800)
    drawing = ElementTree.fromstring(picture(f, what, "svg"))
    assert drawing.tag == "{http://www.w3.org/2000/svg}svg"
    assert (drawing.get("width"), drawing.get("height")) == ("1400", "800")


def test_the_curve_shows_first_and_last_score_and_the_verdict() -> None:
    f = find(PretendedRun(qualities=tuple(0.4 + 0.03 * i for i in range(8))).events())
    texts = list(ElementTree.fromstring(picture(f, "curve", "svg")).itertext())
    first, last = f.curve[0].holdout, f.curve[-1].holdout
    assert first is not None
    assert last is not None
    assert {f"{100 * first.mean:.1f} %", f"{100 * last.mean:.1f} %", f.verdict.ruling} <= set(texts)
    assert any("n = 240" in text for text in texts)


def test_signs_markup_and_foreign_scripts_in_names_are_drawn_as_they_are() -> None:
    f = find(PretendedRun(settings={"model": "<b>$\\frac{1$ \x1b[31m", "critic": "模型${ @accent"}, dev=10, holdout=10).events())
    f = replace(f, verdict=replace(f.verdict, sentence="Can't tell yet: </text><script>1</script> \u202e $100"))
    svg = picture(f, "curve", "svg")
    tags = {node.tag.split("}")[1] for node in ElementTree.fromstring(svg).iter()}
    assert "script" not in tags
    assert b"&lt;script&gt;" in svg
    assert size_of(plateau_png(f)) == (1400, 800)


def test_the_same_run_gives_the_same_picture() -> None:
    f = find(PretendedRun(dev=20, holdout=20, shift=0).events())
    assert plateau_png(f) == plateau_png(f)


def plots(run: PretendedRun) -> list[Plot]:
    f = find(run.events())
    curves = [curve_chart(f, over, scale) for over in axes_of(f) for scale in SCALES]
    return [*curves, levers_chart(f), cost_chart(f), lineage_chart(f), heat_chart(f, fates(f))]


@pytest.mark.parametrize("run", RUNS)
def test_every_chart_is_valid_vega_lite(run: PretendedRun) -> None:
    for plot in plots(run):
        alt.LayerChart.from_dict({**specification(plot), "datasets": {}})


def test_the_curve_is_drawn_over_dollars_only_where_prices_are_known() -> None:
    assert axes_of(find(PretendedRun().events())) == AXES
    assert axes_of(find(PretendedRun(price_usd=None).events())) == ("calls",)
    assert axes_of(find(PretendedRun(price_usd=0.0).events())) == ("calls",)


def test_drawing_libraries_are_imported_when_something_is_drawn() -> None:
    code = (
        "import sys; from topout.report.findings import find; from topout.report.picture import plateau_png;"
        "from topout.testing.runs import PretendedRun;"
        "assert not {'altair', 'vl_convert'} & set(sys.modules);"
        "plateau_png(find(PretendedRun(dev=5, holdout=5).events()))"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
