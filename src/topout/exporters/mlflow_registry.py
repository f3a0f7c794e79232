"""The MLflow Prompt Registry: a tracking server, or a database file in this process.

A prompt that is one user part becomes a text prompt, all others a chat. What topout knows of it travels in the tags `topout.provenance`,
`topout.rows` (held-out scores under hashed ids) and `topout.prompt` (names of parts, what is frozen, demos' inputs; only where the template does not tell).

MLflow has two template languages and takes Jinja2 wherever a message holds `{%` and `%}`. Its plain one replaces `{{field}}` field by field, so that what a
value holds is read again, and it fills demos too. So it is used only where it cannot go wrong (one field, no look-alikes); everything else is
written as Jinja2, with literal braces quoted, which fills in one pass. What is published was rendered by MLflow itself before, and compared with ours.
"""

from __future__ import annotations

import json
import logging
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from topout.contracts import Carried, Offer, Registered
from topout.domain import Json, Message, Prompt
from topout.errors import UserError
from topout.exporters.comparing import record_of
from topout.exporters.http_errors import LONGEST_WAIT_S, no_answer, no_json, refused, without_credentials
from topout.exporters.prompt_json import prompt_from_json, prompt_json
from topout.exporters.provenance import encoded, headline
from topout.exporters.turns import check_fields, turns, vanishing
from topout.text.rendering import placeholders, render
from topout.text.templates import from_chat

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import PromptVersion

__all__ = ["MlflowRegistry", "connect"]

Template = str | list[dict[str, str]]

LONGEST_TAG = 100_000
"""Characters of a tag's value; the prompt is one too (MAX_MODEL_REGISTRY_TAG_VALUE_LENGTH in mlflow/utils/validation.py)."""
SCHEMES = ("http", "https", "sqlite", "postgresql", "mysql", "mssql", "databricks", "databricks-uc")
FIELD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
TAKEN = (
    "self",
    "allow_partial",
    "use_jinja_sandbox",
    "true",
    "false",
    "none",
    "and",
    "or",
    "not",
    "in",
    "is",
    "if",
    "else",
    "loop",
)
ALIAS = re.compile(r"[A-Za-z0-9_-]+")
LOGIN = re.compile(r"//[^/@\s]+@")
KEY = "MLFLOW_TRACKING_TOKEN, or MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD"
DURING = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": str(LONGEST_WAIT_S),
    "MLFLOW_DISABLE_TELEMETRY": "true",
}
"""MLflow's own settings, so that a dead server is told in seconds (its default is minutes), and nobody else is."""
PROVENANCE, ROWS, PROMPT = "topout.provenance", "topout.rows", "topout.prompt"


def connect(uri: str) -> MlflowRegistry:
    """The registry at an address; '' for MLFLOW_REGISTRY_URI, MLFLOW_TRACKING_URI, or else the file mlflow.db here, which is MLflow's own default."""
    address = uri or os.environ.get("MLFLOW_REGISTRY_URI") or os.environ.get("MLFLOW_TRACKING_URI") or "sqlite:///mlflow.db"
    scheme = address.partition(":")[0].partition("+")[0]
    if ("://" not in address and scheme not in ("databricks", "databricks-uc")) or scheme not in SCHEMES:
        raise UserError(
            f"--uri {without_credentials(address)}: not the address of an MLflow server. Write it as http://localhost:5000 or sqlite:///mlflow.db."
        )
    with settings():
        try:
            import mlflow.entities.model_registry
            import mlflow.tracking  # noqa: F401
            import sqlalchemy  # noqa: F401
        except ImportError as error:
            raise UserError("MLflow is not installed here. Install it with: pip install 'topout[mlflow]'") from error
    return MlflowRegistry(address)


