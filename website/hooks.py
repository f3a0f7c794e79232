"""What mkdocs is told beyond mkdocs.yml: pages that are not there yet, pages that nav does not name, and links that lead out of docs/.

A page of nav that does not exist is left out and said. A page that nav does not name stands under "More", so that none is lost. A link to a file of
the source leads to the repository when `repo_url` is set in mkdocs.yml; else it is the file's name in words.
"""

from __future__ import annotations

import logging
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

log = logging.getLogger("mkdocs.hooks.topout")
OUT = re.compile(r"\[(?P<text>[^\]]+)\]\(\.\./(?P<path>[^)#]+)(?P<anchor>#[^)]*)?\)")
COMMENT = re.compile(r"^<!--.*?-->\n?", re.MULTILINE | re.DOTALL)
SHORT = re.compile(r"<code>([^<\n]{1,24})</code>")
SHIM = "https://unpkg.com/iframe-worker/shim"
FOREIGN = re.compile(
    r"""<(?:script|img|iframe)[^>]+src=["']?(?:https?:)?//[^>]*>|<link[^>]+rel=["']?(?:stylesheet|preconnect|preload)[^>]+href=["']?(?:https?:)?//[^>]*>"""
)
"""What a browser would fetch from elsewhere."""


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Leave out of nav what is not there, add what it does not name."""
    docs = Path(config.docs_dir)
    there = {str(path.relative_to(docs)) for path in docs.rglob("*.md")}
    named: set[str] = set()

    def kept(items: list[Any]) -> list[Any]:
        found: list[Any] = []
        for item in items:
            if isinstance(item, str):
                named.add(item)
                if item in there:
                    found.append(item)
                else:
                    log.info("nav: %s is not written yet", item)
                continue
            for title, inner in item.items():
                inside = kept(inner if isinstance(inner, list) else [inner])
                if inside:
                    found.append({title: inside if isinstance(inner, list) else inner})
        return found

    nav = kept(config.nav or [])
    more = sorted(there - named)
    config.nav = [*nav, {"More": list(more)}] if more else nav
    return config


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Links out of docs/, and comments that are for the tests of the commands."""

    def led(match: re.Match[str]) -> str:
        path = match["path"]
        if path == "README.md":
            return f"[{match['text']}](index.md)"
        if not (Path(config.docs_dir).parent / path).exists():
            log.warning("%s: links to %s, which is not there", page.file.src_path, path)
        if config.repo_url:
            return f"[{match['text']}]({config.repo_url.rstrip('/')}/blob/main/{path}{match['anchor'] or ''})"
        return f"`{path}`"

    return OUT.sub(led, COMMENT.sub("", markdown))


def on_page_content(html: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Short names in a line of text stay whole: a browser would break `--delta` behind its first mark."""
    return SHORT.sub(r'<code class="short">\1</code>', html)


def on_post_page(output: str, page: Page, config: MkDocsConfig) -> str:
    """Nothing is fetched from elsewhere: the script that the search needs when a page is opened from disk is ours to serve."""
    up = "../" * page.url.count("/")
    output = output.replace(SHIM, f"{up}javascripts/iframe-worker.js")
    for tag in FOREIGN.findall(output):
        log.warning("%s: the page would fetch %s", page.file.src_path, tag[:120])
    return output
