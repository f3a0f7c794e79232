"""JSON over HTTP with one server, for registries whose own client would bring much more than it does here.

Every request waits for a few seconds at most and is made once; what the server answers becomes JSON, None for "no such thing", or a UserError with a remedy.
Headers (keys) are in no message.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import quote, urlsplit

from topout.domain import Json
from topout.errors import UserError
from topout.exporters.http_errors import LONGEST_WAIT_S, no_answer, no_json, refused, without_credentials

__all__ = ["Rest", "segment"]


def segment(name: str) -> str:
    """A name as one part of a path."""
    return quote(name, safe="")


class Rest:
    """One server. `key` names the setting that holds its credentials, for messages; `secrets` are what those must not show beside the headers."""

    def __init__(self, address: str, headers: Mapping[str, str], key: str, secrets: Sequence[str] = ()) -> None:
        if urlsplit(address).scheme not in ("http", "https") or not urlsplit(address).hostname:
            raise UserError(
                f"--uri {without_credentials(address)[:120]}: not the address of a server. Write it as http://localhost:3000."
            )
        self.where = without_credentials(address).rstrip("/")
        self._address = address.rstrip("/")
        self._headers = dict(headers)
        self._key = key
        sent = [word for value in headers.values() for word in value.split()[1:]]  # "Bearer KEY"
        self._secrets = (*secrets, *sent, urlsplit(address).password or "")

    def get(self, path: str, params: Mapping[str, str | int] | None = None) -> Json:
        """The answer, None when there is no such thing."""
        return self._ask("GET", path, None, params, absent=True)

    def send(self, method: str, path: str, body: Mapping[str, Json]) -> Json:
        """The answer to what was sent; None when it is empty."""
        return self._ask(method, path, body, None, absent=False)

    def _ask(
        self, method: str, path: str, body: Mapping[str, Json] | None, params: Mapping[str, str | int] | None, absent: bool
    ) -> Json:
        import httpx

        try:
            with httpx.Client(timeout=LONGEST_WAIT_S, follow_redirects=False) as client:
                answer = client.request(
                    method,
                    f"{self._address}{path}",
                    json=dict(body) if body is not None else None,
                    params=dict(params) if params else None,
                    headers=self._headers,
                )
        except httpx.TimeoutException as error:
            raise no_answer(self.where, hangs=True) from error
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
            raise no_answer(self.where, hangs=False) from error
        if absent and answer.status_code == 404:
            return None
        if not 200 <= answer.status_code < 300:
            raise refused(self.where, answer.status_code, self._key, said(answer.text), self._secrets)
        if not answer.content:
            return None
        try:
            found: Json = answer.json()
        except ValueError:
            raise no_json(self.where) from None
        return found


def said(text: str) -> str:
    """The server's reason, without a page of HTML."""
    return "" if text.lstrip().startswith("<") else text[:500]
