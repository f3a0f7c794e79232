"""HTML that foreign text cannot break out of: a template is written here, whatever is put into it is made harmless and escaped."""

from __future__ import annotations

import json
from collections.abc import Iterable

from markupsafe import Markup

from topout.domain import Json
from topout.report.words import safe_text

__all__ = ["Markup", "data_block", "details", "html", "joined", "plain", "table"]

Piece = str | int | Markup


def html(template: str, **values: Piece) -> Markup:
    """The template with `{name}` replaced. Only `Markup` goes in as it is; in all other text controls are made visible and it is escaped.

    Templates are literals of this package: never build one from text that came from outside."""
    return Markup(template).format(**{name: plain(value) for name, value in values.items()})


def plain(value: Piece, limit: int | None = None) -> Markup:
    """Text as HTML: unseen characters become visible ones, at most `limit` characters."""
    if isinstance(value, Markup):
        return value
    return Markup.escape(safe_text(str(value), limit, lines=True))


def joined(parts: Iterable[Markup], between: str = "") -> Markup:
    """One after the other."""
    return Markup(between).join(parts)


def table(
    caption: str, heads: Iterable[str], rows: Iterable[Iterable[Piece]], right: Iterable[int] = (), quiet: bool = True
) -> Markup:
    """A table that scrolls by itself when it is wider than the page. The first cell of a row is its head; columns in `right` hold figures.
    With `quiet` the caption is for screen readers only."""
    numeric = set(right)

    def cell(i: int, value: Piece) -> Markup:
        kind = Markup(' class="num"') if i in numeric else Markup()
        return html('<th scope="row"{k}>{v}</th>', k=kind, v=value) if i == 0 else html("<td{k}>{v}</td>", k=kind, v=value)

    head = joined(
        html('<th scope="col"{k}>{v}</th>', k=Markup(' class="num"') if i in numeric else Markup(), v=name)
        for i, name in enumerate(heads)
    )
    body = joined(html("<tr>{c}</tr>", c=joined(cell(i, value) for i, value in enumerate(row))) for row in rows)
    return html(
        '<div class="scroll" tabindex="0" role="region" aria-label="{label}"><table><caption{q}>{label}</caption>'
        "<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>",
        label=caption,
        q=Markup(' class="hidden"') if quiet else Markup(),
        head=head,
        body=body,
    )


def details(summary: Piece, body: Markup, opened: bool = False) -> Markup:
    """A part that is folded until somebody asks for it."""
    return html("<details{o}><summary>{s}</summary>{b}</details>", o=Markup(" open") if opened else Markup(), s=summary, b=body)


def data_block(name: str, document: Json) -> Markup:
    """JSON for the page's script. `<` and `&` are escaped, so that no text in it can end the element; controls are escapes."""
    text = json.dumps(document, allow_nan=False, separators=(",", ":"))
    for sign in "<>&":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return html('<script type="application/json" id="{n}">{t}</script>', n=name, t=Markup(text))
