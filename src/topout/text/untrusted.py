"""What a model writes is not trusted to be text."""

from __future__ import annotations

__all__ = ["beginning", "one_line", "well_formed"]


def well_formed(text: str) -> str:
    """The text as UTF-8 can hold it: halves of surrogate pairs are joined, or become U+FFFD when they stand alone.

    JSON can spell half a character (`"\\\\ud83d"`), as a model does that is cut off within an emoji; no file, log or later request could take it.
    """
    if text.isascii():
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def one_line(text: str) -> str:
    """White space folded, so that a text cannot pose as another line of a message."""
    return " ".join(text.split())


def beginning(text: str, most: int) -> str:
    """The beginning of a text that is too long to be read: one huge row must not cost every question that shows it."""
    return text if len(text) <= most else f"{text[:most]} [... {len(text) - most} more characters]"
