"""A client of yaml-language-server, just enough to ask what it finds in a text."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Any, Self


class LanguageServer:
    """One running yaml-language-server that checks every file with one schema."""

    def __init__(self, node: str, program: Path, schema: Path) -> None:
        self.schema = schema
        self.number = 0
        self.process = subprocess.Popen(
            [node, str(program), "--stdio"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        self.ask("initialize", {"processId": None, "rootUri": None, "capabilities": CAPABILITIES})
        self.tell("initialized", {})
        self.tell("workspace/didChangeConfiguration", {"settings": {"yaml": self.settings()}})

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.process.kill()
        self.process.communicate()

    def settings(self) -> dict[str, Any]:
        """Return what an editor has in its settings for this project."""
        return {
            "validate": True,
            "schemaStore": {"enable": False},
            "schemas": {self.schema.resolve().as_uri(): "/**"},
        }

    def diagnostics(self, text: str) -> list[tuple[int, str]]:
        """Return (line, message) of everything the server finds in a document."""
        self.number += 1
        uri = f"file:///project/playbooks/document_{self.number}.yaml"
        document = {"uri": uri, "languageId": "yaml", "version": 1, "text": text}
        self.tell("textDocument/didOpen", {"textDocument": document})
        while True:
            message = self.receive()
            params = message.get("params", {})
            if message.get("method", "").endswith("publishDiagnostics") and params["uri"] == uri:
                found = params["diagnostics"]
                return [(each["range"]["start"]["line"] + 1, each["message"]) for each in found]

    def ask(self, method: str, params: dict[str, Any]) -> Any:
        """Send a request and return its answer."""
        self.send({"id": 0, "method": method, "params": params})
        while "result" not in (message := self.receive()) or message.get("id") != 0:
            pass
        return message["result"]

    def tell(self, method: str, params: dict[str, Any]) -> None:
        """Send a notification."""
        self.send({"method": method, "params": params})

    def send(self, message: dict[str, Any]) -> None:
        """Write one message."""
        assert self.process.stdin
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
        self.process.stdin.flush()

    def receive(self) -> dict[str, Any]:
        """Read one message, answering what the server asks of an editor."""
        assert self.process.stdout
        length = 0
        while line := self.process.stdout.readline().strip():
            name, _, value = line.partition(b":")
            length = int(value) if name.lower() == b"content-length" else length
        assert length, "the language server stopped"
        message: dict[str, Any] = json.loads(self.process.stdout.read(length))
        if "method" in message and "id" in message:
            self.send({"id": message["id"], "result": self.answer(message)})
        return message

    def answer(self, message: dict[str, Any]) -> Any:
        """Return what an editor answers to a request of the server."""
        if message["method"] != "workspace/configuration":
            return None
        items = message["params"]["items"]
        return [self.settings() if item.get("section") == "yaml" else {} for item in items]


CAPABILITIES = {
    "textDocument": {"publishDiagnostics": {}},
    "workspace": {"configuration": True, "didChangeConfiguration": {"dynamicRegistration": True}},
}
