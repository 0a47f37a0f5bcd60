"""The runs page in a headless Chromium, with its real bundle and its real policy: what it draws, says and refuses.

What stands in for VS Code is its `acquireVsCodeApi`: messages to the page are posted to it, what it posts is kept.
"""

from __future__ import annotations

import math
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, Route, expect

from .graph_page import FONTS, PAGES, ROOT, STAND_IN, THEMES, build_pages

SCREENSHOTS = os.environ.get("PYMODEL_SCREENSHOTS")
ADDRESS = "http://runs.test"
CHARTS = {"charts-blue": "#3794ff", "charts-yellow": "#cca700", "charts-green": "#388a34", "charts-purple": "#b180d7"}
FOLDER = "/project/.pymodel/runs/20261124-021500"
STATES = ("queued", "running", "paused", "completed", "stopped", "failed", "interrupted")
WORDS = {
    **{
        name: name
        for name in ("title", "run", "empty", "emptyAdvice", "train", "stop", "stopping", "export", "pause", "continue")
    },
    **{name: name for name in ("explain", "graph", "log", "logTail")},
    **{
        name: name
        for name in (
            "inTurn",
            "waiting",
            "last",
            "best",
            "metric",
            "smooth",
            "logScale",
            "zoom",
            "thinned",
            "compareWith",
            "nothing",
        )
    },
    **{name: name for name in ("setting", "thisRun", "otherRun", "advice", "try", "recipe")},
    "steps": "steps {0} to {1}",
    "failed": "The run failed",
    "epoch": "epoch {0} of {1}",
    "step": "step {0} of {1}",
    "elapsed": "{0} so far",
    "took": "took {0}",
    "remaining": "about {0} left",
    "states": {state: state.capitalize() for state in STATES},
}


def run_json(
    state: str = "running", *, step: int = 0, target: str = "/project/model.py::MyModel", **fields: Any
) -> Any:
    """A run as `pymodel/runs` answers it."""
    defaults = {
        "id": "20261124-021500",
        "kind": "train",
        "target": target,
        "state": state,
        "started": 1795486500.0,
        "updated": 1795486500.0 + step * 0.05,
        "request": {},
        "process": None,
        "device": "cpu",
        "epoch": step // 23,
        "epochs": 10,
        "last_step": step,
        "total_steps": 230,
        "metrics": {"best": {"validation/loss": 0.081}} if step else {},
        "versions": {},
        "name": "",
        "note": "",
        "environment": {},
        "result": None,
        "error": None,
    }
    return {**defaults, **fields}


