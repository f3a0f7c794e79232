"""The page around its sections: head, policy, navigation, style and script. It loads nothing, from nowhere."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from topout.report.charts.drawing import VEGA_LITE
from topout.report.charts.theme import DARK, LIGHT
from topout.report.page.markup import Markup, data_block, html, joined

__all__ = ["Section", "document", "library"]


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the page: `name` is its anchor, `title` its heading, `body` its HTML, `lead` a sentence below the heading."""

    name: str
    title: str
    body: Markup
    lead: str = ""


def document(title: str, top: Markup, sections: Sequence[Section], connect: str = "'none'") -> str:
    """A whole page, in UTF-8. `connect` is what its script may fetch: nothing, unless the page is served live (then `'self'`).

    Only the two scripts of this package run: the policy names their hashes, so that markup which slipped in could not bring one."""
    scripts = (library(), asset("page.js"))
    policy = (
        f"default-src 'none'; script-src {' '.join(digest(s) for s in scripts)}; style-src 'unsafe-inline'; img-src data:; "
        f"connect-src {connect}; base-uri 'none'; form-action 'none'"
    )
    links = joined(html('<li><a href="#{n}">{t}</a></li>', n=s.name, t=s.title) for s in sections)
    parts = joined(
        html(
            '<section id="{n}" aria-labelledby="{n}-title"><h2 id="{n}-title">{t}</h2>{lead}{body}</section>',
            n=s.name,
            t=s.title,
            lead=html('<p class="lead">{s}</p>', s=s.lead) if s.lead else Markup(),
            body=s.body,
        )
        for s in sections
    )
    return str(
        html(
            '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
            '<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n<meta name="referrer" content="no-referrer">\n'
            '<meta name="color-scheme" content="light dark">\n<title>{title}</title>\n<link rel="icon" href="data:,">\n'
            "<style>{style}</style>\n</head>\n<body>\n"
            '<a class="skip" href="#content">Skip to the content</a>\n{top}\n'
            '<div class="frame">\n<nav aria-label="Sections"><details class="menu" open><summary>Contents</summary><ul>{links}</ul></details></nav>\n'
            '<main id="content" tabindex="-1">\n{parts}\n</main>\n</div>\n'
            '<p id="said" class="hidden" role="status" aria-live="polite"></p>\n{colours}\n'
            "<script>{library}</script>\n<script>{script}</script>\n</body>\n</html>\n",
            policy=policy,
            title=title,
            style=Markup(asset("page.css")),
            top=top,
            links=links,
            parts=parts,
            colours=data_block("colours", {"light": dict(LIGHT), "dark": dict(DARK)}),
            library=Markup(scripts[0]),
            script=Markup(scripts[1]),
        )
    )


def asset(name: str) -> str:
    """A file of this package."""
    return files(__package__).joinpath(name).read_text(encoding="utf-8")


@cache
def library() -> str:
    """Vega, Vega-Lite and Vega-Embed as one script, 0.9 MB; bundled once per process (1.5 s), without a network."""
    import vl_convert

    bundle: str = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;", vl_version=VEGA_LITE)
    return bundle.replace("</script", "<\\/script").replace("<!--", "<\\!--")


def digest(script: str) -> str:
    """A script's hash as the policy names it."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"
