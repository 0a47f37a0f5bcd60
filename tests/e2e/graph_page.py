"""The graph page in a headless Chromium, as VS Code shows it: real bundle, real policy, files from another origin.

What stands in for VS Code is its `acquireVsCodeApi`: messages to the page are posted to it, what it posts is kept.
"""

from __future__ import annotations

import base64
import json
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, BinaryIO

from playwright.sync_api import Browser, Page

ROOT = Path(__file__).resolve().parents[2]
PAGES = ROOT / "out" / "webview"
NONCE = "c2FpZC1vbmNl"

THEMES = {
    "vscode-dark": {
        "foreground": "#cccccc",
        "descriptionForeground": "#9d9d9d",
        "editor-background": "#1f1f1f",
        "sideBar-background": "#181818",
        "editorWidget-background": "#202020",
        "widget-border": "#313131",
        "focusBorder": "#0078d4",
        "errorForeground": "#f85149",
        "textLink-foreground": "#4daafc",
        "breadcrumb-foreground": "#cccccccc",
        "progressBar-background": "#0078d4",
        "button-secondaryBackground": "#313131",
        "button-secondaryForeground": "#cccccc",
        "charts-yellow": "#cca700",
    },
    "vscode-light": {
        "foreground": "#3b3b3b",
        "descriptionForeground": "#5f5f5f",
        "editor-background": "#ffffff",
        "sideBar-background": "#f8f8f8",
        "editorWidget-background": "#f8f8f8",
        "widget-border": "#e5e5e5",
        "focusBorder": "#005fb8",
        "errorForeground": "#f85149",
        "textLink-foreground": "#005fb8",
        "breadcrumb-foreground": "#3b3b3bcc",
        "progressBar-background": "#005fb8",
        "button-secondaryBackground": "#e5e5e5",
        "button-secondaryForeground": "#3b3b3b",
        "charts-yellow": "#bf8803",
    },
    "vscode-high-contrast": {
        "foreground": "#ffffff",
        "descriptionForeground": "#ffffff",
        "editor-background": "#000000",
        "sideBar-background": "#000000",
        "editorWidget-background": "#0c141f",
        "widget-border": "#6fc3df",
        "contrastBorder": "#6fc3df",
        "contrastActiveBorder": "#f38518",
        "focusBorder": "#f38518",
        "errorForeground": "#f48771",
        "textLink-foreground": "#21a6ff",
        "breadcrumb-foreground": "#ffffff",
        "progressBar-background": "#6fc3df",
        "charts-yellow": "#cca700",
    },
    "vscode-high-contrast-light": {
        "foreground": "#292929",
        "descriptionForeground": "#292929",
        "editor-background": "#ffffff",
        "sideBar-background": "#ffffff",
        "editorWidget-background": "#ffffff",
        "widget-border": "#0f4a85",
        "contrastBorder": "#0f4a85",
        "contrastActiveBorder": "#006bbd",
        "focusBorder": "#006bbd",
        "errorForeground": "#b5200d",
        "textLink-foreground": "#0f4a85",
        "breadcrumb-foreground": "#292929",
        "progressBar-background": "#0f4a85",
        "charts-yellow": "#bf8803",
    },
}
FONTS = {"font-family": "system-ui, Ubuntu, sans-serif", "font-size": "13px", "editor-font-family": "monospace"}

STAND_IN = """
window.posted = [];
window.violations = [];
document.addEventListener("securitypolicyviolation", (event) => {
  window.violations.push(`${event.violatedDirective}: ${event.blockedURI} ${event.sample}`);
});
window.acquireVsCodeApi = () => ({
  postMessage: (message) => window.posted.push(message),
  getState: () => JSON.parse(sessionStorage.getItem("state") ?? "null"),
  setState: (state) => sessionStorage.setItem("state", JSON.stringify(state)),
});
window.setTheme = (kind, variables) => {
  document.body.setAttribute("data-vscode-theme-kind", kind);
  document.body.className = kind;
  for (const [name, value] of Object.entries(variables)) {
    document.documentElement.style.setProperty(`--vscode-${name}`, value);
  }
};
"""


