"""The page around its sections: head, policy, navigation, style and script. It loads nothing, from nowhere."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from topout.report.charts.theme import DARK, LIGHT
from topout.report.page.library import library
from topout.report.page.markup import Markup, data_block, html, joined

__all__ = ["Section", "document", "frame", "policy"]


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the page: `name` is its anchor, `title` its heading, `body` its HTML, `lead` a sentence below the heading."""

    name: str
    title: str
    body: Markup
    lead: str = ""


def document(title: str, top: Markup, sections: Sequence[Section], live: Markup | None = None) -> str:
    """A whole page, in UTF-8. `live` is the bar of a page that is served while its run goes on (see `live`): its script may talk to its server."""
    scripts = scripts_of(live is not None)
    style = asset("page.css") + (asset("live.css") if live is not None else "")
    return str(
        html(
            '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
            '<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n<meta name="referrer" content="no-referrer">\n'
            '<meta name="color-scheme" content="light dark">\n<title>{title}</title>\n<link rel="icon" href="data:,">\n'
            "<style>{style}</style>\n</head>\n<body>\n"
            '<a class="skip" href="#content">Skip to the content</a>\n{live}{frame}\n'
            '<p id="said" class="hidden" role="status" aria-live="polite"></p>\n{colours}\n{scripts}</body>\n</html>\n',
            policy=policy(live is not None),
            title=title,
            style=Markup(style),
            live=live or Markup(),
            frame=frame(top, sections),
            colours=data_block("colours", {"light": dict(LIGHT), "dark": dict(DARK)}),
            scripts=joined(html("<script>{s}</script>\n", s=Markup(s)) for s in scripts),
        )
    )


def frame(top: Markup, sections: Sequence[Section]) -> Markup:
    """What a reader sees: header, contents, sections."""
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
    return html(
        '{top}\n<div class="frame">\n<nav aria-label="Sections"><details class="menu" open><summary>Contents</summary><ul>{links}</ul></details></nav>\n'
        '<main id="content" tabindex="-1">\n{parts}\n</main>\n</div>',
        top=top,
        links=links,
        parts=parts,
    )


def scripts_of(live: bool) -> tuple[str, ...]:
    """The scripts of a page, in order."""
    return (library(), asset("page.js"), *([asset("live.js")] if live else []))


def policy(live: bool) -> str:
    """What the page may do. Only the scripts of this package run: their hashes are named, so that markup which slipped in could not bring one.
    Nothing is fetched; a live page asks the server that it came from."""
    return (
        f"default-src 'none'; script-src {' '.join(digest(s) for s in scripts_of(live))}; style-src 'unsafe-inline'; img-src data:; "
        f"connect-src '{'self' if live else 'none'}'; base-uri 'none'; form-action 'none'"
    )


def asset(name: str) -> str:
    """A file of this package."""
    return files(__package__).joinpath(name).read_text(encoding="utf-8")


@cache
def digest(script: str) -> str:
    """A script's hash as the policy names it."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"
