"""The script that draws the charts: made once for all processes, and nothing else takes its place."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

import pytest
import vl_convert

from topout.report.charts.drawing import VEGA_LITE
from topout.report.page.library import MADE, keep, kept, library

made = library.__wrapped__


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's cache folder, which is not there yet."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    return tmp_path / "caches" / "topout"


def test_what_is_kept_is_what_the_installed_version_makes(places: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    known = MADE.get((version("vl-convert-python"), VEGA_LITE))
    if known is None:
        pytest.skip(f"vl-convert {version('vl-convert-python')} is none of {sorted(MADE)}: it makes the script anew each time")
    first = made()
    (place,) = places.iterdir()
    assert kept(place, known).replace("</script", "<\\/script").replace("<!--", "<\\!--") == first
    assert place.stat().st_mode & 0o077 == 0
    monkeypatch.setattr(vl_convert, "javascript_bundle", lambda *_, **__: pytest.fail("it was there"))
    assert made() == first


def test_a_file_that_somebody_changed_is_none(tmp_path: Path) -> None:
    place, known = tmp_path / "caches" / "a.js", "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
    assert kept(place, known) == ""
    keep(place, "hello")
    assert kept(place, known) == "hello"
    place.write_text("hello;alert(1)")
    assert kept(place, known) == ""
    keep(place, "hello")
    assert kept(place, known) == "hello" and [path.name for path in place.parent.iterdir()] == ["a.js"]


def test_a_place_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    keep(tmp_path / "file" / "topout" / "a.js", "hello")
    keep(Path("relative/a.js"), "hello")
    assert kept(tmp_path / "file" / "topout" / "a.js", "") == "" and not Path("relative").exists()


def test_the_locked_version_is_one_whose_script_is_known() -> None:
    lock = Path(__file__).parents[2] / "requirements.lock"
    assert [version for version, _ in MADE if f"vl-convert-python=={version} " in lock.read_text(encoding="utf-8")] != []
