"""`topout models ping`."""

from __future__ import annotations

from typing import Annotated

import typer

from topout.cli.options import ApiBase, AsJson, Prices
from topout.cli.output import print_json, say

__all__ = ["models"]

models = typer.Typer(add_completion=False, rich_markup_mode=None, no_args_is_help=True)


@models.callback()
def about() -> None:
    """Look at a model before a run uses it."""


@models.command()
def ping(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="As litellm names it: openai/gpt-4.1-mini, ollama_chat/llama3.2.")],
    api_base: ApiBase = None,
    concurrency: Annotated[
        int,
        typer.Option(min=1, max=256, metavar="N", help="Also try 2, 4, ... up to N calls at once (fewer than 2N calls in all)."),
    ] = 1,
    price: Prices = None,
    max_cost: Annotated[float | None, typer.Option(min=0, metavar="DOLLARS", help="Send nothing if it could cost more.")] = None,
    timeout: Annotated[float, typer.Option(min=0.1, metavar="SECONDS", help="Longest wait for a reply.")] = 60.0,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what it would cost, and send nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Ask a model one short question: is it there, how fast, what does it take, is its price known.

    The price is told on stderr before anything is sent. One call asks for a JSON schema, a seed and log probabilities at once; where that is refused, one
    more asks without them. Nothing is cached. Exits with 2 for a wrong name, key or address, with 3 when the provider does not answer.
    """
    from topout.app.pinging import ping_model
    from topout.report.pinged import forecast_line, pinged, pinged_document
    from topout.report.words import safe_text

    found = ping_model(
        model,
        api_base=api_base,
        prices=tuple(price or ()),
        concurrency=concurrency,
        max_cost=max_cost,
        timeout=timeout,
        dry_run=dry_run,
        tell=lambda forecast: typer.echo(safe_text(forecast_line(forecast), 400), err=True),
    )
    if as_json:
        print_json(pinged_document(found))
    else:
        say(pinged(found))