class MlflowRegistry:
    """Prompts on one server. Its messages name the address without credentials."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._where = without_credentials(address)

    def carries(self, offer: Offer) -> Carried:
        if not ALIAS.fullmatch(offer.alias or "-") or offer.alias == "latest" or re.fullmatch(r"[vV]\d+", offer.alias):
            raise UserError(
                f"--alias {offer.alias}: MLflow takes letters, digits, '-' and '_', not 'latest' and not 'v1'. For example 'production'."
            )
        template, jinja = self._template(offer)
        size = len(template if isinstance(template, str) else json.dumps(template))
        if size > LONGEST_TAG:
            raise UserError(
                f"MLflow takes prompts of {LONGEST_TAG:,} characters at most, and this one has {size:,}. "
                "Export a candidate with fewer demos (--candidate ID), or --to registry."
            )
        warnings = vanishing(turns(offer.prompt, offer.fields))
        if jinja:
            warnings += (
                "Written as a Jinja2 template, which MLflow fills in one pass: whoever loads it needs jinja2, and a field that is not given comes out empty.",
            )
        record = record_of(offer)
        if len(compact(record["rows"])) > LONGEST_TAG:
            warnings += ("The held-out scores by row do not fit into a tag of MLflow: later prompts are compared by intervals.",)
        if self._whole(offer, template) is not None:
            return Carried(offer.prompt, warnings)
        try:
            return Carried(
                read_template(template), (*warnings, "Names of parts and what is frozen do not fit into a tag of MLflow.")
            )
        except ValueError as error:
            raise UserError(
                "the prompt is too large for MLflow, which has to hold it twice. Export it with --to registry."
            ) from error

    def find(self, name: str, pointer: str) -> Registered | None:
        if self._nothing_yet():
            return None
        with self._asking() as client:
            try:
                found = (
                    client.get_prompt_version(name, pointer)
                    if pointer.isdigit()
                    else client.get_prompt_version_by_alias(name, pointer)
                )
            except Exception as error:
                if missing(error):
                    return None
                raise
        return None if found is None else registered(found)

    def versions(self, name: str, most: int) -> Sequence[Registered]:
        if self._nothing_yet():
            return []
        with self._asking() as client:
            try:
                found = client.search_prompt_versions(name, max_results=most)
            except Exception as error:
                if missing(error):
                    return []
                raise
        return [registered(one) for one in found]

    def publish(self, offer: Offer, record: Mapping[str, Json]) -> str:
        template, _ = self._template(offer)
        tags = {PROVENANCE: compact({key: value for key, value in record.items() if key != "rows"})}
        rows, whole = compact(record.get("rows", {})), self._whole(offer, template)
        if len(rows) <= LONGEST_TAG:
            tags[ROWS] = rows
        if whole:
            tags[PROMPT] = whole
        with self._asking() as client:
            made = client.register_prompt(
                offer.name,
                template,
                commit_message=headline(offer.provenance),
                tags=dict(tags),
                response_format=dict(offer.output_schema) if offer.output_schema else None,
                model_config=model_settings(offer),
            )
            for tag in tags:  # MLflow copies them to the prompt as a whole, where they are true of no version in particular
                with suppress(Exception):
                    client.delete_prompt_tag(offer.name, tag)
        return str(made.version)

    def point(self, name: str, alias: str, version: str) -> None:
        with self._asking() as client:
            client.set_prompt_alias(name, alias, int(version))

    def dataset(self, name: str) -> list[dict[str, Json]] | None:
        """The records of an evaluation dataset (`inputs`, `expectations`, `outputs`, `dataset_record_id`), None when there is none of that name."""
        if self._nothing_yet():
            return None
        with self._asking() as client, at(self._address):
            found = client.search_datasets(filter_string=f"name = '{name}'", max_results=1)
            return (
                [
                    {
                        "inputs": dict(record.inputs),
                        "expectations": dict(record.expectations or {}),
                        "outputs": record.outputs,
                        "dataset_record_id": record.dataset_record_id,
                    }
                    for one in found
                    for record in one.records
                ]
                if found
                else None
            )

    def address(self, name: str, pointer: str) -> str:
        return f"prompts:/{name}{'/' if pointer.isdigit() else '@'}{pointer} at {self._where}"

    @contextmanager
    def _asking(self) -> Iterator[MlflowClient]:
        """A client; what MLflow raises inside becomes a UserError."""
        from mlflow import MlflowClient
        from mlflow.exceptions import MlflowException
        from sqlalchemy.exc import SQLAlchemyError

        with settings():
            try:
                yield MlflowClient(tracking_uri=self._address, registry_uri=self._address)
            except MlflowException as error:
                raise told(self._where, error) from error
            except (OSError, ImportError, ValueError, SQLAlchemyError) as error:
                reason = LOGIN.sub("//", str(error)).split("\n")[0][:200]
                raise UserError(f"{self._where}: {reason}. Check the address (--uri).") from error

    def _nothing_yet(self) -> bool:
        """Whether the database file is still to be made, which looking into it would do."""
        file = self._address.removeprefix("sqlite:///").partition("?")[0]
        return file != self._address and not Path(file).exists()

    def _template(self, offer: Offer) -> tuple[Template, bool]:
        """The template, and whether it is Jinja2. Raises UserError when MLflow renders neither as topout does."""
        check_fields(offer.fields, FIELD, TAKEN, "MLflow")
        found = turns(offer.prompt, offer.fields)
        encoded("".join(piece for _, pieces in found for piece in pieces))
        plain, quoted = both(found)
        for template in (plain, quoted) if len(offer.fields) == 1 else (quoted,):
            if renders(template, offer.prompt, offer.fields):
                return template, template is quoted
        raise UserError("MLflow does not fill this prompt as it was measured. Export it with --to registry or --to messages.")

    def _whole(self, offer: Offer, template: Template) -> str | None:
        """The prompt's JSON: '' where the template tells all of it, None where it does not and there is no room."""
        bare = Prompt(offer.prompt.components, tuple(type(d)(d.inputs, d.output) for d in offer.prompt.demos))
        with suppress(ValueError):
            if read_template(template) == bare:
                return ""
        text = prompt_json(bare)
        return text if len(text) <= LONGEST_TAG else None


