"""Where something is kept: a place of this machine, or a PostgreSQL database that many machines share.

What a run records of the place is enough to find it again and no secret: a password in the URL is taken from the environment when the place is opened,
and goes nowhere else.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import SplitResult, parse_qsl, urlencode, urlsplit

from topout.errors import UserError

__all__ = [
    "CACHE",
    "SQLITE",
    "STUDY",
    "Keeping",
    "address_with_password",
    "is_database",
    "recorded_place",
    "recorded_study",
    "study_file",
]

SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):/")
SCHEMES = ("postgresql", "postgres")
SQLITE = "sqlite:///"
KNOWN = (
    "host",
    "port",
    "user",
    "dbname",
    "sslmode",
    "sslrootcert",
    "sslcert",
    "sslkey",
    "passfile",
    "service",
    "target_session_attrs",
)
"""Parameters of libpq that a URL may carry. None of them is a secret."""


@dataclass(frozen=True, slots=True)
class Keeping:
    """Something that is kept at a place: the `option` that names the place, the environment `variable` that may hold a URL with its password, `what` it
    is, and where it may be instead of in a database."""

    option: str
    variable: str
    what: str
    instead: str

    @property
    def expected(self) -> str:
        return f"Expected {self.instead} or postgresql://USER@HOST:PORT/DATABASE"


CACHE = Keeping("--cache", "TOPOUT_CACHE", "replies", "a folder")
STUDY = Keeping("--study", "TOPOUT_STUDY", "a study", f"{SQLITE}FILE")


def is_database(place: str) -> bool:
    """Whether replies are kept in a database there, and not in a folder."""
    return SCHEME.match(place) is not None


def recorded_place(place: str, environ: Mapping[str, str], kept: Keeping = CACHE) -> str:
    """The place as it may be written down. A password is accepted, and left out, in the very URL that stands in the variable; in any other it is refused.

    Raises UserError, without a word of the URL, when it is none that is understood: what stands in a mistyped one may be a password.
    """
    if not is_database(place):
        return place
    parts, secret = understood(place, kept)
    if secret and place != environ.get(kept.variable):
        raise UserError(
            f"{kept.option}: the URL holds a password, which everybody on this machine could read. Leave it out and put it into ~/.pgpass or PGPASSWORD, "
            f"or give the whole URL in {kept.variable} instead."
        )
    return without_password(parts)


def recorded_study(place: str, environ: Mapping[str, str]) -> str:
    """The storage of a study as it may be written down ('' is none). Raises UserError for what is neither a file of SQLite nor a database."""
    if not place or study_file(place):
        return place
    if not is_database(place) or place.startswith("sqlite:"):
        raise UserError(f"--study: not the URL of a storage. {STUDY.expected}.")
    return recorded_place(place, environ, STUDY)


def study_file(place: str) -> str:
    """The file of a study in SQLite, '' when it is kept elsewhere."""
    return place.removeprefix(SQLITE) if place.startswith(SQLITE) else ""


def address_with_password(place: str, environ: Mapping[str, str], kept: Keeping = CACHE) -> tuple[str, str]:
    """What to connect to for a recorded place, and the password in it ('': none, so that libpq looks into PGPASSWORD and ~/.pgpass)."""
    whole = environ.get(kept.variable, "")
    if whole.lower().startswith(SCHEMES):
        parts, secret = understood(whole, kept)
        if secret and without_password(parts) == place:
            return whole, secret
    return place, ""


def understood(place: str, kept: Keeping) -> tuple[SplitResult, str]:
    """The parts of a URL, and its password."""
    found = SCHEME.match(place)
    scheme = found[1].lower() if found else ""
    mistyped = f"{kept.option}: not a URL of a database. {kept.expected}; in a password @ : / ? # % are written as %40 %3A ..."
    if scheme not in SCHEMES:
        raise UserError(f"{kept.option}: {kept.what} cannot be kept at {scheme}:. {kept.expected}.")
    try:
        parts = urlsplit(place)
        _, given = parts.port, parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
    except ValueError:
        raise UserError(mistyped) from None
    if not place.startswith(f"{found[1] if found else ''}://") or parts.fragment or "@" in parts.path or "/" in parts.path[1:]:
        raise UserError(mistyped)
    more = [name for name, _ in given if name not in (*KNOWN, "password")]
    if more:
        raise UserError(f"{kept.option}: a parameter of the URL is unknown. Known: {', '.join(KNOWN)}.")
    return parts, parts.password or next((value for name, value in given if name == "password"), "")


def without_password(parts: SplitResult) -> str:
    """The URL, spelled in one way, without the secret."""
    host = parts.netloc.rpartition("@")[2]
    user = parts.netloc.rpartition("@")[0].partition(":")[0]
    query = urlencode([(name, value) for name, value in parse_qsl(parts.query, keep_blank_values=True) if name != "password"])
    return f"postgresql://{user + '@' if user else ''}{host}{parts.path}{'?' + query if query else ''}"
