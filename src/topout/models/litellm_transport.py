"""Requests through litellm: hosted, local and embedded models alike. The only file that imports litellm, and only when a call leaves.

litellm retries by itself, in two layers that multiply and that repeat even a wrong key: both are off here, `retries` does it.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from inspect import isawaitable
from typing import Any

from topout.domain import Request, Usage
from topout.errors import did_you_mean
from topout.models.addresses import Addresses, is_embedded
from topout.models.failures import classify, essence, key_is_missing, unsupported_parameters
from topout.models.masking import one_line
from topout.models.transport import Delivered, Refused, Sent

__all__ = ["LitellmTransport"]

_OPTIONAL = ("temperature", "seed", "stop", "response_format", "logprobs")
_OWN_SERVERS = {"hosted_vllm": "http://localhost:8000/v1", "lm_studio": "http://localhost:1234/v1"}
"""Servers of one's own. Without an address litellm sends their prompts to api.openai.com."""

EXTRA_S = 10.0
"""Room for what is not the server's: litellm imports parts of itself with the first call, for seconds."""


@dataclass(frozen=True, slots=True)
class _Habits:
    """What all calls of one model share, and the parameters that it does not take (grows as the provider complains)."""

    arguments: Mapping[str, Any]
    refused: set[str]


class LitellmTransport:
    """Implements `topout.models.transport.Transport`. `timeout_s` is how long a server may be silent (litellm's own default is 6000 s); `EXTRA_S`
    more is what the whole call may take, since a server that sends a blank now and then is never silent for long.

    `dropped` tells, by model, which parameters were asked for and left out because the model does not take them. With `logprobs`, each call asks
    for log probabilities too.
    """

    def __init__(self, addresses: Addresses | None = None, timeout_s: float = 60.0, logprobs: bool = False) -> None:
        self._addresses = addresses or Addresses()
        self._timeout_s = timeout_s
        self._extras: Mapping[str, Any] = {"logprobs": True} if logprobs else {}
        self._litellm: Any = None  # the module, once a call has left
        self._errors: tuple[type[Exception], ...] = ()
        self._embedded_is_registered = False
        self._habits: dict[str, _Habits] = {}
        self.dropped: dict[str, set[str]] = {}

    async def send(self, request: Request) -> Sent:
        model = request.model
        provider = model.partition("/")[0]
        if provider in _OWN_SERVERS and not self._addresses.of(model):
            example, variable = _OWN_SERVERS[provider], f"{provider.upper()}_API_BASE"
            return Refused("unreachable", f"{model}: no address of its server. Give --api-base {example}, or set {variable}.")
        litellm = self._litellm or self._import()
        habits = self._habits.get(model)
        if habits is None:
            habits = self._habits[model] = self._prepare(litellm, model)
        wanted = {**_parameters(request), **self._extras}
        messages = [{"role": message.role, "content": message.content} for message in request.messages]
        while True:
            taken = {name: value for name, value in wanted.items() if name not in habits.refused}
            if len(taken) < len(wanted):
                self.dropped.setdefault(model, set()).update(wanted.keys() - taken.keys())
            started = time.perf_counter()
            try:
                async with asyncio.timeout(self._timeout_s + EXTRA_S):
                    response = await litellm.acompletion(
                        model=model, messages=messages, max_tokens=request.max_output_tokens, **taken, **habits.arguments
                    )
            except TimeoutError:
                return Refused(
                    "outage", f"{model}: no whole answer within {self._timeout_s + EXTRA_S:g} s", retryable=True, lost=True
                )
            except self._errors as problem:
                complaints = unsupported_parameters(_status(problem), str(problem)) & taken.keys()
                if not complaints:
                    return self._refusal(model, problem)
                habits.refused.update(complaints)
                continue
            return _read(model, response, time.perf_counter() - started)

    async def aclose(self) -> None:
        """Close the clients that litellm made on this event loop, and take them out of its cache.

        litellm's own `close_litellm_async_clients` leaves in the cache what it has closed, so that the next run of the process would find every
        connection broken; and it closes clients of other loops too, which may be in use by whoever shares this process.
        """
        if self._litellm is None:
            return
        clients, ours = self._litellm.in_memory_llm_clients_cache, f"-{id(asyncio.get_running_loop())}"
        for key in [key for key in clients.cache_dict if key.endswith(ours)]:
            client = clients.cache_dict[key]
            clients.delete_cache(key)
            close = getattr(client, "close", None) or getattr(client, "aclose", None)
            with suppress(*self._errors):
                closing = close() if close is not None else None
                if isawaitable(closing):
                    await closing

    def _import(self) -> Any:
        """litellm, told before and after its import not to fetch prices, not to read a .env file and to keep quiet."""
        os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
        os.environ.setdefault("LITELLM_MODE", "PRODUCTION")
        os.environ.setdefault("LITELLM_LOG", "ERROR")
        collects = gc.isenabled()
        gc.disable()  # a fifth of the import's seconds is spent on looking for garbage among what stays
        try:
            import litellm
            import openai
        finally:
            if collects:
                gc.enable()

        litellm.suppress_debug_info = True
        litellm.telemetry = False
        litellm.disable_hf_tokenizer_download = True
        # all of litellm's errors are OpenAIErrors; the others are what its adapters let through on odd replies
        self._errors = (openai.OpenAIError, OSError, LookupError, ValueError, TypeError, AttributeError, ImportError, RuntimeError)
        self._litellm = litellm
        return litellm

    def _prepare(self, litellm: Any, model: str) -> _Habits:
        arguments: dict[str, Any] = {"num_retries": 0, "max_retries": 0, "timeout": self._timeout_s}
        if is_embedded(model):
            if not self._embedded_is_registered:
                from topout.models.embedded import provider

                provider.register()
                self._embedded_is_registered = True
            return _Habits(arguments, set())
        address = self._addresses.given(model)
        if address:
            arguments["api_base"] = address
        if self._addresses.of(model) and model.startswith("openai/") and not os.environ.get("OPENAI_API_KEY"):
            arguments["api_key"] = "none"  # the OpenAI client insists on a key, servers of one's own seldom do
        try:
            taken = litellm.get_supported_openai_params(model=model)
        except self._errors:
            taken = None  # the call itself will say what is wrong with the name
        return _Habits(arguments, set() if taken is None else {name for name in _OPTIONAL if name not in taken})

    def _refusal(self, model: str, problem: Exception) -> Refused:
        chain = _chain(problem)
        words = " | ".join(str(one) for one in chain)
        status = _status(problem)
        names = {type(one).__name__ for one in chain}
        kind, retryable = classify(status, words, names)
        lost = kind == "outage" and "HTTPStatusError" not in names  # a refusal with a status of its own is not billed
        said, hint = f" (HTTP {status}): {essence(str(problem))}" if status is not None else f": {essence(str(problem))}", ""
        match kind:
            case "auth":
                if key_is_missing(words):
                    said = ": no key for this provider."
                hint = self._which_key(model)
            case "not_found" if is_embedded(model):
                said = essence(str(problem)).removeprefix(model)
            case "not_found" if "/" not in model or "provider not provided" in words.lower():
                named = "no such provider" if model not in self._providers() else "a provider, and no model of it"
                said, hint = f": {named}.", self._which_name(model)
            case "not_found":
                hint = self._which_name(model)
            case "unreachable" if not retryable:
                said = f": {self._addresses.of(model)!r} is no address of a server. Write it like http://localhost:8000/v1."
            case "unreachable":
                address = self._addresses.of(model)
                said = f": no server answers at {address or 'the address of this provider'} ({essence(str(problem)).rstrip('.')})"
                hint = (
                    " Start it, or correct its address."
                    if address
                    else " Is this machine online? Behind a proxy set HTTPS_PROXY; a server of your own is named by --api-base."
                )
            case "outage" if "Expecting value: line 1 column 1 (char 0)" in words:
                said = f": what answers at {self._addresses.of(model) or 'the address of this provider'} replies with something else than JSON"
                hint = " Correct the address: most end in /v1."
            case _:
                pass
        message = one_line(f"{model}{said}", os.environ, limit=300 - len(hint))
        message += f"{'' if not hint or message.endswith('.') else '.'}{hint}"
        return Refused(kind, message, retryable, _retry_after_s(problem), status, lost=lost)

    def _providers(self) -> list[str]:
        return [str.__str__(one) for one in self._litellm.provider_list]  # enum members and plain text

    def _which_name(self, model: str) -> str:
        provider, known = model.partition("/")[0], self._providers()
        if provider in known and "/" in model:
            address = self._addresses.of(model)
            return (
                f" Check the name of the model: the server at {address} has none of that name."
                if address
                else " Check the name of the model."
            )
        near = did_you_mean(provider, known)
        near = near if near.startswith(" Did") and provider not in known else ""
        return (
            f"{near} A model is named PROVIDER/NAME, for example openai/gpt-4.1-mini, anthropic/claude-sonnet-4-5, "
            "ollama_chat/llama3.2, or openai/NAME with --api-base for a server of your own."
        )

    def _which_key(self, model: str) -> str:
        missing = self._litellm.validate_environment(model=model).get("missing_keys") or []
        if not missing:
            return " Check the key and what it may do."
        return (
            f" Set {missing[0]} in the environment." if len(missing) == 1 else f" Not set in the environment: {', '.join(missing)}."
        )


