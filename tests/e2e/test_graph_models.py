"""Real models on the real page: drawn whole, opened in place, found, coloured, compared, saved, read as a tree."""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from pymodel.graph.compare import Comparison, compare_traces
from pymodel.graph.level import build_level
from pymodel.schema import Trace, to_json

from .graph_page import ROOT, GraphPage, build_pages, open_graph_page, serve, strings
from .traced import MODELS, Shown, trace_models

SCREENSHOTS = os.environ.get("PYMODEL_SCREENSHOTS")
NAMES = [*MODELS, "broken"]
OVERLAYS = ["parameters", "flops", "activation_bytes", "dtype", "training"]


@pytest.fixture(scope="module")
def traces(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Trace]:
    return trace_models(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="module")
def addresses() -> Iterator[tuple[str, str]]:
    build_pages()
    with serve() as addresses:
        yield addresses


@pytest.fixture(scope="module")
def graph(browser: Browser, addresses: tuple[str, str]) -> Iterator[GraphPage]:
    """One page for all, as one panel shows one model after another."""
    with open_graph_page(browser, addresses, strings(), width=560, height=900) as graph:
        yield graph
        graph.assert_clean()


def capture(graph: GraphPage, name: str) -> None:
    if SCREENSHOTS:
        Path(SCREENSHOTS).mkdir(parents=True, exist_ok=True)
        graph.page.screenshot(path=str(Path(SCREENSHOTS) / f"{name}.png"))


def boxes(graph: GraphPage, selector: str) -> list[dict[str, float]]:
    script = "all => all.map(e => { const {left, top, right, bottom} = e.getBoundingClientRect();"
    return list(graph.page.eval_on_selector_all(selector, f"{script} return {{left, top, right, bottom}}; }})"))


def overlap(a: dict[str, float], b: dict[str, float]) -> bool:
    return (
        a["left"] < b["right"] - 1
        and b["left"] < a["right"] - 1
        and a["top"] < b["bottom"] - 1
        and (b["top"] < a["bottom"] - 1)
    )


@pytest.mark.parametrize("name", NAMES)
def test_every_model_is_drawn_with_nothing_overlapping(graph: GraphPage, traces: dict[str, Trace], name: str) -> None:
    Shown(graph, traces[name])
    nodes = boxes(graph, "#origin > #nodes > g.node")
    assert nodes
    assert not [pair for pair in combinations(nodes, 2) if overlap(*pair)]
    texts = graph.page.eval_on_selector_all(
        "#origin > #nodes > g.node",
        """all => all.flatMap(node => [...node.querySelectorAll("text")].filter(text => {
            const [inner, outer] = [text.getBoundingClientRect(), node.getBoundingClientRect()];
            return inner.left < outer.left - 1 || inner.right > outer.right + 1;
        }).map(text => text.textContent))""",
    )
    assert texts == [], "cut off"
    failed = graph.page.locator("#nodes > .failed")
    assert failed.count() == (1 if name == "broken" else 0)
    for kind, width in (("vscode-dark", 560), ("vscode-light", 340)) if SCREENSHOTS else ():
        graph.page.set_viewport_size({"width": width, "height": 900})
        graph.set_theme(kind)
        capture(graph, f"{name}-{kind}-{width}")
    graph.page.set_viewport_size({"width": 560, "height": 900})


def test_a_row_opens_in_place_as_its_blocks_and_a_block_in_it(graph: GraphPage, traces: dict[str, Trace]) -> None:
    shown = Shown(graph, traces["nano-gpt"])
    row = graph.node("Block ×12")
    row.locator("xpath=./*[contains(@class, 'opener')]").click()
    shown.answer("expand")
    inside = graph.page.locator(".inner-level g.graph-node")
    assert inside.count() == 12
    assert "opened" in row.get_attribute("class")
    inside.nth(1).locator("xpath=./*[contains(@class, 'opener')]").click()
    shown.answer("expand")
    assert graph.page.locator(".inner-level .inner-level").count() == 1
    capture(graph, "nano-gpt-opened")
    attention = graph.page.locator(".inner-level .inner-level g.graph-node").filter(has_text="CausalSelfAttention")
    attention.locator(".node-item-type").first.click()
    graph.wait_for_posted({"type": "reveal", "id": "transformer.h.1.attn"})
    assert "select" in attention.get_attribute("class")
    graph.send({"type": "select", "id": "transformer.h.1.mlp"})
    graph.page.wait_for_function("() => document.querySelector('.card bdi')?.textContent === 'mlp'")
    assert graph.page.locator("#canvas .select.graph-node").count() == 1
    graph.page.locator("#target").focus()
    graph.send({"type": "select", "id": "transformer.h.0×12"})
    graph.page.wait_for_function("() => document.querySelector('.card bdi')?.textContent.includes('…')")
    graph.page.keyboard.press("Space")
    shown.answer("expand")
    assert graph.page.locator(".inner-level").count() == 0


