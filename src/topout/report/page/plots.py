"""Charts in the page: a specification beside the place where the script draws it, and the same figures as a table for whoever cannot see it."""

from __future__ import annotations

from topout.domain import Json
from topout.report.page.markup import Markup, data_block, details, html

__all__ = ["plot"]


def plot(name: str, label: str, specs: dict[str, dict[str, Json]], figures: Markup, options: Markup | None = None) -> Markup:
    """A chart. `specs` holds one or several variants by name, the first is shown; `label` says what is to be seen, for screen readers."""
    return html(
        '<figure class="plot" data-plot="{n}">{options}<div class="canvas" id="plot-{n}" role="img" aria-label="{label}"></div>'
        "{figures}{data}</figure>",
        n=name,
        label=label,
        options=options or Markup(),
        figures=details("Figures as a table", figures),
        data=data_block(f"spec-{name}", {**specs}),
    )