def rows(first: int, last: int) -> list[dict[str, Any]]:
    """What training writes: the loss at every step, the validation's at every 23rd."""
    written = []
    for step in range(first, last + 1):
        values = {"train/loss": 2.3 * math.exp(-step / 30) + 0.05, "train/accuracy": 1 - math.exp(-step / 25)}
        if step % 23 == 0:
            values |= {"validation/loss": 2.3 * math.exp(-step / 32) + 0.08}
        written.append({"step": step, "time": 0.0, "epoch": step // 23, "values": values})
    return written


class RunsPage:
    def __init__(self, page: Page) -> None:
        self.page = page

    def send(self, **message: Any) -> None:
        self.page.evaluate("message => window.postMessage(message, '*')", message)

    def show(self, run: Any, written: list[dict[str, Any]], *, reset: bool = True) -> None:
        self.send(type="runs", runs=[{"folder": FOLDER, "run": run}], selected=FOLDER)
        self.send(type="rows", folder=FOLDER, run=run, rows=written, thinned=1, reset=reset)

    def posted(self, type: str) -> list[dict[str, Any]]:
        messages: list[dict[str, Any]] = self.page.evaluate("type => window.posted.filter(m => m.type === type)", type)
        return messages

    def last_value(self, metric: str) -> Locator:
        header = self.page.get_by_role("rowheader", name=metric, exact=True)
        return self.page.locator("tr", has=header).locator("td").first

    def inked_pixels(self, plot: int) -> int:
        """How much of a plot's canvas is drawn on."""
        script = """index => {
            const canvas = document.querySelectorAll("figure canvas")[index];
            const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
            return data.filter((value, index) => index % 4 === 3 && value > 0).length;
        }"""
        count: int = self.page.evaluate(script, plot)
        return count


@pytest.fixture(scope="module")
def html() -> str:
    """The shell as the extension makes it."""
    build_pages()
    script = (
        "import { build } from 'esbuild';"
        "const { outputFiles } = await build({ entryPoints: ['extension/src/views/runsHtml.ts'], format: 'esm',"
        " write: false });"
        "const { runsHtml } = await import('data:text/javascript,' + encodeURIComponent(outputFiles[0].text));"
        f"console.log(runsHtml({{ source: '{ADDRESS}', script: '{ADDRESS}/runs.js', style: '{ADDRESS}/runs.css',"
        " nonce: 'bm9uY2U', language: 'en' }));"
    )
    arguments = ["node", "--input-type=module", "--eval", script]
    return subprocess.run(arguments, cwd=ROOT, check=True, timeout=60, capture_output=True, text=True).stdout


@pytest.fixture
def runs_page(browser: Browser, html: str) -> Iterator[RunsPage]:
    """The opened page. At the end: no dialog came up, nothing broke the policy, nothing was an error."""
    context = browser.new_context(viewport={"width": 760, "height": 720})
    context.add_init_script(STAND_IN)
    page = context.new_page()
    complaints: list[str] = []

    def serve(route: Route) -> None:
        file = PAGES / Path(route.request.url).name
        if route.request.url == f"{ADDRESS}/":
            route.fulfill(body=html, content_type="text/html")
        elif route.request.url.startswith(ADDRESS) and file.is_file():
            route.fulfill(path=file)
        else:
            complaints.append(f"asked for {route.request.url}")
            route.abort()

    context.route("**/*", serve)
    page.on("dialog", lambda dialog: complaints.append(f"dialog: {dialog.message}"))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(f"{ADDRESS}/")
    page.evaluate(
        "([kind, variables]) => setTheme(kind, variables)",
        ["vscode-dark", {**FONTS, **CHARTS, **THEMES["vscode-dark"]}],
    )
    page.wait_for_function("() => window.posted.some(m => m.type === 'ready')")
    runs_page = RunsPage(page)
    runs_page.send(type="strings", strings=WORDS)
    yield runs_page
    complaints += page.evaluate("window.violations")
    context.close()
    assert complaints == []


def test_no_runs(runs_page: RunsPage) -> None:
    runs_page.send(type="runs", runs=[], selected=None)
    expect(runs_page.page.get_by_role("heading", name="empty")).to_be_visible()
    runs_page.page.get_by_role("button", name="train").click()
    assert runs_page.posted("train")


def test_a_live_run_is_plotted(runs_page: RunsPage) -> None:
    page = runs_page.page
    runs_page.show(run_json(step=0), [])
    expect(page.get_by_text("waiting")).to_be_visible()
    runs_page.show(run_json(step=60), rows(1, 60))
    expect(page.locator("figcaption h2")).to_have_text(["loss", "accuracy"])
    expect(page.locator("figure .legend li")).to_have_text(["train/loss", "validation/loss", "train/accuracy"])
    expect(page.locator(".facts")).to_have_text("epoch 2 of 10 · step 60 of 230 · cpu · 3 s so far · about 9 s left")
    page.wait_for_function("() => document.querySelectorAll('figure canvas').length === 2")
    before = runs_page.inked_pixels(0)
    assert before > 1000
    runs_page.show(run_json(step=120), rows(61, 120), reset=False)
    expect(page.locator("progress")).to_have_js_property("value", 120)
    expect(runs_page.last_value("train/loss")).to_have_text("0.09213")


def test_stop_is_asked_once(runs_page: RunsPage) -> None:
    runs_page.show(run_json(step=60), rows(1, 60))
    runs_page.page.get_by_role("button", name="stop").click()
    expect(runs_page.page.get_by_role("button", name="stopping")).to_be_disabled()
    assert runs_page.posted("stop") == [{"type": "stop", "folder": FOLDER}]
    runs_page.show(run_json("stopped", step=61), [], reset=False)
    expect(runs_page.page.get_by_role("button", name="stopping")).to_be_hidden()
    expect(runs_page.page.get_by_role("status")).to_have_text("Stopped")
    runs_page.page.get_by_role("button", name="export").click()
    assert runs_page.posted("export") == [{"type": "export", "folder": FOLDER}]


def test_a_failed_run_says_why_and_where(runs_page: RunsPage) -> None:
    error = {"message": "expected Float but got Double", "path": "/project/model.py", "line": 14}
    runs_page.show(run_json("failed", error=error), [])
    alert = runs_page.page.get_by_role("alert")
    expect(alert).to_contain_text("expected Float but got Double")
    alert.get_by_role("button", name="model.py:14").click()
    assert runs_page.posted("source") == [{"type": "source", "path": "/project/model.py", "line": 14}]


def test_rows_that_start_anew_replace_the_old_ones(runs_page: RunsPage) -> None:
    runs_page.show(run_json(step=60), [{"step": 1, "time": 0.0, "epoch": 0, "values": {"old/score": 1}}])
    expect(runs_page.page.locator("figcaption h2")).to_have_text(["score"])
    runs_page.show(run_json(step=60), rows(1, 60))
    expect(runs_page.page.locator("figcaption h2")).to_have_text(["loss", "accuracy"])


def test_what_is_not_a_number_is_said(runs_page: RunsPage) -> None:
    runs_page.show(run_json(step=1), [{"step": 1, "time": 0.0, "epoch": 0, "values": {"train/loss": "nan"}}])
    expect(runs_page.last_value("train/loss")).to_have_text("nan")


@pytest.mark.parametrize(
    "name",
    [
        "<img src=x onerror=alert(1)>",
        "</script><script>alert(1)</script>",
        "javascript:alert(1)",
        "\u202egnp.exe",
        "a\u2028b",
        "x" * 100_000,
    ],
)
def test_hostile_names_are_text(runs_page: RunsPage, name: str) -> None:
    error = {"message": name, "path": f"/project/{name}", "line": 1}
    values = {f"train/{name}": 1.0, name: "nan"}
    run = run_json("failed", step=1, target=f"/project/{name}.py::{name}", device=name, error=error)
    runs_page.show(run, [{"step": 1, "time": 0.0, "epoch": 0, "values": values}])
    expect(runs_page.page.get_by_role("status")).to_have_text("Failed")
    expect(runs_page.page.locator("table tbody tr")).to_have_count(2)
    assert runs_page.page.locator("img, script:not([nonce]), iframe").count() == 0


@pytest.mark.parametrize("width", [320, 760, 1400])
@pytest.mark.parametrize("theme", sorted(THEMES))
def test_nothing_is_cut_off(runs_page: RunsPage, theme: str, width: int) -> None:
    page = runs_page.page
    page.set_viewport_size({"width": width, "height": 800})
    page.evaluate("([kind, variables]) => setTheme(kind, variables)", [theme, {**FONTS, **CHARTS, **THEMES[theme]}])
    runs_page.show(run_json(step=149), rows(1, 149))
    page.wait_for_function("() => document.querySelectorAll('figure canvas').length === 2")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    if SCREENSHOTS:
        page.screenshot(path=Path(SCREENSHOTS) / f"runs-page-{theme}-{width}.png")


def test_a_hundred_thousand_points(runs_page: RunsPage) -> None:
    runs_page.show(run_json(step=100_000), [])
    runs_page.page.evaluate(
        """message => {
            const row = (_, n) => ({ step: n + 1, time: 0, epoch: 0, values: { "train/loss": 1 / (n + 1) } });
            window.postMessage({ ...message, rows: Array.from({ length: 100_000 }, row) }, "*");
        }""",
        {"type": "rows", "folder": FOLDER, "run": run_json(step=100_000), "thinned": 1, "reset": True},
    )
    expect(runs_page.last_value("train/loss")).to_have_text("1.00e-5")
    expect(runs_page.page.get_by_text("thinned")).to_be_hidden()


def test_of_a_very_long_run_it_is_said_that_it_is_thinned(runs_page: RunsPage) -> None:
    runs_page.send(type="strings", strings={**WORDS, "thinned": "two of {0}"})
    runs_page.show(run_json(step=120), rows(1, 120))
    runs_page.send(type="rows", folder=FOLDER, run=run_json(step=120), rows=rows(1, 120), thinned=500, reset=True)
    expect(runs_page.page.get_by_text("two of 500")).to_be_visible()
    runs_page.send(type="rows", folder=FOLDER, run=run_json(step=121), rows=rows(121, 121), thinned=1, reset=False)
    expect(runs_page.last_value("train/loss")).to_have_text("0.09074")
    expect(runs_page.page.get_by_text("two of 500")).to_be_visible()


ADVICE = {
    "kind": "over-fitting",
    "metric": "validation/loss",
    "first_step": 69,
    "last_step": 230,
    "words": "The loss on held-out data rises while that of training falls.",
    "suggestions": ["`early_stopping.patience = 3`", "more <b>data</b>"],
}


def test_what_the_curves_say_stands_above_them_and_leads_to_the_recipe(runs_page: RunsPage) -> None:
    runs_page.show(run_json("completed", step=230), rows(1, 230))
    advice = runs_page.page.locator(".advice")
    expect(advice).not_to_be_visible()
    runs_page.send(type="advice", folder="/another", advice=[ADVICE])
    runs_page.send(type="advice", folder=FOLDER, advice=[ADVICE])
    expect(advice.locator("strong")).to_have_text("over-fitting")
    expect(advice).to_contain_text("steps 69 to 230")
    assert advice.locator("code").all_inner_texts() == ["early_stopping.patience = 3"]
    assert advice.locator("li").all_inner_texts()[1] == "more <b>data</b>"
    advice.get_by_role("button", name="recipe").click()
    assert runs_page.posted("recipe") == [{"type": "recipe", "folder": FOLDER}]


def test_curves_are_smoothed_and_put_on_a_logarithmic_scale(runs_page: RunsPage) -> None:
    runs_page.show(run_json("completed", step=230), rows(1, 230))
    runs_page.page.wait_for_function("() => document.querySelectorAll('figure canvas').length > 0")
    plain = image_of(runs_page)
    runs_page.page.get_by_label("smooth").check()
    smoothed = wait_for_another(runs_page, plain)
    runs_page.page.get_by_label("logScale").check()
    logarithmic = wait_for_another(runs_page, smoothed)
    runs_page.page.get_by_label("logScale").uncheck()
    wait_for_another(runs_page, logarithmic)
    runs_page.page.get_by_label("smooth").uncheck()
    runs_page.page.wait_for_function(
        "before => document.querySelector('figure canvas').toDataURL() === before", arg=plain
    )


def test_steps_that_are_zoomed_into_stay_in_sight_in_all_plots(runs_page: RunsPage) -> None:
    page = runs_page.page
    runs_page.show(run_json(step=200), rows(1, 200))
    expect(page.locator(".u-over")).to_have_count(2)

    def steps_at_the_edges(plot: int) -> list[int]:
        box = page.locator(".u-over").nth(plot).bounding_box()
        assert box is not None
        found = []
        for x in (box["x"] + 1, box["x"] + box["width"] - 1):
            page.mouse.move(x, box["y"] + 50)
            found.append(int(page.locator(".readout").nth(plot).inner_text().splitlines()[0].removeprefix("step ")))
        return found

    assert steps_at_the_edges(0) == [1, 200]
    box = page.locator(".u-over").first.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] * 0.25, box["y"] + 50)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + 50, steps=5)
    page.mouse.up()
    zoomed = steps_at_the_edges(0)
    assert 45 <= zoomed[0] <= 56
    assert 95 <= zoomed[1] <= 106
    assert steps_at_the_edges(1) == zoomed
    runs_page.show(run_json(step=230), rows(201, 230), reset=False)
    expect(page.locator("progress")).to_have_js_property("value", 230)
    assert steps_at_the_edges(0) == steps_at_the_edges(1) == zoomed
    page.mouse.dblclick(box["x"] + box["width"] / 2, box["y"] + 50)
    assert steps_at_the_edges(0) == steps_at_the_edges(1) == [1, 230]


