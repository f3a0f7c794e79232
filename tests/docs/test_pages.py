"""What the pages of the documentation promise about themselves."""

from __future__ import annotations

import re

import pytest

import topout
from tests.docs.commands import ROOT, pages


def test_the_api_page_names_all_that_is_public() -> None:
    page = (ROOT / "docs" / "api.md").read_text()
    public = [name for name in topout.__all__ if not name.startswith("_")]
    assert [name for name in public if f"::: topout.app.{name}\n" not in page] == []


def test_every_page_that_is_ours_has_a_place_in_the_navigation() -> None:
    nav = (ROOT / "mkdocs.yml").read_text().partition("\nnav:\n")[2]
    written = {page.removeprefix("docs/") for page in pages() if page.startswith("docs/")}
    named = set(re.findall(r"[\w-]+\.md", nav))
    assert {"index.md", "tutorial.md", "own-task.md", "verdict.md", "plugins.md", "api.md"} <= named & written


@pytest.mark.parametrize("page", pages())
def test_a_page_has_one_title_and_links_only_to_what_is_there(page: str) -> None:
    text = (ROOT / page).read_text()
    prose = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    assert len(re.findall(r"^# ", prose, re.MULTILINE)) == 1
    links = re.findall(r"\]\((?!https?:|mailto:|#)([^)#\s]+)", prose)
    assert [link for link in links if not ((ROOT / page).parent / link).exists()] == []
