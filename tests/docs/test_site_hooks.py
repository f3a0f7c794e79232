"""What the site's build is told beyond mkdocs.yml. mkdocs itself is not needed: make docs builds the real pages."""

from __future__ import annotations

import importlib.util
import logging
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from tests.docs.commands import ROOT


@pytest.fixture(scope="module")
def hooks() -> ModuleType:
    spec = importlib.util.spec_from_file_location("site_hooks", ROOT / "website" / "hooks.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def config(tmp_path: Path) -> SimpleNamespace:
    docs = tmp_path / "docs"
    docs.mkdir()
    for name in ("index", "costs", "new-page"):
        (docs / f"{name}.md").write_text(f"# {name}\n")
    (tmp_path / "code.py").write_text("")
    nav = [
        {"Start": [{"Home": "index.md"}, "costs.md", "not-yet.md"]},
        {"Later": [{"Not yet": "nor-this.md"}]},
        {"Trust": ["SECURITY.md"]},
    ]
    (docs / "SECURITY.md").write_text("# Security\n")
    return SimpleNamespace(docs_dir=str(docs), nav=nav, repo_url=None)


def test_a_page_that_is_not_there_is_left_out_and_one_that_nav_does_not_name_is_kept(
    hooks: ModuleType, config: SimpleNamespace
) -> None:
    assert hooks.on_config(config).nav == [
        {"Start": [{"Home": "index.md"}, "costs.md"]},
        {"Trust": ["SECURITY.md"]},
        {"More": ["new-page.md"]},
    ]


def test_links_out_of_the_pages_lead_to_the_repository_or_become_names(hooks: ModuleType, config: SimpleNamespace) -> None:
    page = SimpleNamespace(file=SimpleNamespace(src_path="costs.md"))
    text = "<!-- run with: --max-calls 400 -->\n[the code](../code.py#L3), [costs](costs.md)"
    assert hooks.on_page_markdown(text, page, config, None) == "`code.py`, [costs](costs.md)"
    config.repo_url = "https://example.org/topout/"
    assert "[the code](https://example.org/topout/blob/main/code.py#L3)" in hooks.on_page_markdown(text, page, config, None)


def test_a_link_to_a_file_that_is_not_there_is_a_warning(
    hooks: ModuleType, config: SimpleNamespace, caplog: pytest.LogCaptureFixture
) -> None:
    page = SimpleNamespace(file=SimpleNamespace(src_path="costs.md"))
    with caplog.at_level(logging.WARNING):
        hooks.on_page_markdown("[gone](../gone.py)", page, config, None)
    assert "costs.md: links to gone.py, which is not there" in caplog.text


def test_what_a_page_would_fetch_from_elsewhere_is_a_warning_and_the_search_s_own_script_is_ours(
    hooks: ModuleType, config: SimpleNamespace, caplog: pytest.LogCaptureFixture
) -> None:
    page = SimpleNamespace(file=SimpleNamespace(src_path="a.md"), url="a.html")
    with caplog.at_level(logging.WARNING):
        assert 'src="javascripts/iframe-worker.js"' in hooks.on_post_page(f'<script src="{hooks.SHIM}"></script>', page, config)
    assert not caplog.text
    with caplog.at_level(logging.WARNING):
        hooks.on_post_page('<img alt="x" src="https://example.org/x.png">', page, config)
    assert "a.md: the page would fetch" in caplog.text


def test_short_names_are_marked_to_stay_whole(hooks: ModuleType, config: SimpleNamespace) -> None:
    html = "<p><code>--delta</code> and <code>a name that is a good deal longer</code></p><pre><code>a\nb</code></pre>"
    assert hooks.on_page_content(html, None, config, None) == html.replace("<code>--delta", '<code class="short">--delta')
