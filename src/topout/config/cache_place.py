"""Where replies are kept: a folder, or a PostgreSQL database that many machines share.

What a run records of the place is enough to find it again and no secret: a password in the URL is taken from the environment when the place is opened,
and goes nowhere else.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import SplitResult, parse_qsl, urlencode, urlsplit

from topout.errors import UserError

__all__ = ["CACHE_VARIABLE", "address_with_password", "is_database", "recorded_place"]

CACHE_VARIABLE = "TOPOUT_CACHE"
"""The environment variable that may hold the URL with its password."""

SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):/")
SCHEMES = ("postgresql", "postgres")
EXPECTED = "Expected a folder or postgresql://USER@HOST:PORT/DATABASE"
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


def is_database(place: str) -> bool:
    """Whether replies are kept in a database there, and not in a folder."""
    return SCHEME.match(place) is not None


def recorded_place(place: str, environ: Mapping[str, str]) -> str:
    """The place as it may be written down. A password is accepted, and left out, in the very URL that stands in TOPOUT_CACHE; in any other it is refused.

    Raises UserError, without a word of the URL, when it is none that is understood: what stands in a mistyped one may be a password.
    """
    if not is_database(place):
        return place
    parts, secret = understood(place)
    if secret and place != environ.get(CACHE_VARIABLE):
        raise UserError(
            "--cache: the URL holds a password, which everybody on this machine could read. Leave it out and put it into ~/.pgpass or PGPASSWORD, "
            f"or give the whole URL in {CACHE_VARIABLE} instead."
        )
    return without_password(parts)


def address_with_password(place: str, environ: Mapping[str, str]) -> tuple[str, str]:
    """What to connect to for a recorded place, and the password in it ('': none, so that libpq looks into PGPASSWORD and ~/.pgpass)."""
    whole = environ.get(CACHE_VARIABLE, "")
    if is_database(whole):
        parts, secret = understood(whole)
        if secret and without_password(parts) == place:
            return whole, secret
    return place, ""


def understood(place: str) -> tuple[SplitResult, str]:
    """The parts of a URL, and its password."""
    found = SCHEME.match(place)
    scheme = found[1].lower() if found else ""
    if scheme not in SCHEMES:
        raise UserError(f"--cache: replies cannot be kept at {scheme}:. {EXPECTED}.")
    try:
        parts = urlsplit(place)
        _, given = parts.port, parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
    except ValueError:
        raise UserError(
            f"--cache: not a URL of a database. {EXPECTED}; in a password @ : / ? # % are written as %40 %3A ..."
        ) from None
    if not place.startswith(f"{found[1] if found else ''}://") or parts.fragment or "@" in parts.path or "/" in parts.path[1:]:
        raise UserError(f"--cache: not a URL of a database. {EXPECTED}; in a password @ : / ? # % are written as %40 %3A ...")
    more = [name for name, _ in given if name not in (*KNOWN, "password")]
    if more:
        raise UserError(f"--cache: a parameter of the URL is unknown. Known: {', '.join(KNOWN)}.")
    return parts, parts.password or next((value for name, value in given if name == "password"), "")


def without_password(parts: SplitResult) -> str:
    """The URL, spelled in one way, without the secret."""
    host = parts.netloc.rpartition("@")[2]
    user = parts.netloc.rpartition("@")[0].partition(":")[0]
    query = urlencode([(name, value) for name, value in parse_qsl(parts.query, keep_blank_values=True) if name != "password"])
    return f"postgresql://{user + '@' if user else ''}{host}{parts.path}{'?' + query if query else ''}"
