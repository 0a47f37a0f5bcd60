"""The graph page itself: what it draws, what it tells, and what it never does."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from .graph_page import GraphPage, build_pages, open_graph_page, serve, strings

SCREENSHOTS = os.environ.get("PYMODEL_SCREENSHOTS")
FILE = "/project/model.py"


def node(id: str, **fields: Any) -> dict[str, Any]:
    """A node of a level as `pymodel/graph` answers it."""
    line = fields.pop("line", None)
    place = {"path": FILE, "start": {"line": line, "column": 12}, "end": {"line": line, "column": 25}} if line else None
    defaults: dict[str, Any] = {
        "name": id.rpartition("#")[2],
        "type": id.rpartition("#")[2],
        "path": None,
        "range": place,
        "inputs": [],
        "outputs": [],
        "parameters": 0,
        "flops": 0,
        "children": 0,
        "kind": "op",
        "arguments": "",
        "error": None,
        "repeats": 1,
        "activation_bytes": 0,
        "dtype": "float32",
        "trainable": fields.get("parameters", 0),
        "weights": [],
        "change": None,
    }
    return {"id": id, **defaults, **fields}


def chain(*nodes: dict[str, Any], path: str = "", names: tuple[str, ...] = ("MyModel",)) -> dict[str, Any]:
    """A level whose nodes follow each other; each edge has the shape that its source gives."""
    edges = [
        {"from": before["id"], "to": after["id"], "dims": (before["outputs"] or [["B"]])[0], "dtype": "float32"}
        for before, after in pairwise(nodes)
    ]
    ways = path.split(".") if path else []
    crumbs = [{"path": ".".join(ways[:count]), "name": name} for count, name in enumerate(names)]
    return {
        "uri": f"file://{FILE}",
        "target": f"{FILE}::MyModel",
        "title": names[-1],
        "stale": False,
        "breadcrumbs": crumbs,
        "level": {"path": path, "nodes": list(nodes), "edges": edges},
        "inner": [],
        "selected": None,
        "overlay": None,
        "base": None,
        "inspected": None,
    }


def module(id: str, type: str, dims: list[Any], **fields: Any) -> dict[str, Any]:
    return node(id, type=type, kind="module", path=id, outputs=[dims], **fields)


def article(**conv1: Any) -> dict[str, Any]:
    """The image model, ten nodes long."""
    image = ["B", 64, 10, 10]
    first = {
        "inputs": [["B", 3, 12, 12]],
        "parameters": 1792,
        "flops": "345600*B",
        "arguments": "3, 64, kernel_size=(3, 3)",
        "line": 14,
    }
    return chain(
        node("input:x", name="x", kind="input", outputs=[["B", 3, 12, 12]]),
        module("conv1", "Conv2d", image, **{**first, **conv1}),
        node("#relu", type="torch.relu", outputs=[image], line=15),
        module("block", "ResidualBlock", image, parameters=73_856, children=3, line=16, repeats=4),
        module("dropout", "Dropout", image, arguments="p=0.1", line=17),
        node("#view", type="torch.view", outputs=[["B", 6400]], line=18),
        module("fc1", "Linear", ["B", 1024], parameters=6_554_624, line=19),
        node("#relu-2", name="relu", type="torch.relu", outputs=[["B", 1024]], line=19),
        module("fc2", "Linear", ["B", 10], parameters=10_250, line=20),
        node("output:output", name="output", kind="output"),
    )


def inside_block() -> dict[str, Any]:
    return chain(
        node("block#input1", name="input", kind="input", outputs=[["B", 64, "(H-1)//2+1", "W"]]),
        module("block.conv", "Conv2d", ["B", 64, 10, 10]),
        node("block#add", type="torch.add", outputs=[["B", 64, 10, 10]]),
        node("block#output1", name="output", kind="output"),
        path="block",
        names=("MyModel", "block"),
    )


@pytest.fixture(scope="module")
def addresses() -> Iterator[tuple[str, str]]:
    build_pages()
    with serve() as addresses:
        yield addresses


@pytest.fixture(scope="module")
def words() -> dict[str, Any]:
    return strings()


@pytest.fixture
def graph(browser: Browser, addresses: tuple[str, str], words: dict[str, Any]) -> Iterator[GraphPage]:
    """The page, empty. However it was used, it must have stayed within its policy and its origin."""
    with open_graph_page(browser, addresses, words) as graph:
        yield graph
        graph.assert_clean()


def capture(graph: GraphPage, name: str) -> None:
    if SCREENSHOTS:
        Path(SCREENSHOTS).mkdir(parents=True, exist_ok=True)
        graph.page.screenshot(path=str(Path(SCREENSHOTS) / f"{name}.png"))


def test_a_level_is_drawn_with_types_names_and_shapes(graph: GraphPage) -> None:
    graph.show(article())
    assert graph.page.locator("#nodes > g.node").count() == 10
    assert graph.page.locator("#edge-paths > path.edge-path").count() == 9
    labels = graph.page.locator("#edge-labels text").all_text_contents()
    assert labels[:2] == ["B×3×12×12", "B×64×10×10"]
    assert "conv1" in graph.node("Conv2d").text_content()
    assert "ResidualBlock ×4" in graph.node("ResidualBlock").text_content()
    capture(graph, "level-dark")


def test_an_expression_in_a_shape_is_readable(graph: GraphPage) -> None:
    graph.show(inside_block())
    assert graph.page.locator("#edge-labels text").first.text_content() == "B×64×((H-1)//2+1)×W"


def test_a_click_reveals_the_code_and_opens_the_card(graph: GraphPage) -> None:
    graph.show(article())
    graph.node("Conv2d").click()
    graph.wait_for_posted({"type": "reveal", "id": "conv1"})
    card = graph.page.locator(".card")
    text = card.inner_text()
    for expected in ("conv1", "Conv2d", "3, 64, kernel_size=(3, 3)", "B×3×12×12", "1,792", "345,600·B", "model.py:14"):
        assert expected in text
    assert "select" in graph.node("Conv2d").get_attribute("class")
    target = graph.page.locator("#target").bounding_box()
    assert target is not None
    assert target["width"] == 480, "the card must not squeeze the graph"
    capture(graph, "card-dark")


def test_clicking_beside_the_graph_clears_the_selection(graph: GraphPage) -> None:
    graph.show(article())
    graph.node("Conv2d").click()
    graph.page.locator("#target").click(position={"x": 5, "y": 300})
    assert graph.page.locator("#nodes > .select").count() == 0
    assert not graph.page.locator(".card").is_visible()


def test_the_editors_cursor_lights_and_shows_a_node(graph: GraphPage) -> None:
    graph.show(article())
    graph.send({"type": "select", "id": "fc2"})
    graph.page.wait_for_selector("#nodes > .select")
    node_box = graph.page.locator("#nodes > .select").bounding_box()
    card_box = graph.page.locator(".card").bounding_box()
    assert node_box is not None
    assert card_box is not None
    assert node_box["y"] >= 0
    assert node_box["y"] + node_box["height"] <= card_box["y"], "the card must not cover the node"
    assert graph.posted("reveal") == [], "what came from the editor must not go back to it"
    graph.send({"type": "select", "id": None})
    graph.page.wait_for_selector("#nodes > .select", state="detached")


def test_a_closed_card_stays_away_until_a_node_is_clicked(graph: GraphPage) -> None:
    graph.show(article())
    graph.send({"type": "select", "id": "fc2"})
    graph.page.locator(".card .close").click()
    graph.send({"type": "select", "id": "fc1"})
    graph.page.wait_for_function("() => document.querySelector('#nodes > .select')?.textContent.includes('fc1')")
    assert not graph.page.locator(".card").is_visible()
    graph.node("fc1").click()
    assert graph.page.locator(".card").is_visible()


def test_double_click_and_enter_go_down_and_plus_opens_in_place(graph: GraphPage) -> None:
    graph.show(article())
    graph.node("ResidualBlock").locator(".node-item-type").first.dblclick()
    graph.page.wait_for_function("() => window.posted.filter(m => m.type === 'open').length === 1")
    graph.page.keyboard.press("Enter")
    graph.page.wait_for_function("() => window.posted.filter(m => m.type === 'open').length === 2")
    graph.node("ResidualBlock").locator(".opener").click()
    graph.wait_for_posted({"type": "expand", "path": "block×4", "open": True})
    assert all(message["path"] == "block" for message in graph.posted("open"))
    graph.node("Conv2d").locator(".node-item-type").first.dblclick()
    graph.page.keyboard.press("Enter")
    assert len(graph.posted("open")) == 2, "there is nothing inside a Conv2d"


def test_backspace_and_breadcrumbs_go_up_to_where_one_came_from(graph: GraphPage) -> None:
    graph.show(article())
    graph.show(inside_block())
    assert graph.page.locator(".crumbs").inner_text().split() == ["MyModel", "block"]
    capture(graph, "inside-dark")
    graph.page.keyboard.press("Backspace")
    graph.wait_for_posted({"type": "open", "path": ""})
    graph.page.locator("button.crumb").click()
    graph.page.wait_for_function("() => window.posted.filter(m => m.type === 'open').length === 2")
    graph.show(article())
    assert "ResidualBlock" in graph.page.locator("#nodes > .select").text_content()


def test_the_keyboard_walks_along_the_flow(graph: GraphPage) -> None:
    graph.show(article())
    graph.page.locator("#target").focus()
    for expected in ("input:x", "conv1", "#relu"):
        graph.page.keyboard.press("ArrowDown")
        graph.wait_for_posted({"type": "reveal", "id": expected})
    graph.page.keyboard.press("Escape")
    assert graph.page.locator("#nodes > .select").count() == 0


def test_a_refresh_keeps_zoom_selection_and_place(graph: GraphPage) -> None:
    graph.show(article())
    graph.node("Linear").click()
    graph.page.get_by_title("Zoom out").click()
    middle = graph.node("dropout").bounding_box()
    zoom = graph.page.evaluate("document.getElementById('canvas').getScreenCTM().a")
    changed = article(parameters=896)
    changed["level"]["edges"][1]["dims"] = ["B", 32, 10, 10]
    graph.send({"type": "level", "shown": changed})
    graph.page.wait_for_function("() => document.getElementById('edge-labels').textContent.includes('B×32×10×10')")
    graph.page.wait_for_function("() => document.querySelectorAll('#canvas #nodes').length === 1")
    after = graph.node("dropout").bounding_box()
    assert middle is not None
    assert after is not None
    assert abs(after["y"] - middle["y"]) < 3
    assert graph.page.evaluate("document.getElementById('canvas').getScreenCTM().a") == pytest.approx(zoom, rel=1e-3)
    assert "fc1" in graph.page.locator("#nodes > .select").text_content()


def test_the_same_level_again_is_not_drawn_again(graph: GraphPage) -> None:
    graph.show(article())
    graph.page.evaluate("window.drawn = document.getElementById('nodes')")
    graph.show({**article(), "stale": True})
    graph.page.wait_for_selector(".stale")
    assert graph.page.evaluate("window.drawn === document.getElementById('nodes')")


def test_a_failing_node_is_marked_and_says_why(graph: GraphPage) -> None:
    message = "fc1 takes 6400 features, but gets 3200.\nThe view on line 18 makes them."
    graph.show(article(error=message))
    assert "failed" in graph.node("Conv2d").get_attribute("class")
    graph.node("Conv2d").click()
    assert message in graph.page.locator(".card .fault").inner_text()
    capture(graph, "error-dark")


def test_hostile_names_are_text(graph: GraphPage) -> None:
    image = "<img src=x onerror='window.hacked=1'>"
    names = [image, "a\u2028b\u2029c", "\u202egnp.exe", "שכבה", "'\"`${1}&amp;", "\u0000", "a" * 500, "constructor"]
    nodes = [
        module(f"{number}.{name}", name, [name[:30]], arguments=name, error=name, children=2, line=number + 1)
        for number, name in enumerate(names)
    ]
    shown = chain(*nodes, names=(image,))
    shown["title"] = image
    graph.show(shown)
    assert graph.page.locator("#nodes > g.node").count() == len(names)
    for number in range(len(names)):
        graph.send({"type": "select", "id": nodes[number]["id"]})
        graph.page.wait_for_function(
            "name => document.querySelector('.card bdi')?.textContent === name", arg=nodes[number]["name"]
        )
    graph.send({"type": "placeholder", "placeholder": {"text": image, "busy": False}})
    graph.page.wait_for_selector(".placeholder p")
    assert graph.page.locator("img").count() == 0
    assert graph.page.evaluate("window.hacked === undefined")


def test_words_stand_where_there_is_nothing_to_draw(graph: GraphPage) -> None:
    graph.show(article())
    graph.node("Conv2d").click()
    placeholder = {
        "text": "PyModel reads models as text only in an untrusted workspace.",
        "busy": False,
        "action": {"title": "Manage Trust", "command": "pymodel.manageTrust"},
    }
    graph.send({"type": "placeholder", "placeholder": placeholder})
    graph.page.get_by_role("button", name="Manage Trust").click()
    graph.wait_for_posted({"type": "action", "command": "pymodel.manageTrust"})
    assert not graph.page.locator("#canvas").is_visible()
    assert not graph.page.locator(".card").is_visible()
    capture(graph, "placeholder-dark")
    graph.show(article())
    assert graph.page.locator("#canvas").is_visible()


def test_the_latest_of_many_levels_is_what_stays(graph: GraphPage) -> None:
    for _ in range(5):
        graph.send({"type": "level", "shown": article()})
        graph.send({"type": "level", "shown": inside_block()})
    graph.page.wait_for_function("() => document.querySelector('#nodes')?.textContent.includes('block.conv')")
    graph.show(inside_block())
    assert graph.page.locator("#nodes > g.node").count() == 4


def test_the_page_comes_back_as_it_was_left(graph: GraphPage, words: dict[str, Any]) -> None:
    graph.show(inside_block())
    graph.node("Conv2d").click()
    graph.page.get_by_title("Zoom in").click()
    graph.page.wait_for_function("() => JSON.parse(sessionStorage.getItem('state'))?.zoom > 1.1")
    graph.page.reload()
    graph.set_theme("vscode-dark")
    graph.page.wait_for_function("() => window.posted.some(m => m.type === 'ready')")
    state = graph.posted("ready")[0]["state"]
    assert (state["path"], state["selected"]) == ("block", "block.conv")
    graph.send({"type": "strings", "strings": words})
    graph.show(inside_block())
    graph.page.wait_for_selector("#nodes > .select")
    assert "block.conv" in graph.page.locator(".card").inner_text()


@pytest.mark.parametrize(
    ("kind", "width"),
    [
        *(("vscode-dark", width) for width in (240, 320, 480, 1100)),
        *(("vscode-light", width) for width in (320, 1100)),
        ("vscode-high-contrast", 320),
        ("vscode-high-contrast-light", 320),
    ],
)
def test_the_drawing_follows_the_theme_and_fits_the_width(graph: GraphPage, kind: str, width: int) -> None:
    graph.page.set_viewport_size({"width": width, "height": 800})
    graph.set_theme(kind)
    graph.show(article())
    graph.node("ResidualBlock").click()
    fill = graph.page.evaluate("getComputedStyle(document.querySelector('.boundary .graph-item-input path')).fill")
    assert fill == ("rgb(64, 64, 64)" if kind in ("vscode-dark", "vscode-high-contrast") else "rgb(238, 238, 238)")
    assert graph.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    cut = "all => all.filter(each => each.scrollWidth > each.clientWidth).map(each => each.outerHTML)"
    assert graph.page.eval_on_selector_all(".toolbar > *", cut) == []
    capture(graph, f"{kind}-{width}")


def test_a_model_file_is_drawn_by_netrons_own_reader(graph: GraphPage, tmp_path: Path) -> None:
    graph.show(article())
    (tmp_path / "model.onnx").write_bytes(onnx_bytes())
    graph.open_file(tmp_path / "model.onnx")
    graph.await_file(3)
    text = graph.page.locator("#nodes").text_content()
    assert "Gemm" in text
    assert "Relu" in text
    graph.node("Gemm").click()
    assert "transB" in graph.page.locator(".card").inner_text()
    capture(graph, "onnx-dark")
    graph.show(article())
    assert "ResidualBlock" in graph.page.locator("#nodes").text_content()


def onnx_bytes() -> bytes:
    """A small ONNX model: Gemm, Relu, Gemm."""
    import onnx
    from onnx import TensorProto, helper

    def weights(name: str, dims: list[int]) -> onnx.TensorProto:
        count = dims[0] * dims[1] if len(dims) == 2 else dims[0]
        return helper.make_tensor(name, TensorProto.FLOAT, dims, [0.5] * count)

    graph = helper.make_graph(
        [
            helper.make_node("Gemm", ["x", "w1", "b1"], ["h"], transB=1),
            helper.make_node("Relu", ["h"], ["a"]),
            helper.make_node("Gemm", ["a", "w2", "b2"], ["y"], transB=1),
        ],
        "net",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 8])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", 2])],
        [weights("w1", [4, 8]), weights("b1", [4]), weights("w2", [2, 4]), weights("b2", [2])],
    )
    opset = [helper.make_opsetid("", 20)]
    serialized: bytes = helper.make_model(graph, opset_imports=opset, ir_version=10).SerializeToString()
    return serialized