def both(found: Sequence[tuple[str, Sequence[str]]]) -> tuple[Template, Template]:
    """Plain and as Jinja2; one user message alone is a text."""
    last = len(found) - 1
    plain = [{"role": role, "content": plainly(pieces)} for role, pieces in found]
    quoted = [{"role": role, "content": quoting(pieces, i == last)} for i, (role, pieces) in enumerate(found)]
    return (plain, quoted) if last else (plain[0]["content"], quoted[0]["content"])


def plainly(pieces: Sequence[str]) -> str:
    return "".join(f"{{{{{piece}}}}}" if i % 2 else piece for i, piece in enumerate(pieces))


def quoting(pieces: Sequence[str], last: bool) -> str:
    """As Jinja2: opening braces and carriage returns of the text are string constants. An empty raw block at the end of the last message marks the
    template as Jinja2 for MLflow, and at the end of others keeps a line end that Jinja2 would take off."""
    text = "".join(
        f"{{{{ {piece} }}}}" if i % 2 else re.sub(r"\{+|\r+", lambda m: "{{ '" + m[0].replace("\r", "\\r") + "' }}", piece)
        for i, piece in enumerate(pieces)
    )
    return text + ("{% raw %}{% endraw %}" if last or text.endswith("\n") else "")


def renders(template: Template, prompt: Prompt, fields: Sequence[str]) -> bool:
    """Whether MLflow fills the template as topout fills the prompt: tried with values that name no field, and with values that do."""
    from mlflow.entities.model_registry import PromptVersion

    version = PromptVersion("prompt", 1, template)
    for value in ("\u2063{}\u2063", "{{{{{}}}}} {{% \\1 {{{{ {} }}}}"):
        inputs = {name: value.format(name, name) for name in fields}
        try:
            filled: Any = version.format(**inputs)
        except Exception:  # noqa: BLE001 the template's language is not ours: whatever it raises, it does not render
            return False
        expected = [{"role": m.role, "content": m.content} for m in render(prompt, inputs)]
        if (filled if isinstance(filled, list) else [{"role": "user", "content": filled}]) != expected:
            return False
    return True


def registered(found: PromptVersion) -> Registered:
    """A version of the registry, whoever wrote it."""
    tags = {str(key): str(value) for key, value in found.tags.items()}
    record, rows = document(tags.get(PROVENANCE, "")), document(tags.get(ROWS, ""))
    if record:
        record = {**record, "rows": rows}
    template: Any = found.template
    version = str(found.version)
    whole = prompt_from_json(tags.get(PROMPT, ""))
    if whole is not None and writes(whole, template):
        return Registered(version, whole, record)
    try:
        return Registered(version, read_template(template), record)
    except ValueError as error:
        return Registered(version, None, record, str(error))


def writes(prompt: Prompt, template: Template) -> bool:
    """Whether a prompt is what a template was written from, so that nobody's edit of the one is lost behind the other."""
    fields = tuple({name for c in prompt.components for name in placeholders(c.text)})
    try:
        return template in both(turns(prompt, fields))
    except KeyError:
        return False


