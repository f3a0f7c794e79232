"""From a chart to a specification, and from there to a picture without a browser."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from topout.domain import Json
from topout.report.charts.theme import LIGHT, configuration, painted

if TYPE_CHECKING:
    import altair as alt

__all__ = ["VEGA_LITE", "Plot", "Spec", "drawn", "layered", "named", "specification"]

VEGA_LITE = "6.4"
"""The version that specifications are drawn with, in pictures and in the page."""

Spec = dict[str, Json]


@dataclass(frozen=True, slots=True)
class Plot:
    """A chart and the rows that it draws, by name. They are kept apart so that no layer copies them."""

    chart: alt.LayerChart
    data: Mapping[str, Sequence[Spec]]


def named(name: str) -> alt.Chart:
    """An empty chart of the rows of that name."""
    import altair as alt

    return alt.Chart(alt.NamedData(name=name))


def layered(layers: Sequence[alt.Chart]) -> alt.LayerChart:
    """Charts on top of each other, with common scales."""
    import altair as alt

    return alt.LayerChart(layer=list(layers))


def specification(plot: Plot, width: int | Literal["container"] = "container", height: int = 320, size: int = 12) -> Spec:
    """The chart as a Vega-Lite document of its own. With `container` it is as wide as the page lets it be."""
    fit = "fit" if width != "container" else "fit-x"
    sized = plot.chart.properties(
        width=width, height=height, autosize={"type": fit, "contains": "padding"}, padding=4 if fit == "fit-x" else 24
    )
    document: Spec = sized.to_dict(validate=False)  # checking takes a while; the tests do it
    document["datasets"] = {name: list(rows) for name, rows in plot.data.items()}
    document["config"] = configuration(size)
    return document


def drawn(spec: Spec, form: Literal["png", "svg"]) -> bytes:
    """The picture on white. Texts are drawn as they are; nothing is fetched."""
    import vl_convert

    ready = {name: value if name == "datasets" else painted(value, LIGHT) for name, value in spec.items()}
    if form == "svg":
        return vl_convert.vegalite_to_svg(ready, vl_version=VEGA_LITE, allowed_base_urls=[]).encode()
    return vl_convert.vegalite_to_png(ready, vl_version=VEGA_LITE, scale=1, allowed_base_urls=[])
