"""`pymodel graph --open`: the page in a plain browser, from a server that is for that page alone."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from pymodel.browse.server import GraphServer
from pymodel.cli.analyses import analyse_file
from pymodel.schema import Trace
from pymodel.worker.client import Worker

from .graph_page import build_pages
from .traced import BROKEN


@pytest.fixture(scope="module")
def trace(tmp_path_factory: pytest.TempPathFactory) -> Trace:
    file = tmp_path_factory.mktemp("browser") / "broken.py"
    file.write_text(BROKEN, encoding="utf-8")
    with Worker() as worker:
        return analyse_file(worker, str(file)).traces[0]


@pytest.fixture
def server(trace: Trace) -> Iterator[GraphServer]:
    build_pages()
    server = GraphServer(trace)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def ask(server: GraphServer, method: str, path: str, body: str | None = None, **headers: str) -> int:
    """The status of an answer; `Host` is the server's own unless given."""
    connection = http.client.HTTPConnection("127.0.0.1", server.server_address[1], timeout=20)
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, path, body, names)
    status = connection.getresponse().status
    connection.close()
    return status


def test_the_page_works_and_the_server_ends_with_it(browser: Browser, server: GraphServer) -> None:
    context = browser.new_context(viewport={"width": 900, "height": 800})
    requests: list[str] = []
    problems: list[str] = []
    try:
        page = context.new_page()
        page.on("request", lambda request: requests.append(request.url))
        page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
        page.goto(server.url)
        failed = page.locator("#nodes > .failed")
        failed.wait_for()
        assert "middle" in failed.text_content()
        page.locator(".find").fill("head")
        page.locator(".hits [role=option]").first.click()
        page.locator("#nodes > .select").wait_for()
        with page.expect_download() as download:
            page.locator(".toolbar select").last.select_option("mermaid")
        assert "flowchart TD" in Path(download.value.path()).read_text(encoding="utf-8")
        assert not server.ended.is_set()
        assert problems == []
        assert all(url.startswith((server.origin, "blob:", "data:")) for url in requests)
    finally:
        context.close()
    assert server.ended.wait(timeout=20)


def test_the_token_opens_the_page_once(server: GraphServer) -> None:
    path = server.url.removeprefix(server.origin)
    assert ask(server, "GET", "/") == 403
    assert ask(server, "GET", "/?token=guess") == 403
    assert ask(server, "GET", path) == 200
    assert ask(server, "GET", path) == 403


@pytest.mark.parametrize("host", ["evil.example", "localhost:{port}", "127.0.0.1", "127.0.0.1:{port}.evil.example"])
def test_another_host_is_refused(server: GraphServer, host: str) -> None:
    named = host.format(port=server.server_address[1])
    assert ask(server, "GET", server.url.removeprefix(server.origin), Host=named) == 403
    assert ask(server, "GET", "/graph.js", Host=named) == 403
    own = {"X_PyModel_Secret": server.secret, "Origin": server.origin}
    assert ask(server, "POST", "/message", '{"type":"ready"}', Host=named, **own) == 403


def test_messages_carry_the_secret_and_come_from_the_page(server: GraphServer) -> None:
    def send(secret: str, origin: str, body: str = '{"type":"ready"}') -> int:
        return ask(server, "POST", "/message", body, X_PyModel_Secret=secret, Origin=origin)

    assert send(server.secret, server.origin) == 200
    assert send("guess", server.origin) == 403
    assert send(server.secret, "http://evil.example") == 403
    assert send(server.secret, "null") == 403
    assert send(server.secret, server.origin, "{") == 400
    assert send(server.secret, server.origin, '{"type":"open"}') == 400
    # It is refused by what it says of its length, and is not read.
    too_long = {"Content-Length": "2000000", "X-PyModel-Secret": server.secret, "Origin": server.origin}
    assert ask(server, "POST", "/message", None, **too_long) == 413


@pytest.mark.parametrize("path", ["/../pyproject.toml", "/%2e%2e/package.json", "/netron/../../extension.js", "/none"])
def test_no_other_file_is_served(server: GraphServer, path: str) -> None:
    assert ask(server, "GET", path) == 404
