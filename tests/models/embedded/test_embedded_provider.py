"""The embedded models through litellm, as any other model."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest

from topout.models.embedded import CONTEXT_TOKENS, answer
from topout.models.embedded.provider import register
from topout.models.embedded.tokens import count_tokens, cut

MESSAGES: list[dict[str, Any]] = [
    {
        "role": "system",
        "content": "Labels:\n- red_door: a door that is red\n- tall_gate: a gate that is tall\nAnswer with the label only.",
    },
    {"role": "user", "content": "the tall gate"},
]


@pytest.fixture(scope="module")
def litellm() -> Iterator[Any]:
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    os.environ.setdefault("LITELLM_MODE", "PRODUCTION")
    import litellm as module

    module.suppress_debug_info = True
    register()
    yield module


def test_importing_the_package_imports_no_litellm() -> None:
    code = "import sys, topout.models.embedded.provider; sys.exit('litellm' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_completion_has_text_model_and_usage(litellm: Any) -> None:
    found = litellm.completion(model="embedded/reader", messages=MESSAGES)
    assert found.choices[0].message.content == "tall_gate"
    assert found.choices[0].finish_reason == "stop"
    assert found.usage.prompt_tokens == answer("reader", MESSAGES)[0].prompt_tokens
    assert found.usage.completion_tokens == 3
    assert litellm.completion_cost(found) == 0.0


def test_registering_twice_changes_nothing(litellm: Any) -> None:
    before = list(litellm.custom_provider_map)
    register()
    assert litellm.custom_provider_map == before
    assert litellm.get_model_info("embedded/reader")["max_input_tokens"] == 32768
    assert litellm.get_model_info("embedded/critic")["input_cost_per_token"] == 0.0


def test_n_gives_n_choices(litellm: Any) -> None:
    found = asyncio.run(litellm.acompletion(model="embedded/reader", messages=MESSAGES, n=3, temperature=1.0, seed=4))
    assert [choice.index for choice in found.choices] == [0, 1, 2]
    assert {choice.message.content for choice in found.choices} <= {"red_door", "tall_gate"}
    assert found.usage.completion_tokens == sum(count_tokens(c.message.content) for c in found.choices)


def test_streaming_gives_the_text_in_one_chunk(litellm: Any) -> None:
    async def read() -> list[str]:
        stream = await litellm.acompletion(model="embedded/reader", messages=MESSAGES, stream=True)
        return [chunk.choices[0].delta.content async for chunk in stream if chunk.choices[0].delta.content]

    assert asyncio.run(read()) == ["tall_gate"]
    parts = list(litellm.completion(model="embedded/reader", messages=MESSAGES, stream=True))
    assert [p.choices[0].delta.content for p in parts if p.choices[0].delta.content] == ["tall_gate"]
    assert parts[-1].choices[0].finish_reason == "stop"


def test_an_unknown_name_is_a_404_with_the_valid_names(litellm: Any) -> None:
    with pytest.raises(litellm.NotFoundError, match="embedded/reader, embedded/reader-small, embedded/critic") as caught:
        litellm.completion(model="embedded/raeder", messages=MESSAGES)
    assert caught.value.status_code == 404
    with pytest.raises(litellm.NotFoundError, match="no such embedded model"):
        asyncio.run(litellm.acompletion(model="embedded/raeder", messages=MESSAGES))


def test_a_prompt_beyond_the_window_is_refused(litellm: Any) -> None:
    long = [{"role": "user", "content": "word " * (CONTEXT_TOKENS + 1)}]
    with pytest.raises(litellm.ContextWindowExceededError, match="32768"):
        asyncio.run(litellm.acompletion(model="embedded/reader", messages=long))


def test_max_tokens_cuts_and_says_so(litellm: Any) -> None:
    found = litellm.completion(model="embedded/reader", messages=MESSAGES, max_tokens=2)
    assert (found.choices[0].message.content, found.choices[0].finish_reason) == ("tall_", "length")
    assert found.usage.completion_tokens == 2


def test_stop_sequences_end_the_answer(litellm: Any) -> None:
    assert litellm.completion(model="embedded/reader", messages=MESSAGES, stop=["_g"]).choices[0].message.content == "tall"


def test_forced_json_arrives_through_litellm(litellm: Any) -> None:
    found = litellm.completion(model="embedded/reader", messages=MESSAGES, response_format={"type": "json_object"})
    assert found.choices[0].message.content == '{"label": "tall_gate"}'


def test_latency_can_be_asked_for(litellm: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async def both() -> float:
        start = time.monotonic()
        await asyncio.gather(*(litellm.acompletion(model="embedded/reader", messages=MESSAGES, latency_ms=150) for _ in range(4)))
        return time.monotonic() - start

    assert 0.15 <= asyncio.run(both()) < 0.55
    monkeypatch.setenv("TOPOUT_EMBEDDED_LATENCY_MS", "60")
    start = time.monotonic()
    litellm.completion(model="embedded/reader", messages=MESSAGES)
    assert time.monotonic() - start >= 0.06


def test_tokens_are_counted_in_pieces_and_cut_at_them() -> None:
    assert count_tokens("") == 0
    assert count_tokens("Where is my parcel?") == 5
    assert count_tokens("order 123456, please") == 5
    assert cut("Where is my parcel?", 2) == ("Where is", True)
    assert cut("Where is my parcel?", 9) == ("Where is my parcel?", False)
