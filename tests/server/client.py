"""A strict LSP client over stdio: any byte on stdout that is not a well-formed frame fails the test."""

from __future__ import annotations

import json
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent
DEADLINE = 60.0


CAPABILITIES = {
    "textDocument": {"publishDiagnostics": {"versionSupport": True}},
    "window": {"workDoneProgress": True},
}


class ProtocolBroken(AssertionError):
    """Something other than a frame came over stdout, or the server ended."""


class Client:
    """One server process and all that it has said."""

    def __init__(
        self,
        folder: Path,
        *,
        root: Path = ROOT,
        python: str = sys.executable,
        encodings: list[str] | None = None,
        capabilities: dict[str, Any] | None = None,
        locale: str | None = None,
        at_initialized: Callable[[subprocess.Popen[bytes]], object] = lambda process: None,
        **options: Any,
    ):
        self.process = subprocess.Popen(
            [python, "-P", str(root / "server" / "launch.py")],
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self.errors: list[bytes] = []
        self.notifications: list[dict[str, Any]] = []
        self.answers: dict[str, Any] = {}
        """To the server's requests, by their method; None where there is no other."""
        self._incoming: queue.Queue[dict[str, Any] | Exception] = queue.Queue()
        self._replies: dict[int, dict[str, Any]] = {}
        self._number = 0
        threading.Thread(target=self._read, daemon=True).start()
        threading.Thread(target=self._drain, daemon=True).start()
        self.initialized = self.request(
            "initialize",
            {
                "processId": None,
                "locale": locale,
                "rootUri": folder.as_uri(),
                "workspaceFolders": [{"uri": folder.as_uri(), "name": "test"}],
                "capabilities": capabilities
                or CAPABILITIES | {"general": {"positionEncodings": encodings or ["utf-16"]}},
                "initializationOptions": {"client": "vscode", "interpreter": sys.executable, **options},
            },
        )
        at_initialized(self.process)
        self.notify("initialized", {})

    # Talking.

    def notify(self, method: str, params: Any) -> None:
        self._send({"jsonrpc": "2.0", "method": method, "params": params})

    def request(self, method: str, params: Any) -> Any:
        """The result of a request; an error of the server's fails."""
        reply = self.reply(method, params)
        assert "error" not in reply, reply["error"]
        return reply["result"]

    def reply(self, method: str, params: Any) -> dict[str, Any]:
        return self.await_reply(self.send_request(method, params), method)

    def send_request(self, method: str, params: Any) -> int:
        """Ask, and do not wait; the request's number."""
        self._number += 1
        self._send({"jsonrpc": "2.0", "id": self._number, "method": method, "params": params})
        return self._number

    def await_reply(self, number: int, method: str) -> dict[str, Any]:
        self.wait(lambda: number in self._replies, f"a reply to {method}")
        return self._replies.pop(number)

    def wait(self, condition: Callable[[], Any], what: str, seconds: float = DEADLINE) -> Any:
        """Take in messages until the condition holds."""
        deadline = time.monotonic() + seconds
        while not (found := condition()):
            left = deadline - time.monotonic()
            assert left > 0, self._describe_absence(what, seconds)
            try:
                message = self._incoming.get(timeout=left)
            except queue.Empty:
                continue
            self._take(message)
        return found

    def wait_by_asking(self, condition: Callable[[], bool], what: str, seconds: float = DEADLINE) -> None:
        """Ask until the condition, which sends requests of its own, holds."""
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, self._describe_absence(what, seconds)
            time.sleep(0.05)

    def _describe_absence(self, what: str, seconds: float) -> str:
        last = "\n".join(json.dumps(each)[:300] for each in self.notifications[-10:])
        said = b"".join(self.errors)[-2000:].decode(errors="replace")
        return f"no {what} within {seconds:g} s; the last notifications:\n{last}\nstderr: {said}"

    def close(self) -> int:
        """Shut down in order; the exit code."""
        if self.process.poll() is None:
            self.request("shutdown", None)
            self.notify("exit", None)
        return self.process.wait(timeout=20)

    # Documents.

    def open(self, path: Path, text: str | None = None) -> str:
        """Open a file, or a text in its place; its URI."""
        uri = path.as_uri()
        content = path.read_text(encoding="utf-8") if text is None else text
        document = {"uri": uri, "languageId": "python", "version": 1, "text": content}
        self.notify("textDocument/didOpen", {"textDocument": document})
        return uri

    def change(self, uri: str, version: int, text: str) -> None:
        identifier = {"uri": uri, "version": version}
        self.notify("textDocument/didChange", {"textDocument": identifier, "contentChanges": [{"text": text}]})

    def diagnostics(self, uri: str, version: int, seconds: float = DEADLINE) -> list[dict[str, Any]]:
        """The first diagnostics published for a version of a document, or a later one."""

        def published() -> list[dict[str, Any]] | None:
            for message in reversed(self.notifications):
                params = message.get("params") or {}
                if message["method"] == "textDocument/publishDiagnostics" and params["uri"] == uri:
                    return [params] if (params.get("version") or 0) >= version else None
            return None

        return list(self.wait(published, f"diagnostics of version {version}", seconds)[0]["diagnostics"])

    def published(self, uri: str) -> list[dict[str, Any]]:
        """The diagnostics that were published last for a document."""
        for message in reversed(self.notifications):
            params = message.get("params") or {}
            if message["method"] == "textDocument/publishDiagnostics" and params["uri"] == uri:
                return list(params["diagnostics"])
        return []

    def hover(self, uri: str, line: int, character: int) -> str | None:
        """The hover's Markdown at an LSP position."""
        position = {"line": line, "character": character}
        found = self.request("textDocument/hover", {"textDocument": {"uri": uri}, "position": position})
        return found["contents"]["value"] if found else None

    def lenses(self, uri: str) -> list[str]:
        found = self.request("textDocument/codeLens", {"textDocument": {"uri": uri}})
        return [lens["command"]["title"] for lens in found]

    # Frames.

    def _send(self, message: dict[str, Any]) -> None:
        body = json.dumps(message).encode()
        assert self.process.stdin is not None
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
        self.process.stdin.flush()

    def _take(self, message: dict[str, Any] | Exception) -> None:
        if isinstance(message, Exception):
            raise message
        if "method" not in message:
            assert message["id"] not in self._replies, f"a second reply to request {message['id']}"
            self._replies[message["id"]] = message
        elif "id" in message:
            self._send({"jsonrpc": "2.0", "id": message["id"], "result": self.answers.get(message["method"])})
            self.notifications.append(message)
        else:
            self.notifications.append(message)

    def _read(self) -> None:
        assert self.process.stdout is not None
        while True:
            length = None
            while (line := self.process.stdout.readline()) not in (b"\r\n", b""):
                name, colon, value = line.partition(b":")
                if not colon or name.lower() not in (b"content-length", b"content-type"):
                    self._incoming.put(ProtocolBroken(f"stray output: {line!r}"))
                    return
                if name.lower() == b"content-length":
                    length = int(value)
            if length is None:
                self._incoming.put(ProtocolBroken("the server ended"))
                return
            self._incoming.put(json.loads(self.process.stdout.read(length)))

    def _drain(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.errors.append(line)