def _parameters(request: Request) -> dict[str, Any]:
    wanted: dict[str, Any] = {"temperature": request.temperature}
    if request.seed is not None:
        wanted["seed"] = request.seed
    if request.stop:
        wanted["stop"] = list(request.stop)
    if request.json_schema:
        schema = {"name": "answer", "schema": json.loads(request.json_schema), "strict": True}
        wanted["response_format"] = {"type": "json_schema", "json_schema": schema}
    return wanted


def _read(model: str, response: Any, latency_s: float) -> Sent:
    """A filter and an empty list of choices come as successes; a missing `usage` comes as zeros, and no prompt has zero tokens."""
    told = response.get("usage")
    usage = Usage(told.prompt_tokens, told.completion_tokens) if told is not None and told.prompt_tokens else Usage()
    if not response.choices:
        return Refused("empty", f"{model}: the reply has no choices", status=200, usage=usage)
    choice = response.choices[0]
    text, finish_reason = choice.message.content, choice.finish_reason or "stop"
    if finish_reason == "content_filter":
        return Refused("filtered", f"{model}: the provider's content filter withheld the answer", status=200, usage=usage)
    if text is None and finish_reason != "length":
        return Refused("empty", f"{model}: the reply has no content (finish reason {finish_reason})", status=200, usage=usage)
    return Delivered(text or "", finish_reason, usage, latency_s, bool(choice.get("logprobs")))


def _chain(problem: BaseException) -> list[BaseException]:
    """The exception and what led to it, the last first."""
    chain: list[BaseException] = []
    step: BaseException | None = problem
    while step is not None and len(chain) < 16:
        chain.append(step)
        step = step.__cause__ or step.__context__
    return chain


def _status(problem: Exception) -> int | None:
    """The HTTP status that litellm attached; foreign exceptions have none."""
    status = getattr(problem, "status_code", None)
    return status if isinstance(status, int) else None


def _retry_after_s(problem: Exception) -> float | None:
    """The Retry-After header in seconds: given as such, or as an HTTP date."""
    headers = getattr(problem, "litellm_response_headers", None)
    if headers is None:
        response = getattr(problem, "response", None)
        headers = getattr(response, "headers", None) or {}
    value = headers.get("retry-after")
    if value is None:
        return None
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except ValueError:
        return None
