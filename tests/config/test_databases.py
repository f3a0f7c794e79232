"""Where replies are kept: what is written down of it, and what is not."""

from __future__ import annotations

import pytest

from topout.app.running import checked_settings
from topout.config.databases import STUDY, address_with_password, is_database, recorded_place, recorded_study, study_file
from topout.errors import UserError

WHOLE = "postgresql://ann:s3cret%40x@db.example:5433/replies?sslmode=require"
BARE = "postgresql://ann@db.example:5433/replies?sslmode=require"


@pytest.mark.parametrize("folder", [".topout/cache", "/var/cache/topout", "c", "with:colon", "C:\\replies"])
def test_a_folder_is_a_folder(folder: str) -> None:
    assert not is_database(folder)
    assert recorded_place(folder, {}) == folder


@pytest.mark.parametrize(
    ("url", "recorded"),
    [
        ("postgresql://ann@db/replies", "postgresql://ann@db/replies"),
        ("postgres://db/replies", "postgresql://db/replies"),
        ("postgresql:///replies?host=/run/pg", "postgresql:///replies?host=%2Frun%2Fpg"),
        ("postgresql://[::1]:5432/replies", "postgresql://[::1]:5432/replies"),
    ],
)
def test_a_url_without_a_password_is_written_down_in_one_spelling(url: str, recorded: str) -> None:
    assert recorded_place(url, {}) == recorded
    assert recorded_place(recorded, {}) == recorded
    assert address_with_password(recorded, {}) == (recorded, "")


def test_a_password_is_taken_from_the_variable_and_is_not_written_down() -> None:
    environ = {"TOPOUT_CACHE": WHOLE}
    assert recorded_place(WHOLE, environ) == BARE
    assert address_with_password(BARE, environ) == (WHOLE, "s3cret%40x")
    assert address_with_password("postgresql://ann@another/replies", environ) == ("postgresql://ann@another/replies", "")
    in_the_query = {"TOPOUT_CACHE": "postgresql://ann@db/replies?password=s3cret"}
    assert recorded_place(in_the_query["TOPOUT_CACHE"], in_the_query) == "postgresql://ann@db/replies"
    assert address_with_password("postgresql://ann@db/replies", in_the_query)[1] == "s3cret"


@pytest.mark.parametrize(
    "url",
    [
        WHOLE,
        "postgresql://ann@db/replies?password=s3cret",
        "postgresql://ann:s3cret/x@db/replies",
        "postgresql://ann:1/s3cret@db/replies",
        "postgresql://ann:#s3cret@db/replies",
        "postgresql://ann:?s3cret@db/replies",
        "postgresql+psycopg://ann:s3cret@db/replies",
        "postgresql:/ann:s3cret@db/replies",
        "mysql://ann:s3cret@db/replies",
        "redis://:s3cret@db/0",
        "postgresql://ann@db/replies?sslpassword=s3cret",
    ],
)
def test_a_password_anywhere_else_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(UserError, match=r"^--cache: ") as refused:
        recorded_place(url, {})
    assert "s3cret" not in str(refused.value)
    with pytest.raises(UserError) as refused:
        checked_settings(task="t", cache_dir=url)
    assert "s3cret" not in str(refused.value)


@pytest.mark.parametrize("place", ["", "sqlite:///study.db", "sqlite:////var/study.db", "postgresql://ann@db/studies"])
def test_a_study_is_kept_in_a_file_or_a_database_or_nowhere(place: str) -> None:
    assert recorded_study(place, {}) == place


@pytest.mark.parametrize(
    "place",
    ["study.db", "sqlite://study.db", "sqlite:study.db", "mysql://ann:s3cret@db/s", WHOLE, "postgresql+psycopg://a:s3cret@db/s"],
)
def test_any_other_place_of_a_study_is_refused_and_not_repeated(place: str) -> None:
    with pytest.raises(UserError, match=r"^--study: ") as refused:
        checked_settings(task="t", study=place)
    assert "s3cret" not in str(refused.value) and "TOPOUT_CACHE" not in str(refused.value)


def test_the_password_of_a_study_is_in_a_variable_of_its_own() -> None:
    assert recorded_study(WHOLE, {"TOPOUT_STUDY": WHOLE}) == BARE
    assert address_with_password(BARE, {"TOPOUT_STUDY": WHOLE}, STUDY) == (WHOLE, "s3cret%40x")
    assert address_with_password(BARE, {"TOPOUT_CACHE": WHOLE}, STUDY) == (BARE, "")
    assert address_with_password(BARE, {"TOPOUT_STUDY": "sqlite:///study.db"}, STUDY) == (BARE, "")
    assert (study_file("sqlite:////var/s.db"), study_file(BARE)) == ("/var/s.db", "")


def test_settings_hold_the_url_without_its_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOPOUT_CACHE", WHOLE)
    settings = checked_settings(task="t", cache_dir=WHOLE)
    assert settings.cache_dir == BARE
    assert "s3cret" not in settings.model_dump_json()
