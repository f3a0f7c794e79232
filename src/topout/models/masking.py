"""The one place that makes a provider's words safe to show: one line, bounded, without keys."""

from __future__ import annotations

import re
from collections.abc import Mapping

__all__ = ["one_line"]

_SECRETS = re.compile(
    r"""(?P<lead>
          \bBearer\s+
        | \b[\w-]*(?:key|token|secret|password)["']?\s*=\s*["']?
        | \b[\w-]*(?:api[ _-]?key|access_token|secret|password|key[ ]provided)["']?\s*:\s*["']?
        | ://(?=[^/\s@]+@)
        )[^\s"',;&@]+
    | \bsk-[\w*.-]{4,} | \bAIza[\w-]{8,}""",
    re.IGNORECASE | re.VERBOSE,
)
_ENDINGS = ("KEY", "TOKEN", "SECRET", "PASSWORD")
_MASK = "***"


def one_line(text: str, environ: Mapping[str, str], limit: int = 300) -> str:
    """`text` on one line of at most `limit` characters, with secrets as `***`.

    A secret is anything that looks like `sk-...`, `Bearer ...`, `key=...` or the user part of a URL, and the value of every variable of `environ` whose
    name ends in KEY, TOKEN, SECRET or PASSWORD, from 6 characters on (shorter values would blank out ordinary words). Masked before it
    is cut, so that no half of a key survives.
    """
    for name, value in environ.items():
        if name.upper().endswith(_ENDINGS) and len(value) >= 6:
            text = text.replace(value, _MASK)
    text = _SECRETS.sub(lambda found: (found["lead"] or "") + _MASK, text)
    text = " ".join(text.split())
    return text if len(text) <= limit else text[: limit - 3] + "..."