def test_find_reaches_a_node_on_any_level(graph: GraphPage, traces: dict[str, Trace]) -> None:
    shown = Shown(graph, traces["nano-gpt"])
    graph.page.keyboard.press("Control+f")
    graph.page.keyboard.type("c_attn 2304")
    shown.answer("find")
    first = graph.page.locator(".hits [role=option]").first
    first.wait_for()
    assert "transformer.h.0.attn.c_attn" in first.inner_text()
    capture(graph, "find")
    graph.page.keyboard.press("Enter")
    shown.answer("goTo")
    assert graph.page.locator("[aria-current]").inner_text() == "attn"
    assert "c_attn" in graph.page.locator("#nodes > .select").text_content()
    graph.page.locator(".find").fill("nothing like it")
    shown.answer("find")
    graph.page.locator(".hits .none").wait_for()
    graph.page.keyboard.press("Escape")
    assert not graph.page.locator(".hits").is_visible()


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_an_overlay_colours_and_says_in_words(graph: GraphPage, traces: dict[str, Trace], overlay: str) -> None:
    shown = Shown(graph, traces["unet"])
    graph.page.locator(".toolbar select").first.select_option(overlay)
    shown.answer("overlay")
    coloured = graph.page.locator("#nodes > .coloured")
    coloured.first.wait_for()
    level = build_level(traces["unet"])
    reading = next(each for each in _overlay(shown).readings if each.id == level.nodes[1].id)
    node = graph.node(level.nodes[1].name)
    assert reading.words in node.text_content()
    fill = node.locator("> .node-item-type path").first.evaluate("e => getComputedStyle(e).fill")
    assert fill == node.evaluate(
        "e => { const s = document.createElement('i'); s.style.color = e.style.getPropertyValue('--fill');"
        " document.body.append(s); const c = getComputedStyle(s).color; s.remove(); return c; }"
    )
    assert graph.page.locator(".legend .key").count() >= 1
    if SCREENSHOTS:
        graph.set_theme("vscode-light")
        capture(graph, f"overlay-{overlay}-light")
        graph.set_theme("vscode-dark")
    capture(graph, f"overlay-{overlay}-dark")
    graph.page.locator(".toolbar select").first.select_option("")
    shown.answer("overlay")
    assert graph.page.locator(".legend").is_hidden()


def _overlay(shown: Shown) -> Any:
    from pymodel.graph.overlays import read_overlay

    trace = shown.session._trace
    return read_overlay(str(shown.session._overlay), trace, build_level(trace).nodes)


def test_a_comparison_is_drawn_in_one_graph_and_told_in_a_table(graph: GraphPage, traces: dict[str, Trace]) -> None:
    before, after = traces["article"], traces["broken"]
    shown = Shown(graph, after)
    (level_message,) = shown.session.answer({"type": "open", "path": ""})
    compared = {**level_message["shown"], "level": to_json(build_level(after, "", Comparison.of(before, after)))}
    graph.show_whole({**compared, "base": "main"})
    assert graph.page.locator("#nodes > .change-removed").count() == 6
    added = graph.page.locator("#nodes > .change-added")
    assert "+ added" in added.first.text_content()
    graph.send({"type": "diff", "diff": to_json(compare_traces(before, after, "git:main"))})
    table = graph.page.locator(".card table")
    table.wait_for()
    assert "− removed" in table.inner_text()
    capture(graph, "diff")
    table.get_by_role("button", name="stem").click()
    graph.wait_for_posted({"type": "goTo", "id": "stem"})
    graph.page.get_by_role("button", name="End the comparison").click()
    graph.wait_for_posted({"type": "endCompare"})


