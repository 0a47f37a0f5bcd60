"""Real models in a real VS Code, one after another in one window: levels, both ways, card, colours, find."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from .conftest import Open
from .test_graph_view import await_way, graph, way
from .traced import BROKEN, MODELS, TESTS
from .vscode.workbench import Workbench

SCREENSHOTS = os.environ.get("PYMODEL_SCREENSHOTS")
NAMES = [*MODELS, "broken"]
SOUGHT = {
    "article": "conv1",
    "resnet50": "downsample",
    "unet": "DoubleConv",
    "nano-gpt": "c_attn",
    "vit-l": "mlp",
    "llama-70b": "28672",
    "two-tower": "Embedding",
    "broken": "middle",
}
"""What is looked for in each: a name, a type, or a shape."""


@pytest.fixture(scope="module")
def workbench(open_folder: Open, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workbench]:
    folder = tmp_path_factory.mktemp("models")
    for name, target in MODELS.items():
        shutil.copy(TESTS / target.partition("::")[0], folder / file_of(name))
    (folder / file_of("broken")).write_text(BROKEN, encoding="utf-8")
    with open_folder(folder) as workbench:
        workbench.open_file(file_of("article"))
        workbench.run("PyModel: Show Model Graph")
        yield workbench


def file_of(name: str) -> str:
    return f"{name.replace('-', '_')}.py"


def class_of(name: str) -> str:
    return MODELS[name].partition("::")[2] if name in MODELS else "Broken"


def line_of(name: str) -> int:
    """Of the model's `forward`, from 1."""
    source = BROKEN if name == "broken" else (TESTS / MODELS[name].partition("::")[0]).read_text(encoding="utf-8")
    lines = source.splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith(f"class {class_of(name)}("))
    return 1 + next(number for number in range(start, len(lines)) if "def forward" in lines[number])


@pytest.mark.parametrize("name", NAMES)
def test_a_model_is_drawn_opened_coloured_and_found_in(workbench: Workbench, name: str) -> None:
    workbench.open_file(file_of(name))
    workbench.go_to(line_of(name))
    whole = class_of(name)
    workbench.until(
        lambda: workbench.webview("#page", seconds=60).locator("[aria-current]").all_text_contents() == [whole],
        f"the graph of {whole}",
        seconds=150,
    )
    page = graph(workbench)
    failed = page.locator("#nodes > .failed")
    assert failed.count() == (1 if name == "broken" else 0)
    capture(workbench, name)

    # A node shows its card, and its line; the cursor there lights the node.
    steps = page.locator("#nodes > g.graph-node")
    steps.last.locator(".node-item-type").first.click()
    page.locator(".card").wait_for()
    line = int(page.locator(".card dd button").first.inner_text().rpartition(":")[2])
    workbench.until(lambda: workbench.cursor_line() == line, f"line {line}", seen=workbench.cursor_line)

    page.locator(".toolbar select").first.select_option("parameters")
    coloured = page.locator("#nodes > .coloured")
    workbench.until(lambda: coloured.count() > 0, "colours")
    assert page.locator(".legend").is_visible()
    page.locator(".toolbar select").first.select_option("")
    workbench.until(lambda: coloured.count() == 0, "no colours")

    page.locator(".find").fill(SOUGHT[name])
    hit = page.locator(".hits [role=option]:not(.none)").first
    workbench.until(lambda: hit.is_visible() and SOUGHT[name] in hit.inner_text(), f"{SOUGHT[name]} to be found")
    found = hit.locator(".name").inner_text()
    hit.click()
    card = page.locator(".card")
    workbench.until(lambda: found in card.inner_text(), f"the card of {found}", seen=card.inner_text)
    assert page.locator("#canvas .select.graph-node").count() == 1
    while len(way(workbench)) > 1:
        page.locator("button.crumb").first.click()
        await_way(workbench, whole)

    opens = page.locator("#nodes > .opens > .node-item-type")
    if opens.count() > 0:
        opens.first.dblclick()
        workbench.until(lambda: len(way(workbench)) > 1, "the part's own level", seen=lambda: way(workbench))
        workbench.keyboard.press("Backspace")
        await_way(workbench, whole)


def capture(workbench: Workbench, name: str) -> None:
    if SCREENSHOTS:
        workbench.screenshot(Path(SCREENSHOTS) / f"vscode-{name}.png")