ANSWER_READS = """() => {
    const push = window.posted.push.bind(window.posted);
    window.posted.push = (message) => {
        push(message);
        if (message.type === "read") {
            window.readRanges(message.file, message.ranges).then((text) => {
                const bytes = text === null ? null : Uint8Array.from(atob(text), (each) => each.charCodeAt(0)).buffer;
                window.postMessage({ type: "bytes", file: message.file, bytes }, "*");
            });
        }
    };
}"""


class GraphPage:
    """The opened page, and what a test may do with it."""

    def __init__(self, page: Page, origins: tuple[str, ...]) -> None:
        self.page = page
        self.strange_requests: list[str] = []
        self.console_errors: list[str] = []
        self.file: Path | None = None
        self.files_shown = 0
        self.ranges: list[tuple[int, int]] = []
        """What the page has read of the file that is shown."""
        page.on("request", lambda request: self._note_request(request.url, origins))
        page.on(
            "console", lambda message: self.console_errors.append(message.text) if message.type == "error" else None
        )
        page.on("pageerror", lambda error: self.console_errors.append(str(error)))

    def _note_request(self, url: str, origins: tuple[str, ...]) -> None:
        if not url.startswith((*origins, "blob:", "data:")):
            self.strange_requests.append(url)

    def send(self, message: dict[str, Any]) -> None:
        self.page.evaluate("message => window.postMessage(message, '*')", message)

    def show(self, shown: dict[str, Any]) -> None:
        """Show a level, and wait until it is drawn."""
        self.send({"type": "level", "shown": shown})
        steps = [node for node in shown["level"]["nodes"] if node["kind"] not in ("input", "output")]
        self.page.wait_for_function(
            """([title, count]) => document.querySelector("[aria-current]")?.textContent === title
                && document.querySelectorAll("#nodes > g.graph-node").length === count
                && [...document.querySelectorAll("#nodes > g.node")].every((each) => each.style.opacity === "")""",
            arg=[shown["breadcrumbs"][-1]["name"], len(steps)],
        )

    def show_whole(self, shown: dict[str, Any]) -> None:
        """Show a level and what is opened in it, and wait until every node of it is drawn."""
        self.send({"type": "level", "shown": shown})
        inner = {level["path"]: level for level in shown["inner"]}
        levels = [shown["level"]]
        for level in levels:
            paths = [f"{n['id']}×{n['repeats']}" if n["repeats"] > 1 else n["id"] for n in level["nodes"]]
            levels.extend(inner[path] for path in paths if path in inner)
        count = sum(len(level["nodes"]) for level in levels)
        self.page.wait_for_function(
            """([title, count]) => document.querySelector("[aria-current]")?.textContent === title
                && document.querySelectorAll("#canvas #origin > #nodes").length === 1
                && document.querySelectorAll("#canvas g.node").length === count
                && [...document.querySelectorAll("#canvas g.node")].every((each) => each.style.opacity === "")""",
            arg=[shown["breadcrumbs"][-1]["name"], count],
        )

    def open_file(self, path: Path) -> None:
        """Show a model file as the extension does: the page asks for its parts."""
        if self.file is None:
            self.page.expose_function("readRanges", self._read_ranges)
            self.page.evaluate(ANSWER_READS)
        self.file = path
        self.ranges = []
        # As the extension names them: none of the page's messages is about a file that was shown before.
        self.files_shown += 1
        file = {"id": self.files_shown, "name": path.name, "size": path.stat().st_size}
        self.send({"type": "file", "file": file})

    def _read_ranges(self, file_id: int, ranges: list[tuple[int, int]]) -> str | None:
        if self.file is None or file_id != self.files_shown:
            return None
        self.ranges.extend(ranges)
        with self.file.open("rb") as file:
            return base64.b64encode(b"".join(_read_range(file, *each) for each in ranges)).decode()

    def await_file(self, nodes: int) -> None:
        """Wait until the file is drawn, of this many nodes."""
        self.page.wait_for_function(
            """nodes => document.querySelector(".crumb.file") && document.querySelector(".placeholder").hidden
                && document.querySelectorAll("#nodes > g.graph-node").length === nodes""",
            arg=nodes,
        )

    def posted_all(self) -> list[dict[str, Any]]:
        messages: list[dict[str, Any]] = self.page.evaluate("window.posted")
        return messages

    def posted(self, type: str) -> list[dict[str, Any]]:
        messages: list[dict[str, Any]] = self.page.evaluate("type => window.posted.filter(m => m.type === type)", type)
        return messages

    def wait_for_posted(self, message: dict[str, Any]) -> None:
        self.page.wait_for_function(
            "wanted => window.posted.some(m => JSON.stringify(m) === wanted)",
            arg=json.dumps(message, separators=(",", ":"), ensure_ascii=False),
        )

    def node(self, text: str) -> Any:
        return self.page.locator("#nodes > g.node").filter(has_text=text).first

    def set_theme(self, kind: str) -> None:
        # What another theme has set and this one has not is not there.
        unset = {name: "" for theme in THEMES.values() for name in theme}
        variables = {**unset, **FONTS, **THEMES[kind]}
        self.page.evaluate("([kind, variables]) => setTheme(kind, variables)", [kind, variables])

    def assert_clean(self) -> None:
        """Nothing was asked of the outside, nothing broke the policy, nothing was reported as an error."""
        assert self.strange_requests == []
        assert self.page.evaluate("window.violations") == []
        assert not self.console_errors, self.console_errors
        assert self.posted("failed") == [], self.posted("failed")


