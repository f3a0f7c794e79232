"""Prices by the model that was asked for; unknown is not zero."""

from __future__ import annotations

import pytest

from topout.domain import Usage
from topout.errors import UserError
from topout.models.addresses import Addresses
from topout.models.prices import Price, Prices, parse_price


@pytest.mark.parametrize("model", ["openai/gpt-4.1-mini", "gpt-4.1-mini", "azure/gpt-4.1-mini"])
def test_a_hosted_model_is_priced_with_or_without_its_provider(model: str) -> None:
    assert Prices().of(model) == Price(4e-7, 1.6e-6)


def test_a_million_tokens_in_and_out_cost_the_list_price() -> None:
    assert Prices().cost("openai/gpt-4.1-mini", Usage(1_000_000, 1_000_000)) == pytest.approx(2.0)
    assert Prices().cost("anthropic/claude-sonnet-4-5", Usage(1_000_000, 0)) == pytest.approx(3.0)


def test_the_price_of_another_provider_is_not_borrowed() -> None:
    assert Prices().of("nosuchprovider/gpt-4.1-mini") is None


def test_embedded_models_are_free_even_when_tokens_are_unknown() -> None:
    assert Prices().cost("embedded/reader", Usage()) == 0.0


@pytest.mark.parametrize("model", ["ollama_chat/llama3.2", "hosted_vllm/qwen", "lm_studio/x", "llamafile/x", "ollama/codellama"])
def test_servers_of_ones_own_have_no_known_price(model: str) -> None:
    assert Prices().of(model) is None
    assert Prices().cost(model, Usage(10, 5)) is None


@pytest.mark.parametrize("url", ["http://localhost:8000/v1", "http://127.0.0.1:1", "http://[::1]:80/v1", "http://0.0.0.0:8080"])
def test_a_famous_name_served_on_this_machine_has_no_known_price(url: str) -> None:
    assert Prices({}, Addresses(url)).of("openai/gpt-4.1-mini") is None
    assert Prices({}, Addresses(None, {"OPENAI_BASE_URL": url})).of("openai/gpt-4.1-mini") is None


def test_the_users_price_comes_first() -> None:
    model, price = parse_price("openai/gpt-4.1-mini=1,2.5")
    assert (model, price) == ("openai/gpt-4.1-mini", Price(1e-6, 2.5e-6))
    assert Prices({model: price}, Addresses("http://localhost:1")).cost(model, Usage(1_000_000, 1_000_000)) == pytest.approx(3.5)


def test_a_models_name_may_contain_an_equals_sign() -> None:
    assert parse_price("hosted_vllm/a=b=0,0") == ("hosted_vllm/a=b", Price(0.0, 0.0))


@pytest.mark.parametrize("text", ["", "x", "x=", "x=1", "x=1,2,3", "=1,2", "x=a,b", "x=-1,2", "x=nan,1", "x=inf,1"])
def test_a_price_that_is_none_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(UserError, match="expected MODEL=IN,OUT in dollars per million tokens"):
        parse_price(text)


def test_unknown_tokens_make_an_unknown_cost() -> None:
    assert Prices().cost("openai/gpt-4.1-mini", Usage(None, 5)) is None


def test_a_required_price_names_the_option_that_gives_it() -> None:
    with pytest.raises(UserError, match="no price known for 'ollama_chat/x': pass --price 'ollama_chat/x=IN,OUT'"):
        Prices().require("ollama_chat/x")


@pytest.mark.parametrize(
    ("model", "meant"), [("openai/gpt-4.1-mni", "openai/gpt-4.1-mini"), ("gemini/gemini-2.5-flahs", "gemini/gemini-2.5-flash")]
)
def test_a_slip_of_the_pen_in_a_model_s_name_is_seen_where_its_price_is_needed(model: str, meant: str) -> None:
    with pytest.raises(UserError, match=f"no price known for '{model}'.* or drop --max-cost. Did you mean '{meant}'\\?$"):
        Prices().require(model)
    with pytest.raises(UserError, match=r"or drop --max-cost$"):
        Prices().require("openai/our-own-thing")
