"""What a registry's server answered, in words: one message a status, each with what to do."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit

from topout.errors import UserError

__all__ = ["LONGEST_WAIT_S", "no_answer", "no_json", "refused", "without_credentials"]

LONGEST_WAIT_S = 5
"""So long is waited for one answer; a call of the contract is two or three of them."""

REMEDIES = {
    400: "the server did not take the request",
    401: "not signed in. Set {key} and try again",
    403: "signed in and not allowed to do this. Ask for the right to write prompts, or use other credentials ({key})",
    404: "no such thing there. Check the address (--uri): the server of this registry does not answer to it",
    409: "somebody else changed the same prompt just now. Export once more",
    413: "the prompt is too large for this server. Export a candidate with fewer demos (--candidate ID), or raise the server's limit",
    429: "too many requests. Wait a minute and export once more",
}


def refused(where: str, status: int, key: str, said: str = "", secrets: Iterable[str] = ()) -> UserError:
    """The error for an HTTP status. `key` names the setting that holds the credentials, `said` is the server's own reason, in which none of the
    `secrets` is shown: some servers and proxies repeat what they were sent."""
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        said = said.replace(secret, "***")
    text = REMEDIES.get(status)
    if text is None:
        text = (
            "the server is broken or overloaded. Look at its log, then export once more"
            if status >= 500
            else "the server did not take the request"
        )
    reason = f" It said: {' '.join(said.split())[:200]}" if said.strip() else ""
    return UserError(f"{where}: HTTP {status}: {text.format(key=key)}.{reason}")


def no_answer(where: str, *, hangs: bool) -> UserError:
    """Nobody listens there, or somebody who does not answer in time."""
    if hangs:
        return UserError(
            f"{where}: no answer within {LONGEST_WAIT_S} s. Check that the server is up and not busy, then export once more."
        )
    return UserError(f"{where}: nobody answers there. Start the server, or give its address with --uri.")


def no_json(where: str) -> UserError:
    """Something answers there, and it is not the registry: most often a page."""
    return UserError(f"{where}: its answer is no JSON. Is this the address of the server itself (--uri)?")


def without_credentials(address: str) -> str:
    """An address as it may be shown: no user, no password, no query. Raises UserError for what is none."""
    try:
        parts = urlsplit(address)
    except ValueError as error:
        raise UserError(f"--uri: not an address ({error}). Write it as http://localhost:5000.") from error
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}{parts.path}" if parts.scheme and "://" in address else address
