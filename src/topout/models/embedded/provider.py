"""The embedded models as a litellm provider: `embedded/reader`, `embedded/reader-small`, `embedded/critic`.

litellm is imported inside `register`, never when this module is imported.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from typing import Any, Final

from topout.models.embedded.core import CONTEXT_TOKENS, MODELS, Answer, ContextTooLong, UnknownModel, answer

__all__ = ["PROVIDER", "register"]

PROVIDER: Final = "embedded"
LATENCY_VARIABLE: Final = "TOPOUT_EMBEDDED_LATENCY_MS"


def _delay_s(options: Mapping[str, Any]) -> float:
    """Seconds to wait before the answer: the call's `latency_ms`, else the environment's, else 0. For trying out slow models."""
    value = options.get("latency_ms", os.environ.get(LATENCY_VARIABLE, 0))
    return max(0.0, float(value)) / 1000


def _answers(model: str, messages: Sequence[Mapping[str, object]], options: Mapping[str, Any]) -> list[Answer]:
    import litellm

    stop = options.get("stop") or ()
    try:
        return answer(
            model,
            messages,
            temperature=float(options.get("temperature") or 0.0),
            seed=options.get("seed"),
            max_tokens=options.get("max_tokens") or options.get("max_completion_tokens"),
            n=int(options.get("n") or 1),
            response_format=options.get("response_format"),
            stop=(stop,) if isinstance(stop, str) else tuple(stop),
        )
    except UnknownModel as error:
        raise litellm.NotFoundError(message=str(error), model=model, llm_provider=PROVIDER) from error
    except ContextTooLong as error:
        raise litellm.ContextWindowExceededError(message=str(error), model=model, llm_provider=PROVIDER) from error


def _usage(answers: Sequence[Answer]) -> dict[str, int]:
    prompt, output = answers[0].prompt_tokens, sum(one.output_tokens for one in answers)
    return {"prompt_tokens": prompt, "completion_tokens": output, "total_tokens": prompt + output}


def register() -> None:
    """Make `embedded/*` known to litellm, with prices of 0. Calling it again changes nothing."""
    import litellm

    if any(item["provider"] == PROVIDER for item in litellm.custom_provider_map):
        return

    def filled(response: Any, model: str, answers: Sequence[Answer]) -> Any:
        response.choices = [
            litellm.Choices(index=i, finish_reason=one.finish_reason, message=litellm.Message(role="assistant", content=one.text))
            for i, one in enumerate(answers)
        ]
        response.usage = litellm.Usage(**_usage(answers))
        response.model = f"{PROVIDER}/{model}"
        response.created = int(time.time())
        return response

    def chunks(answers: Sequence[Answer]) -> Iterator[dict[str, Any]]:
        for i, one in enumerate(answers):
            last = i == len(answers) - 1
            yield {
                "text": one.text,
                "is_finished": last,
                "finish_reason": one.finish_reason if last else "",
                "index": i,
                "tool_use": None,
                "usage": _usage(answers) if last else None,
            }

    class Embedded(litellm.CustomLLM):  # type: ignore[misc]
        """The bridge: litellm's arguments in, its response types out."""

        def completion(self, *_: Any, model: str, messages: list[Any], model_response: Any, optional_params: Any, **__: Any) -> Any:
            time.sleep(_delay_s(optional_params))
            return filled(model_response, model, _answers(model, messages, optional_params))

        async def acompletion(
            self, *_: Any, model: str, messages: list[Any], model_response: Any, optional_params: Any, **__: Any
        ) -> Any:
            await asyncio.sleep(_delay_s(optional_params))
            return filled(model_response, model, _answers(model, messages, optional_params))

        def streaming(self, *_: Any, model: str, messages: list[Any], optional_params: Any, **__: Any) -> Iterator[Any]:
            time.sleep(_delay_s(optional_params))
            yield from chunks(_answers(model, messages, {**optional_params, "n": 1}))

        async def astreaming(self, *_: Any, model: str, messages: list[Any], optional_params: Any, **__: Any) -> AsyncIterator[Any]:
            await asyncio.sleep(_delay_s(optional_params))
            for chunk in chunks(_answers(model, messages, {**optional_params, "n": 1})):
                yield chunk

    litellm.custom_provider_map = [*litellm.custom_provider_map, {"provider": PROVIDER, "custom_handler": Embedded()}]
    litellm.utils.custom_llm_setup()
    litellm.register_model(
        {
            f"{PROVIDER}/{name}": {
                "max_tokens": CONTEXT_TOKENS,
                "max_input_tokens": CONTEXT_TOKENS,
                "max_output_tokens": CONTEXT_TOKENS,
                "input_cost_per_token": 0.0,
                "output_cost_per_token": 0.0,
                "cache_creation_input_token_cost": 0.0,
                "cache_read_input_token_cost": 0.0,
                "litellm_provider": PROVIDER,
                "mode": "chat",
            }
            for name in MODELS
        }
    )