def test_the_tree_is_the_same_graph_for_the_keyboard(graph: GraphPage, traces: dict[str, Trace]) -> None:
    shown = Shown(graph, traces["nano-gpt"])
    graph.page.locator("#target").focus()
    graph.page.keyboard.press("t")
    rows = graph.page.locator("[role=treeitem]")
    rows.first.wait_for()
    level = build_level(traces["nano-gpt"])
    assert [row.split("\n")[-1] for row in graph.page.locator("[role=treeitem] .name").all_inner_texts()] == [
        node.name for node in level.nodes
    ]
    block = next(n for n, node in enumerate(level.nodes) if node.repeats == 12)
    graph.page.keyboard.press("Home")
    for _ in range(block):
        graph.page.keyboard.press("ArrowDown")
    graph.wait_for_posted({"type": "reveal", "id": "transformer.h.0"})
    graph.page.keyboard.press("ArrowRight")
    row = {"path": "transformer.h.0×12"}
    graph.wait_for_posted({"type": "expand", **row, "open": True})
    for answer in shown.session.answer({"type": "expand", **row, "open": True}):
        graph.send(answer)
    graph.page.wait_for_function(
        "n => document.querySelectorAll('[role=treeitem]').length >= n", arg=12 + len(level.nodes)
    )
    assert rows.nth(block + 1).get_attribute("aria-level") == "2"
    capture(graph, "tree-dark")
    graph.page.keyboard.press("ArrowLeft")
    graph.wait_for_posted({"type": "expand", **row, "open": False})
    graph.page.keyboard.press("t")
    graph.page.wait_for_function("() => !document.querySelector('#target').classList.contains('empty')")


@pytest.mark.parametrize("format", ["svg", "png"])
def test_a_picture_of_the_level_stands_alone(
    graph: GraphPage, traces: dict[str, Trace], browser: Browser, format: str
) -> None:
    Shown(graph, traces["unet"])
    graph.page.locator(".toolbar select").last.select_option(format)
    graph.page.wait_for_function(
        "format => window.posted.some(m => m.type === 'save' && m.format === format)", arg=format
    )
    data = graph.page.evaluate(
        """async format => { const { data } = window.posted.findLast(m => m.type === "save" && m.format === format);
            const blob = new Blob([data], { type: format === "png" ? "image/png" : "image/svg+xml" });
            const reader = new FileReader();
            return new Promise(done => { reader.onload = () => done(reader.result); reader.readAsDataURL(blob); });
        }""",
        format,
    )
    context = browser.new_context(viewport={"width": 500, "height": 900})
    try:
        page = context.new_page()
        page.set_content(f'<img src="{data}">')
        width, height = page.eval_on_selector(
            "img", "async i => { await i.decode(); return [i.naturalWidth, i.naturalHeight]; }"
        )
        assert width > 200
        assert height > 500
        if format == "svg":
            text = base64.b64decode(data.partition(",")[2]).decode()
            assert "DoubleConv" in text
            assert "var(--" not in text
        if SCREENSHOTS:
            page.screenshot(path=str(Path(SCREENSHOTS) / f"picture-{format}.png"))
    finally:
        context.close()


def test_a_name_of_a_megabyte_changes_nothing(graph: GraphPage, traces: dict[str, Trace]) -> None:
    shown = Shown(graph, traces["article"])
    (message,) = shown.session.answer({"type": "open", "path": ""})
    level = message["shown"]["level"]
    huge = "<img src=x onerror='window.hacked=1'>\u202e\u2028" * 25_000
    level["nodes"][1].update(name=huge, type=huge, arguments=huge, error=huge)
    graph.show_whole(message["shown"])
    graph.send({"type": "select", "id": level["nodes"][1]["id"]})
    graph.page.locator(".card").wait_for()
    graph.page.locator(".tree-button").click()
    graph.page.locator("[role=treeitem]").first.wait_for()
    graph.page.locator(".tree-button").click()
    graph.send(
        {"type": "found", "query": "", "hits": [{"level": "", "id": "x", "name": huge, "type": huge, "detail": ""}]}
    )
    assert graph.page.locator("img").count() == 0
    assert graph.page.evaluate("window.hacked === undefined")


@pytest.mark.parametrize("kind", ["vscode-dark", "vscode-light", "vscode-high-contrast", "vscode-high-contrast-light"])
def test_axe_finds_nothing_serious(
    browser: Browser, addresses: tuple[str, str], traces: dict[str, Trace], kind: str
) -> None:
    axe = (ROOT / "node_modules" / "axe-core" / "axe.min.js").read_text(encoding="utf-8")
    with open_graph_page(browser, addresses, strings(), width=420) as graph:
        graph.set_theme(kind)
        shown = Shown(graph, traces["broken"])
        shown.tell({"type": "overlay", "name": "flops"})
        graph.node("middle").click()
        for state in ("graph", "tree", "find"):
            if state == "tree":
                graph.page.locator(".tree-button").click()
                graph.page.locator("[role=treeitem]").first.wait_for()
            elif state == "find":
                graph.page.locator(".find").fill("linear")
                shown.answer("find")
                graph.page.locator(".hits [role=option]").first.wait_for()
            graph.page.evaluate(axe)
            found = graph.page.evaluate("axe.run(document, { resultTypes: ['violations'] })")
            serious = [
                (each["id"], [node["target"] for node in each["nodes"]])
                for each in found["violations"]
                if each["impact"] in ("serious", "critical")
            ]
            assert serious == [], state
