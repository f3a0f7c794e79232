"""Genes of a prompt on their way out: what a plain prompt can say in its own words is said there, and what it cannot is told."""

from __future__ import annotations

import json
from dataclasses import replace

from topout.contracts import Offer
from topout.domain import Candidate, Json, Prompt
from topout.errors import UserError
from topout.report.findings import Findings
from topout.text.fingerprints import prompt_id
from topout.text.genes import AnswerForm, plain, reply_schema, switched

__all__ = ["bare", "direct", "form_of", "left_behind", "offered", "worded"]

SCORE = "The held-out score was measured with them, so it does not hold for what is exported, and no alias moves to it unforced."


def form_of(f: Findings) -> AnswerForm:
    """What an answer of the run's task looks like."""
    manifest = f.started.manifest
    labels, asked = manifest.get("labels"), manifest.get("asked")
    schema = asked.get("output_schema") if isinstance(asked, dict) else None
    scorer = manifest.get("scorer")
    known = tuple(str(label) for label in labels) if isinstance(labels, list) and scorer == "label" else ()
    return AnswerForm(known, scorer == "numeric", schema if isinstance(schema, dict) else None)


def bare(f: Findings, chosen: Candidate) -> Candidate:
    """The candidate without votes and retrieval: another prompt, with scores of its own if the run measured it."""
    prompt = replace(chosen.prompt, votes=1, retrieved=0)
    name = prompt_id(prompt)
    return chosen if prompt == chosen.prompt else f.candidates.get(name, Candidate(name, prompt))


def worded(prompt: Prompt, form: AnswerForm) -> Prompt:
    """The prompt as a text that asks the same of a model."""
    return plain(prompt, form)


def offered(offer: Offer, form: AnswerForm) -> Offer:
    """The offer with its prompt as a plain text, and with the JSON schema that its replies have to fit."""
    schema: Json = json.loads(reply_schema(offer.prompt, form) or "null")
    prompt = worded(offer.prompt, form)
    return replace(offer, prompt=prompt, output_schema=schema if isinstance(schema, dict) else offer.output_schema)


def left_behind(prompt: Prompt) -> tuple[str, ...]:
    """What whoever calls the exported prompt has to do, a sentence each."""
    found: list[str] = []
    if prompt.answer_format == "json":
        where = 'its field "answer" holds the answer' if prompt.reasoning == "think" else "it holds the answer"
        found.append(f"The reply is a JSON object, and {where}: ask for structured output where the provider has it, and parse it.")
    elif prompt.reasoning == "think":
        found.append("The reply begins with reasoning: the answer is what follows `Answer:` on its last line.")
    lost = [name for name, on in (("votes", prompt.votes > 1), ("retrieved demos", prompt.retrieved > 0)) if on]
    if prompt.votes > 1:
        found.append(
            f"Votes are not carried: draw {prompt.votes} answers at a temperature above 0 and take the one that most agree on."
        )
    if prompt.retrieved:
        found.append(
            f"Retrieval is not carried: show the {prompt.retrieved} train examples most like the input as further demos, the nearest last."
        )
    return (*found, SCORE) if lost else tuple(found)


def direct(prompt: Prompt, target: str) -> tuple[Prompt, tuple[str, ...]]:
    """The prompt for a hand-off, where the reply is the answer. Raises UserError when a test runner would take reasoning or JSON for the answer."""
    genes = switched(prompt)
    if target == "promptfoo" and {"reasoning", "answer_format"} & genes.keys():
        raise UserError(
            "promptfoo compares whole replies, and this prompt's answer has to be taken out of its reply. Choose another --candidate, or a prompt "
            "without prompt.toml."
        )
    changed = replace(prompt, reasoning="direct", answer_format="plain", votes=1, retrieved=0)
    names = ", ".join(genes)
    return changed, (f"Left out, as the reply has to be the answer itself: {names} (prompt.toml).",) if genes else ()