def _read_range(file: BinaryIO, offset: int, length: int) -> bytes:
    file.seek(offset)
    return file.read(length)


def build_pages() -> None:
    """Bundle the pages, unless what is there is newer than their sources."""
    built = PAGES / "graph.js"
    sources = [path for path in (ROOT / "extension").rglob("*.*") if path.is_file()]
    if not built.exists() or built.stat().st_mtime < max(path.stat().st_mtime for path in sources):
        subprocess.run(["node", "esbuild.mjs"], cwd=ROOT, check=True, timeout=120, stdout=subprocess.DEVNULL)


def strings() -> dict[str, Any]:
    """The page's words, untranslated."""
    words: dict[str, Any] = json.loads((PAGES / "words.json").read_text(encoding="utf-8"))
    return words


def page_html(source: str) -> str:
    script = (
        "import { build } from 'esbuild';"
        "const { outputFiles } = await build({ entryPoints: ['extension/src/views/graphHtml.ts'], bundle: true,"
        " format: 'esm', write: false });"
        "const { graphHtml } = await import('data:text/javascript,' + encodeURIComponent(outputFiles[0].text));"
        f"const source = {json.dumps(source)};"
        "console.log(graphHtml({ source, script: source + '/graph.js', language: 'en',"
        f" styles: [source + '/netron/grapher.css', source + '/graph.css'], nonce: '{NONCE}' }}));"
    )
    return _run_node(script)


def _run_node(script: str) -> str:
    arguments = ["node", "--input-type=module", "--eval", script]
    return subprocess.run(arguments, cwd=ROOT, check=True, timeout=60, capture_output=True, text=True).stdout


class _Files(SimpleHTTPRequestHandler):
    """Files as VS Code serves a webview's resources: to any origin."""

    def end_headers(self) -> None:
        self.send_header("Access-Control-Allow-Origin", "*")
        super().end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


class _Shell(SimpleHTTPRequestHandler):
    html = b""

    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/" else 204)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.end_headers()
        self.wfile.write(self.html if self.path == "/" else b"")

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


@contextmanager
def serve() -> Iterator[tuple[str, str]]:
    """The page's address, and the origin its files come from."""
    with _running(partial(_Files, directory=str(PAGES))) as files:
        shell = type("Shell", (_Shell,), {"html": page_html(files).encode()})
        with _running(shell) as page:
            yield page, files


@contextmanager
def _running(handler: Any) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def open_graph_page(
    browser: Browser, addresses: tuple[str, str], words: dict[str, Any], *, width: int = 480, height: int = 800
) -> Iterator[GraphPage]:
    context = browser.new_context(viewport={"width": width, "height": height}, reduced_motion="reduce")
    context.add_init_script(STAND_IN)
    try:
        graph = GraphPage(context.new_page(), addresses)
        graph.page.goto(addresses[0])
        graph.set_theme("vscode-dark")
        graph.page.wait_for_function("() => window.posted.some(m => m.type === 'ready')")
        graph.send({"type": "strings", "strings": words})
        yield graph
    finally:
        context.close()