def image_of(runs_page: RunsPage) -> str:
    image: str = runs_page.page.evaluate("() => document.querySelector('figure canvas').toDataURL()")
    return image


def wait_for_another(runs_page: RunsPage, before: str) -> str:
    runs_page.page.wait_for_function(
        "before => (document.querySelector('figure canvas')?.toDataURL() ?? before) !== before", arg=before
    )
    return image_of(runs_page)


def test_another_run_is_drawn_over_this_one_with_what_differs_in_a_table(runs_page: RunsPage) -> None:
    run, other = run_json("completed", step=230), run_json("completed", step=100, id="earlier")
    earlier = "/project/.pymodel/runs/earlier"
    listed = [{"folder": FOLDER, "run": run}, {"folder": earlier, "run": other}]
    runs_page.send(type="runs", runs=listed, selected=FOLDER)
    runs_page.send(type="rows", folder=FOLDER, run=run, rows=rows(1, 230), reset=True)
    legend = runs_page.page.locator("figure .legend").first
    expect(legend.locator("li")).to_have_count(2)
    runs_page.page.get_by_label("compareWith").select_option(earlier)
    assert runs_page.posted("compare") == [{"type": "compare", "folder": FOLDER, "other": earlier}]
    comparison = {
        "settings": {"optimizer.learning_rate": [0.001, 0.01], "data.augment": [None, ["flip"]]},
        "metrics": {"validation/loss": [0.08, 0.31]},
    }
    runs_page.send(type="compared", run=other, rows=rows(1, 100), comparison=comparison)
    expect(legend.locator("li")).to_have_count(4)
    table = runs_page.page.locator(".comparison tbody")
    assert [row.split() for row in table.inner_text().splitlines()] == [
        ["optimizer.learning_rate", "0.001", "0.01"],
        ["data.augment", "–", '["flip"]'],
        ["validation/loss", "0.08", "0.31"],
    ]
    if SCREENSHOTS:
        runs_page.page.screenshot(path=Path(SCREENSHOTS) / "runs-compared.png", full_page=True)
    runs_page.page.get_by_label("compareWith").select_option("")
    expect(legend.locator("li")).to_have_count(2)
    expect(runs_page.page.locator(".comparison")).not_to_be_visible()
