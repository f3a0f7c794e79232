"""The calibration tables as pictures: is a probability what it says, and how often does each rule err?"""

from __future__ import annotations

from pathlib import Path

WIDTH, HEIGHT = 420, 320
Row = dict[str, float | str]


def draw(folder: Path, reliability: list[Row], errors: list[Row], delta: float) -> list[Path]:
    """Two PNG files in `folder`. `reliability` rows: evidence, predicted, true, cases; `errors` rows: rule, wrongly, truly."""
    import altair as alt

    folder.mkdir(parents=True, exist_ok=True)
    unit = alt.Scale(domain=[0, 1])
    diagonal = alt.Chart(alt.Data(values=[{"x": 0, "y": 0}, {"x": 1, "y": 1}])).mark_line(color="#bbb", strokeDash=[4, 4])
    points = alt.Chart(alt.Data(values=reliability)).encode(
        x=alt.X("predicted:Q", title="predicted chance of a gain", scale=unit),
        y=alt.Y("true:Q", title="share of cases that gained", scale=unit),
        color=alt.Color("evidence:N", title="evidence"),
    )
    reliable = alt.layer(
        diagonal.encode(x="x:Q", y="y:Q"),
        points.mark_line(),
        points.mark_circle(opacity=1).encode(size=alt.Size("cases:Q", title="cases")),
    )
    bars = alt.Chart(alt.Data(values=errors)).encode(y=alt.Y("rule:N", title=None, sort=None, axis=alt.Axis(labelLimit=420)))
    wrong = bars.mark_bar(color="#b3452c").encode(
        x=alt.X(
            "wrongly:Q",
            title=f"wrongly stopped: share of the cases that would have gained {100 * delta:g} points or more",
            scale=unit,
        )
    )
    mark = alt.Chart(alt.Data(values=[{"x": 0.05}])).mark_rule(strokeDash=[4, 4]).encode(x="x:Q")
    right = bars.mark_bar(color="#3a6ea5").encode(
        x=alt.X("truly:Q", title="rightly stopped: share of the cases that would not", scale=unit)
    )
    out = []
    for name, chart in (
        ("reliability.png", reliable.properties(width=WIDTH, height=HEIGHT)),
        ("errors.png", alt.vconcat((wrong + mark).properties(width=WIDTH), right.properties(width=WIDTH))),
    ):
        path = folder / name
        chart.save(path, ppi=144)
        out.append(path)
    return out
