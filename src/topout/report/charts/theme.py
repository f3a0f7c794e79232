"""Colours and type of all charts. A specification holds the names; whoever draws it puts the colours in."""

from __future__ import annotations

from topout.domain import Json

__all__ = ["DARK", "FONT", "LIGHT", "configuration", "painted"]

FONT = "Inter, 'Liberation Sans', Arial, Helvetica, sans-serif"

LIGHT = {
    "@paper": "#ffffff",
    "@ink": "#1c2430",
    "@muted": "#5b6573",
    "@line": "#dfe3e8",
    "@accent": "#1f5fa8",
    "@soft": "#c9d8ea",
    "@grey": "#8a929d",
    "@good": "#2a7d55",
    "@bad": "#b4442f",
}
DARK = {
    "@paper": "#171b21",
    "@ink": "#e8ebef",
    "@muted": "#a3adba",
    "@line": "#333b46",
    "@accent": "#7fb2ee",
    "@soft": "#31445c",
    "@grey": "#8d97a4",
    "@good": "#6cc79a",
    "@bad": "#ee9078",
}


def configuration(size: int = 12) -> dict[str, Json]:
    """Vega-Lite's `config`: quiet axes, horizontal grid lines only, legends above. `size` is that of labels in pixels."""
    axis: dict[str, Json] = {
        "labelColor": "@muted",
        "titleColor": "@muted",
        "domainColor": "@line",
        "tickColor": "@line",
        "gridColor": "@line",
        "labelFontSize": size,
        "titleFontSize": size,
        "titleFontWeight": "normal",
        "titlePadding": 10,
        "labelPadding": 6,
    }
    return {
        "background": "@paper",
        "font": FONT,
        "view": {"stroke": None},
        "axis": axis,
        "axisX": {"grid": False},
        "axisY": {"domain": False, "ticks": False},
        "legend": {
            "labelColor": "@ink",
            "titleColor": "@muted",
            "labelFontSize": size,
            "titleFontSize": size,
            "titleFontWeight": "normal",
            "orient": "top",
            "labelLimit": 400,
        },
        "title": {"color": "@ink", "subtitleColor": "@muted", "anchor": "start"},
        "text": {"color": "@ink", "fontSize": size},
    }


def painted(spec: Json, colours: dict[str, str]) -> Json:
    """The specification with its colour names replaced. Data stay as they are."""
    match spec:
        case dict():
            return {key: value if key in ("datasets", "values") else painted(value, colours) for key, value in spec.items()}
        case list():
            return [painted(item, colours) for item in spec]
        case str():
            return colours.get(spec, spec)
        case _:
            return spec
