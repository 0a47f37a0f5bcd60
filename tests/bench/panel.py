"""The graph page in headless Chromium: milliseconds from a message to the frame after the drawing, and the heap.

Beside it, in the same page and run, the same operations as a flat ONNX graph, read and drawn as Netron does it.
"""

from __future__ import annotations

import json
import os
import sys
import time
from typing import Any
from unittest.mock import patch

from playwright.sync_api import Browser, sync_playwright

from pymodel.browse.session import GraphSession
from pymodel.cli.analyses import analyse_file
from pymodel.graph.level import find_node
from pymodel.schema import Trace, dumps
from pymodel.worker.client import Worker
from tests.e2e.conftest import CHROMIUM_ARGUMENTS
from tests.e2e.graph_page import GraphPage, build_pages, open_graph_page, serve, strings
from tests.e2e.vscode.install import find_browser
from tests.unit.graph_traces import chain_of_blocks

from .cases import case_of

BLOCKS = 6_667
"""Of three operations each: 20,000."""

TIME = """async messages => {
    const wanted = DONE;
    const start = performance.now();
    for (const message of messages) window.postMessage(JSON.parse(message), "*");
    while (!wanted()) await new Promise(requestAnimationFrame);
    await new Promise(requestAnimationFrame);
    return performance.now() - start;
}"""
DRAWN = """() => {{ const nodes = [...document.querySelectorAll("#canvas g.node")];
    return document.querySelector("[aria-current]")?.textContent === {title}
        && nodes.length === {count} && nodes.every(node => node.style.opacity === ""); }}"""
LIT = """() => document.querySelector("#nodes > .select")?.textContent.includes({name})"""


def measure() -> dict[str, dict[str, float]]:
    build_pages()
    traces = {name: _trace(name) for name in ("resnet50", "llama_70b")}
    traces["ops_20000"] = chain_of_blocks(BLOCKS)
    with sync_playwright() as playwright, serve() as addresses:
        browser = playwright.chromium.launch(executable_path=find_browser(), args=CHROMIUM_ARGUMENTS)
        found = {name: _measure(browser, addresses, trace) for name, trace in traces.items()}
        found["resnet50"]["netron"] = _measure_flat(browser, addresses, traces["resnet50"])
        browser.close()
    return found


def _trace(name: str) -> Trace:
    case = case_of(name)
    with patch.dict(os.environ, PYMODEL_ANALYSIS_SECONDS="150"), Worker() as worker:
        return analyse_file(worker, str(case.path), (f"{case.path}::{case.class_name}",)).traces[0]


def _measure(browser: Browser, addresses: tuple[str, str], trace: Trace) -> dict[str, float]:
    """`paint`: the whole model, its transfer included; `descend`: into its first part; `lit`: from the cursor's event,
    the search for the node included; `refresh`: after an edit, the level's making included."""
    with open_graph_page(browser, addresses, strings()) as graph:
        session = GraphSession(trace, {})
        started = time.perf_counter()
        answers = session.answer({"type": "open", "path": ""})
        making = 1000 * (time.perf_counter() - started)
        paint = making + _show(graph, answers)
        (level,) = session.answer({"type": "open", "path": ""})
        nodes = level["shown"]["level"]["nodes"]
        last = next(node for node in reversed(nodes) if node["range"] is not None)
        started = time.perf_counter()
        id = _found(trace, last)
        finding = 1000 * (time.perf_counter() - started)
        lit = finding + _timed(graph, [{"type": "select", "id": id}], LIT.format(name=json.dumps(last["name"])))
        nodes[1]["parameters"] = 123_456
        edited = "() => document.getElementById('nodes').textContent.includes('123,456')"
        refresh = making + _timed(graph, [{"type": "level", "shown": level["shown"]}], edited)
        opens = next(node for node in nodes if node["children"] > 0)
        descend = _show(graph, session.answer({"type": "open", "path": opens["id"]}))
        heap = graph.page.evaluate("performance.memory.usedJSHeapSize") / 1e6
    return {"paint": paint, "descend": descend, "lit": lit, "refresh": refresh, "heap": heap}


def _found(trace: Trace, node: dict[str, Any]) -> str | None:
    from pymodel.schema import Position

    place = node["range"]
    return find_node(trace, "", place["path"], Position(place["start"]["line"], place["start"]["column"]))


def _show(graph: GraphPage, answers: list[dict[str, Any]]) -> float:
    (answer,) = answers
    shown = answer["shown"]
    title, count = json.dumps(shown["breadcrumbs"][-1]["name"]), len(shown["level"]["nodes"])
    return _timed(graph, answers, DRAWN.format(title=title, count=count))


def _timed(graph: GraphPage, messages: list[dict[str, Any]], done: str) -> float:
    elapsed: float = graph.page.evaluate(TIME.replace("DONE", done), [dumps(message) for message in messages])
    return elapsed


def _measure_flat(browser: Browser, addresses: tuple[str, str], trace: Trace) -> float:
    with open_graph_page(browser, addresses, strings()) as graph:
        elapsed: float = graph.page.evaluate(
            """async numbers => {
                const { buffer } = new Uint8Array(numbers);
                const push = window.posted.push.bind(window.posted);
                window.posted.push = (message) => {
                    push(message);
                    const bytes = buffer.slice(0);  // A small file is asked for as a whole.
                    if (message.type === "read") window.postMessage({ type: "bytes", file: 1, bytes }, "*");
                };
                const start = performance.now();
                const file = { id: 1, name: "model.onnx", size: buffer.byteLength };
                window.postMessage({ type: "file", file }, "*");
                const drawn = () => document.querySelector(".crumb.file")
                    && document.querySelector(".placeholder").hidden;
                while (!drawn()) await new Promise(requestAnimationFrame);
                await new Promise(requestAnimationFrame);
                return performance.now() - start;
            }""",
            list(_flat_onnx(trace)),
        )
    return elapsed


def _flat_onnx(trace: Trace) -> bytes:
    from onnx import TensorProto, helper

    operations = [each for each in trace.operations if each.kind == "op"]
    inputs = [tensor.id for each in trace.operations if each.kind == "input" for tensor in each.outputs]
    nodes = [
        helper.make_node(each.name, list(each.inputs), [tensor.id for tensor in each.outputs], domain="torch")
        for each in operations
    ]
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch"]) for name in inputs]
    graph = helper.make_graph(nodes, "flat", values, [])
    serialized: bytes = helper.make_model(graph).SerializeToString()
    return serialized


if __name__ == "__main__":
    json.dump(measure(), sys.stdout)
    print()
