"""Serves one graph page to one browser on this machine, and ends with the page.

The address holds a token that opens the page once. The page is given a secret of its own; each of its messages carries
it and comes from the page's own origin. Requests for another host than the loopback address and port are refused, so
that no name of another site that leads here reads anything.
"""

from __future__ import annotations

import json
import mimetypes
import secrets
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from ..schema import PyModelError, Trace, dumps
from .session import GraphSession

LARGEST_MESSAGE = 1 << 20
ASSETS = Path(__file__).resolve().parents[2] / "out" / "webview"

PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="secret" content="{secret}">
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/browser.css">
<link rel="stylesheet" href="/netron/grapher.css">
<link rel="stylesheet" href="/graph.css">
<title>PyModel</title>
</head>
<body>
<main id="page"></main>
<script type="module" src="/browser.js"></script>
</body>
</html>
"""
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; worker-src blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


class NoPage(PyModelError):
    """The page's files are not there."""


class GraphServer(ThreadingHTTPServer):
    """`url` opens the page, once. `ended` is set when the page has been closed."""

    daemon_threads = True

    def __init__(self, trace: Trace) -> None:
        words = ASSETS / "words.json"
        if not words.is_file():
            raise NoPage(f"the graph page is not in {ASSETS}.", advice="Build it with 'npm run build'.")
        super().__init__(("127.0.0.1", 0), _Handler)
        self.host = f"127.0.0.1:{self.server_address[1]}"
        self.origin = f"http://{self.host}"
        self.token: str | None = secrets.token_urlsafe(32)
        self.url = f"{self.origin}/?token={self.token}"
        self.secret = secrets.token_urlsafe(32)
        self.files = {f"/{path.relative_to(ASSETS).as_posix()}": path for path in ASSETS.rglob("*") if path.is_file()}
        self.session = GraphSession(trace, json.loads(words.read_text(encoding="utf-8")))
        self.ended = threading.Event()
        self.turn = threading.Lock()

    def take_token(self, given: str) -> bool:
        """Whether this is the token; it is no more, then."""
        with self.turn:
            fits = self.token is not None and secrets.compare_digest(given.encode(), self.token.encode())
            if fits:
                self.token = None
            return fits


class _Handler(BaseHTTPRequestHandler):
    server: GraphServer

    def do_GET(self) -> None:
        if self.headers.get("Host") != self.server.host:
            self._refuse(HTTPStatus.FORBIDDEN)
            return
        address = urlsplit(self.path)
        if address.path == "/":
            if self.server.take_token(parse_qs(address.query).get("token", [""])[0]):
                self._send(PAGE.format(secret=self.server.secret).encode(), "text/html; charset=utf-8")
            else:
                self._refuse(HTTPStatus.FORBIDDEN)
        elif (file := self.server.files.get(address.path)) is not None:
            kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
            self._send(file.read_bytes(), "text/javascript" if file.suffix == ".js" else kind)
        else:
            self._refuse(HTTPStatus.NOT_FOUND)

    def do_POST(self) -> None:
        headers, server = self.headers, self.server
        length = headers.get("Content-Length", "")
        secret = headers.get("X-PyModel-Secret", "").encode()
        is_own = headers.get("Host") == server.host and headers.get("Origin") == server.origin
        if not is_own or not secrets.compare_digest(secret, server.secret.encode()):
            self._refuse(HTTPStatus.FORBIDDEN)
        elif not length.isdigit() or int(length) > LARGEST_MESSAGE:
            self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        elif self.path == "/alive":
            self._stay()
        elif self.path == "/message":
            self._answer(self.rfile.read(int(length)))
        else:
            self._refuse(HTTPStatus.NOT_FOUND)

    def _answer(self, body: bytes) -> None:
        try:
            with self.server.turn:
                answers: list[Any] = self.server.session.answer(json.loads(body))
        except PyModelError as error:
            answers = [{"type": "placeholder", "placeholder": {"text": str(error), "busy": False}}]
        except (ValueError, KeyError, TypeError):
            self._refuse(HTTPStatus.BAD_REQUEST)
            return
        self._send(dumps(answers).encode("utf-8", "replace"), "application/json")

    def _stay(self) -> None:
        """An answer that does not end: when the page goes, the connection does."""
        self.send_response(HTTPStatus.OK)
        self.end_headers()
        self.wfile.flush()
        while self.connection.recv(1024):
            pass
        self.close_connection = True
        self.server.ended.set()

    def _send(self, body: bytes, kind: str) -> None:
        self.send_response(HTTPStatus.OK)
        for name, value in (
            ("Content-Type", kind),
            ("Content-Length", str(len(body))),
            ("Content-Security-Policy", POLICY),
            ("X-Content-Type-Options", "nosniff"),
            ("Referrer-Policy", "no-referrer"),
            ("Cross-Origin-Resource-Policy", "same-origin"),
            ("Cache-Control", "no-store"),
        ):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def _refuse(self, status: HTTPStatus) -> None:
        self.close_connection = True
        self.send_error(status)

    def log_message(self, format: str, *args: object) -> None:
        """Quiet: the terminal is the command's."""
