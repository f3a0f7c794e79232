"""Langfuse's prompt API as its SDK describes it, in this process: Langfuse itself cannot be started from a Python package.

Real HTTP on loopback. What arrives is validated by the SDK's own models and what goes out is made of them, so that a request which the SDK would not make is
refused with 400, as the real server does. It stands in for the server and for nothing else.
"""

from __future__ import annotations

import base64
import json
import secrets
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, unquote, urlsplit

__all__ = ["LangfuseStub"]

PROMPTS = "/api/public/v2/prompts"
ITEMS = "/api/public/dataset-items"


class LangfuseStub:
    """A server with one project. Use it in a `with` block; `url`, `public_key` and `secret_key` reach it, `seen` holds what arrived."""

    def __init__(self) -> None:
        self.public_key = f"pk-lf-{secrets.token_hex(8)}"  # the SDK keeps one client a key
        self.secret_key = f"sk-lf-{secrets.token_hex(8)}"
        self.prompts: dict[str, list[dict[str, Any]]] = {}
        self.datasets: dict[str, list[dict[str, Any]]] = {}
        self.seen: list[tuple[str, str, Any]] = []
        stub = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, format: str, *args: object) -> None:
                """Nothing on the terminal."""

            def do_GET(self) -> None:
                self.answer("GET")

            def do_POST(self) -> None:
                self.answer("POST")

            def do_PATCH(self) -> None:
                self.answer("PATCH")

            def answer(self, method: str) -> None:
                size = int(self.headers.get("content-length") or 0)
                body = json.loads(self.rfile.read(size)) if size else None
                status, found = stub.serve(method, self.path, body, self.headers.get("authorization") or "")
                data = json.dumps(found).encode()
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def serve(self, method: str, target: str, body: Any, authorization: str) -> tuple[int, Any]:
        """Status and document for a request."""
        expected = base64.b64encode(f"{self.public_key}:{self.secret_key}".encode()).decode()
        if authorization != f"Basic {expected}":
            return 401, {"message": "Invalid credentials"}
        parts = urlsplit(target)
        self.seen.append((method, parts.path, body))
        asked = {key: values[0] for key, values in parse_qs(parts.query).items()}
        if parts.path == ITEMS:
            return self.items(asked) if method == "GET" else self.add_item(body)
        rest = [unquote(part) for part in parts.path.removeprefix(PROMPTS).split("/") if part]
        match (method, rest):
            case ("POST", []):
                return self.create(body)
            case ("GET", []):
                return self.listed(asked.get("name"))
            case ("GET", [name]):
                return self.one(name, asked)
            case ("PATCH", [name, "versions", version]):
                return self.label(name, int(version), body)
        return 404, {"message": "Not Found", "error": "LangfuseNotFoundError"}

    def add_item(self, body: Any) -> tuple[int, Any]:
        """An item, as `langfuse.create_dataset_item` sends it."""
        from langfuse.api import CreateDatasetItemRequest
        from langfuse.api.core.pydantic_utilities import parse_obj_as  # knows the names on the wire, which plain pydantic does not
        from pydantic import ValidationError

        try:
            parse_obj_as(CreateDatasetItemRequest, body)
        except ValidationError as error:
            return 400, {"message": "Invalid request data", "error": json.loads(error.json(include_url=False))}
        kept = self.datasets.setdefault(body["datasetName"], [])
        made = {
            "id": body.get("id") or secrets.token_hex(8),
            "status": body.get("status") or "ACTIVE",
            "input": body.get("input"),
            "expectedOutput": body.get("expectedOutput"),
            "metadata": body.get("metadata"),
            "datasetId": f"id-of-{body['datasetName']}",
            "datasetName": body["datasetName"],
            "createdAt": "2026-01-01T00:00:00Z",
            "updatedAt": "2026-01-01T00:00:00Z",
            "mediaReferences": [],
        }
        kept.append(made)
        return 200, made

    def items(self, asked: dict[str, str]) -> tuple[int, Any]:
        """A page of a dataset's items, which the SDK's model reads."""
        from langfuse.api import PaginatedDatasetItems
        from langfuse.api.core.pydantic_utilities import parse_obj_as

        if asked.get("datasetName") not in self.datasets:
            return 404, {"message": "Dataset not found", "error": "LangfuseNotFoundError"}
        every, page, limit = self.datasets[asked["datasetName"]], int(asked.get("page", 1)), int(asked.get("limit", 50))
        meta = {"page": page, "limit": limit, "totalItems": len(every), "totalPages": -(-len(every) // limit)}
        found = {"data": every[(page - 1) * limit : page * limit], "meta": meta}
        parse_obj_as(PaginatedDatasetItems, found)
        return 200, found

    def create(self, body: Any) -> tuple[int, Any]:
        from langfuse.api import CreatePromptRequest
        from pydantic import TypeAdapter, ValidationError

        try:
            TypeAdapter(CreatePromptRequest).validate_python(body)
        except ValidationError as error:
            return 400, {"message": "Invalid request data", "error": json.loads(error.json(include_url=False))}
        versions = self.prompts.setdefault(body["name"], [])
        made = {
            "type": body.get("type") or "text",
            "name": body["name"],
            "prompt": body["prompt"],
            "version": len(versions) + 1,
            "config": body.get("config") or {},
            "labels": list(body.get("labels") or []),
            "tags": list(body.get("tags") or []),
            "commitMessage": body.get("commitMessage"),
        }
        versions.append(made)
        return 201, self.shown(made)

    def shown(self, version: dict[str, Any]) -> Any:
        """A version as the SDK's model writes it; the newest carries the label `latest`."""
        from langfuse.api import Prompt
        from pydantic import TypeAdapter

        newest = version["version"] == len(self.prompts[version["name"]])
        labels = [*version["labels"], *(["latest"] if newest else [])]
        adapter: TypeAdapter[Any] = TypeAdapter(Prompt)
        return adapter.dump_python(adapter.validate_python({**version, "labels": labels}), by_alias=True, mode="json")

    def listed(self, name: str | None) -> tuple[int, Any]:
        rows = [
            {
                "name": known,
                "type": versions[-1]["type"],
                "versions": [v["version"] for v in versions],
                "labels": sorted({label for v in versions for label in v["labels"]}),
                "tags": versions[-1]["tags"],
                "lastUpdatedAt": "2026-01-01T00:00:00Z",
                "lastConfig": versions[-1]["config"],
            }
            for known, versions in self.prompts.items()
            if name is None or known == name
        ]
        return 200, {"data": rows, "meta": {"page": 1, "limit": 50, "totalItems": len(rows), "totalPages": 1}}

    def one(self, name: str, asked: dict[str, str]) -> tuple[int, Any]:
        label = asked.get("label", "production")
        for version in self.prompts.get(name, []):
            wanted = version["version"] == int(asked["version"]) if "version" in asked else label in self.shown(version)["labels"]
            if wanted:
                return 200, self.shown(version)
        return 404, {"message": f"Prompt not found: '{name}'", "error": "LangfuseNotFoundError"}

    def label(self, name: str, number: int, body: Any) -> tuple[int, Any]:
        versions = self.prompts.get(name, [])
        if not 1 <= number <= len(versions):
            return 404, {"message": "Prompt not found"}
        labels = body.get("newLabels") if isinstance(body, dict) else None
        if not isinstance(labels, list) or "latest" in labels:
            return 400, {"message": "Invalid request data"}
        for version in versions:
            version["labels"] = [one for one in version["labels"] if one not in labels]
        versions[number - 1]["labels"] += labels
        return 200, self.shown(versions[number - 1])
