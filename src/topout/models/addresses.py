"""Which server a model is asked at: part of what makes two requests the same, and of what decides whether a price is known."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from topout.errors import UserError

__all__ = ["Addresses", "is_embedded", "is_loopback"]


@dataclass(frozen=True, slots=True)
class Addresses:
    """Base URLs of the servers.

    `api_base` is one URL for all models, or a URL by model (so that the critic's key is not sent to the task model's server).
    `environ` is where providers look when nothing is given: OLLAMA_API_BASE, HOSTED_VLLM_API_BASE, OPENAI_BASE_URL and so on.
    Embedded models have no address. Raises UserError for a given one with a password or a query in it: addresses are kept with the run, keys never.
    """

    api_base: str | Mapping[str, str] | None = None
    environ: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        given = [self.api_base] if isinstance(self.api_base, str) else list((self.api_base or {}).values())
        for url in given:
            try:
                parts = urlsplit(url)
            except ValueError as error:
                raise UserError(f"--api-base: no address of a server: {error}. For example http://127.0.0.1:8000/v1.") from None
            if "@" in parts.netloc or parts.query:
                host = parts.netloc.rpartition("@")[2]
                raise UserError(
                    f"--api-base {parts.scheme}://{host}/...: a {'password' if '@' in parts.netloc else 'query'} in the address, and addresses are kept with "
                    "the run. Give the address alone, and the key in the environment (for openai/ models OPENAI_API_KEY)."
                )

    def given(self, model: str) -> str | None:
        """The URL that the user gave for this model, None when they gave none."""
        if self.api_base is None or is_embedded(model):
            return None
        return self.api_base if isinstance(self.api_base, str) else self.api_base.get(model)

    def of(self, model: str) -> str:
        """The URL in force, from the user or the environment, without a trailing slash; '' for the provider's own."""
        if is_embedded(model):
            return ""
        provider = (model.partition("/")[0] if "/" in model else "openai").upper()
        if provider == "OLLAMA_CHAT":
            provider = "OLLAMA"
        found = self.given(model) or self.environ.get(f"{provider}_API_BASE") or self.environ.get(f"{provider}_BASE_URL") or ""
        return found.rstrip("/")


def is_embedded(model: str) -> bool:
    """Models that run in this process."""
    return model.startswith("embedded/")


def is_loopback(url: str) -> bool:
    """Does this URL point at this machine?"""
    host = urlsplit(url).hostname or ""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified
