from hypothesis import given
from hypothesis import strategies as st

from topout.report.words import duration, safe_text, seconds


def test_controls_become_their_pictures() -> None:
    assert safe_text("\x1b[2Jhi\x00\x07\r\x7f\x9b31m") == "␛[2Jhi␀␇␍␡\\x9b31m"


def test_bidi_overrides_and_other_unseen_characters_are_written_out() -> None:
    assert safe_text("a\u202eb\u2066c\u200bd\ufeff\U000e0041") == "a\\u202eb\\u2066c\\u200bd\\ufeff\\U000e0041"


def test_a_lone_surrogate_can_be_written_as_utf_8() -> None:
    assert safe_text("x\ud800y").encode() == b"x\\ud800y"


def test_lines_are_joined_unless_they_are_asked_for() -> None:
    assert safe_text("a\r\nb\tc\n") == "a ⏎ b c"
    assert safe_text("a\r\nb\n", lines=True) == "a\nb\n"


def test_a_cut_text_ends_in_an_ellipsis() -> None:
    assert safe_text("abcdef", 4) == "abc…"
    assert safe_text("abcd", 4) == "abcd"
    assert safe_text("\x1b" * 1_000_000, 3) == "␛␛…"


def test_ordinary_text_of_any_script_stays_as_it_is() -> None:
    assert safe_text("naïve 日本語 العربية 👩\u200d🚀 [red]$x$[/]") == "naïve 日本語 العربية 👩\u200d🚀 [red]$x$[/]"


@given(st.text(), st.one_of(st.none(), st.integers(min_value=1, max_value=50)))
def test_nothing_unseen_is_left_and_saying_it_again_changes_nothing(text: str, limit: int | None) -> None:
    shown = safe_text(text, limit)
    assert not any(ord(c) < 0x20 or 0x7F <= ord(c) < 0xA0 or 0x202A <= ord(c) <= 0x202E for c in shown)
    assert safe_text(shown, limit) == shown
    assert limit is None or len(shown) <= limit


def test_times_read_as_people_say_them() -> None:
    assert [duration(s) for s in (0.2, 41, 185, 7390)] == ["0 s", "41 s", "3:05 min", "2:03:10 h"]
    assert [seconds(s) for s in (None, 0.0004, 0.12, 1.26)] == ["unknown", "0.4 ms", "120 ms", "1.3 s"]