def read_template(template: object) -> Prompt:
    """The prompt that a template of MLflow's renders. Raises ValueError with the reason when topout has no such prompt."""
    messages: list[Message] = []
    for one in (
        [{"role": "user", "content": template}] if isinstance(template, str) else template if isinstance(template, list) else []
    ):
        match one:
            case {"role": "system" | "user" | "assistant" as role, "content": str(text)}:
                if "{%" in text and "%}" in text:
                    raise ValueError("it is a Jinja2 template ({% ... %}) that topout did not write")
                messages.append(Message(role, text))
            case _:
                raise ValueError("a message of it is no plain text of system, user or assistant")
    return from_chat(messages)


def model_settings(offer: Offer) -> dict[str, str | int | float]:
    """How the task model was asked when the held-out score was measured."""
    provider, _, model = offer.provenance.model.rpartition("/")
    known = {
        "provider": provider or None,
        "model_name": model,
        "temperature": offer.temperature,
        "max_tokens": offer.max_output_tokens,
    }
    return {name: value for name, value in known.items() if value is not None}


def compact(document: Json | Mapping[str, Json]) -> str:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))


def document(text: str) -> dict[str, Json]:
    """A JSON object out of a tag, empty for anything else."""
    try:
        found: Json = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


@contextmanager
def settings() -> Iterator[None]:
    """MLflow's settings as we need them, and its chatter off; both as they were afterwards."""
    before = {name: os.environ.get(name) for name in DURING}
    logger = logging.getLogger("mlflow")
    level = logger.level
    os.environ.update(DURING)
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextmanager
def at(address: str) -> Iterator[None]:
    """MLflow's process-wide address, by which a dataset fetches its own records; as it was afterwards."""
    import mlflow

    was_set, before, environ = mlflow.is_tracking_uri_set(), mlflow.get_tracking_uri(), os.environ.get("MLFLOW_TRACKING_URI")
    mlflow.set_tracking_uri(address)
    try:
        yield
    finally:
        mlflow.set_tracking_uri(before if was_set else None)
        if environ is None:
            os.environ.pop("MLFLOW_TRACKING_URI", None)
        else:
            os.environ["MLFLOW_TRACKING_URI"] = environ


def missing(error: Exception) -> bool:
    """Whether MLflow says that there is no such prompt, version or alias (which has a code of its own in each store)."""
    from mlflow.exceptions import MlflowException

    if not isinstance(error, MlflowException):
        return False
    if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "NOT_FOUND"):
        return True
    return error.error_code == "INVALID_PARAMETER_VALUE" and re.search(r"alias .* not found", str(error), re.IGNORECASE) is not None


def told(where: str, error: Exception) -> UserError:
    """What MLflow raised, for a person."""
    from mlflow.exceptions import MlflowException
    from requests.exceptions import ConnectionError as NoConnection
    from requests.exceptions import Timeout

    chain = [error]
    while (before := chain[-1].__cause__ or chain[-1].__context__) is not None and isinstance(before, Exception):
        chain.append(before)
    said = LOGIN.sub("//", str(error))
    if "not supported with the current registry" in said:
        return UserError(
            f"{where}: this registry of Databricks has no prompts. Use Unity Catalog (--uri databricks-uc), or another server."
        )
    if any(isinstance(one, Timeout) for one in chain) or "timed out" in said:
        return no_answer(where, hangs=True)
    if "was not in a valid JSON format" in said:
        return no_json(where)
    if status := re.search(r"too many (\d{3}) error responses|failed with error code (\d{3}) ", said):
        return refused(where, int(status[1] or status[2]), KEY)
    if any(isinstance(one, NoConnection) for one in chain):
        return no_answer(where, hangs=False)
    if "model and a prompt" in said or "as a model, not a prompt" in said or "exists with the same name" in said:
        return UserError(f"{where}: a model has that name already, and MLflow has one list for both. Choose another with --name.")
    if isinstance(error, MlflowException):
        secrets = (os.environ.get(name, "") for name in ("MLFLOW_TRACKING_TOKEN", "MLFLOW_TRACKING_PASSWORD"))
        return refused(where, error.get_http_status_code(), KEY, said, secrets)
    return UserError(f"{where}: {type(error).__name__}: {' '.join(said.split())[:200]}. Check the address (--uri).")
