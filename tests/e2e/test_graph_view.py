"""The graph in a real VS Code, on a file with two models: it follows the cursor, and stays where one has gone."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from playwright.sync_api import Error, Frame

from .conftest import Open
from .model_files import write_safetensors
from .test_graph_page import onnx_bytes
from .test_model_files import Net
from .vscode.workbench import Workbench

SOURCE = """\
import torch
from torch import nn


class Block(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.fc = nn.Linear(width, width)

    def forward(self, x):
        return x + self.fc(self.norm(x))


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Linear(16, 32)
        self.layers = nn.ModuleList(Block(32) for _ in range(3))

    def forward(self, x):
        x = self.stem(x)
        for layer in self.layers:
            x = layer(x)
        return x


def main() -> None:
    print(Net()(torch.randn(2, 5, 16)).shape)
"""
LINES = SOURCE.splitlines()


def find(text: str) -> tuple[int, int]:
    """The line, from 1, and the column, from 0, of a text."""
    number = next(number for number, line in enumerate(LINES) if text in line)
    return number + 1, LINES[number].index(text)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("blocks")
    (folder / "blocks.py").write_text(SOURCE, encoding="utf-8")
    (folder / "model.onnx").write_bytes(onnx_bytes())
    torch.export.save(torch.export.export(Net().eval(), (torch.randn(2, 3, 8, 8),)), folder / "model.pt2")
    write_safetensors(folder / "large.safetensors", {f"layers.{n}.weight": (1024, 1024) for n in range(34)})
    (folder / ".gitignore").write_text("*.safetensors\n", encoding="utf-8")
    for words in (("init", "-q"), ("add", "."), ("commit", "-qm", "first")):
        subprocess.run(["git", "-c", "user.name=a", "-c", "user.email=a@b", *words], cwd=folder, check=True, timeout=60)
    return folder


@pytest.fixture(scope="module")
def workbench(open_folder: Open, folder: Path) -> Iterator[Workbench]:
    with open_folder(folder) as workbench:
        workbench.open_file("blocks.py")
        yield workbench


def graph(workbench: Workbench) -> Frame:
    return workbench.webview("#nodes > g.node", seconds=60)


def way(workbench: Workbench) -> list[str]:
    """The breadcrumbs over the graph."""
    return graph(workbench).locator(".crumb").all_text_contents()


def await_way(workbench: Workbench, *expected: str) -> None:
    workbench.until(lambda: way(workbench) == list(expected), f"the graph of {expected}", seen=lambda: way(workbench))


def test_it_shows_the_model_under_the_cursor(workbench: Workbench) -> None:
    workbench.go_to(*find("self.fc(self.norm"))
    workbench.run("PyModel: Show Model Graph")
    await_way(workbench, "Block")
    workbench.focus_editor()
    workbench.go_to(*find("self.stem(x)"))
    await_way(workbench, "Net")
    lit = graph(workbench).locator("#nodes > .select")
    workbench.until(lambda: "stem" in " ".join(lit.all_text_contents()), "the stem to be lit")


def test_a_part_opens_and_is_still_open_after_the_side_bar_was_hidden(workbench: Workbench) -> None:
    graph(workbench).locator("#nodes > .opens > .node-item-type").first.dblclick()
    await_way(workbench, "Net", "layers.0")
    workbench.keyboard.press("Control+Alt+b")
    workbench.until(lambda: not shown(workbench), "the side bar to be hidden")
    workbench.keyboard.press("Control+Alt+b")
    await_way(workbench, "Net", "layers.0")


def test_a_node_reveals_code_in_another_class_and_the_graph_stays(workbench: Workbench) -> None:
    line, _ = find("self.fc(self.norm")
    graph(workbench).locator("#nodes > g.node").filter(has_text="add").first.click()
    workbench.until(lambda: workbench.cursor_line() == line, f"line {line}", seen=workbench.cursor_line)
    assert way(workbench) == ["Net", "layers.0"]
    workbench.focus_editor()
    workbench.go_to(*find("self.layers:"))
    await_way(workbench, "Net")


def test_an_edit_is_drawn_and_its_fault_marked(workbench: Workbench) -> None:
    failed = graph(workbench).locator("#nodes > .failed")
    line, column = find("16, 32")
    workbench.focus_editor()
    workbench.replace(line, column + 4, "32", "48")
    # What is wrong in each of three equal blocks is told once, where it is met first.
    workbench.until(lambda: failed.count() == 1, "the failing block", seen=lambda: failed.all_text_contents())
    assert "layers.0" in failed.text_content()
    # While a new drawing takes the place of the old one, there are two.
    labels = graph(workbench).locator("#edge-labels")
    workbench.until(lambda: "B×5×48" in " ".join(labels.all_text_contents()), "the new sizes on the edges")
    workbench.undo()
    workbench.until(lambda: failed.count() == 0, "no failing block", seen=lambda: failed.all_text_contents())


def test_a_row_opens_in_place_and_an_edit_leaves_it_open(workbench: Workbench) -> None:
    inside = graph(workbench).locator(".inner-level g.graph-node")
    graph(workbench).locator("#nodes > .opens > .opener").first.click()
    workbench.until(lambda: inside.count() == 3, "three blocks in the row", seen=inside.count)
    line, column = find("16, 32")
    workbench.focus_editor()
    workbench.replace(line, column, "16", "24")
    failed = graph(workbench).locator("#nodes > .failed")
    workbench.until(lambda: "stem" in " ".join(failed.all_text_contents()), "the edit to be drawn", seen=failed.count)
    workbench.until(lambda: inside.count() == 3, "the row to be open still", seen=inside.count)
    workbench.undo()
    workbench.until(lambda: failed.count() == 0, "the edit to be taken back", seen=failed.all_text_contents)
    graph(workbench).locator("#nodes > .opened > .opener").first.click()
    workbench.until(lambda: inside.count() == 0, "the row to be closed", seen=inside.count)


def test_a_node_is_found_on_another_level(workbench: Workbench) -> None:
    graph(workbench).locator(".find").fill("norm.bias")
    option = graph(workbench).locator(".hits [role=option]").first
    workbench.until(lambda: option.is_visible() and "norm" in option.inner_text(), "a node to be found")
    option.click()
    await_way(workbench, "Net", "layers.0")
    line, _ = find("self.fc(self.norm")
    workbench.until(lambda: workbench.cursor_line() == line, f"line {line}", seen=workbench.cursor_line)
    graph(workbench).locator("button.crumb").first.click()
    await_way(workbench, "Net")


def test_the_graph_is_coloured_and_read_as_a_tree(workbench: Workbench) -> None:
    page = graph(workbench)
    page.locator(".toolbar select").first.select_option("parameters")
    coloured = page.locator("#nodes > .coloured")
    workbench.until(lambda: coloured.count() == 2, "two nodes with parameters", seen=coloured.count)
    assert "%" in coloured.first.text_content()
    page.locator(".tree-button").click()
    rows = page.locator("[role=treeitem]")
    workbench.until(lambda: rows.count() == 4, "the tree", seen=rows.count)
    page.locator(".tree-button").click()
    page.locator(".toolbar select").first.select_option("")
    workbench.until(lambda: coloured.count() == 0, "no colours", seen=coloured.count)


def test_pointing_at_a_node_marks_its_code_and_the_other_way_round(workbench: Workbench) -> None:
    graph(workbench).locator("#nodes > g.graph-node").filter(has_text="stem").first.hover()
    marked = workbench.page.locator(".monaco-editor .view-overlays [class*='ced-']")
    workbench.until(lambda: marked.count() > 0, "the node's code to be marked", seen=marked.count)
    workbench.page.locator(".view-line").filter(has_text="self.stem(x)").get_by_text("stem").last.hover()
    lit = graph(workbench).locator("#nodes > .hovered")
    workbench.until(lambda: "stem" in " ".join(lit.all_text_contents()), "the stem to be lit")


def test_what_changed_since_the_last_commit_is_marked_and_told(workbench: Workbench) -> None:
    line, column = find("16, 32")
    workbench.focus_editor()
    workbench.replace(line, column, "16", "20")
    workbench.run_and_pick("PyModel: Compare Model With…", "HEAD")
    table = graph(workbench).locator(".card table")
    workbench.until(lambda: table.count() == 1 and "stem" in table.inner_text(), "the table of changes")
    changed = graph(workbench).locator("#nodes > .change-changed")
    assert "stem" in " ".join(changed.all_text_contents())
    graph(workbench).get_by_role("button", name="End the comparison").click()
    workbench.until(lambda: changed.count() == 0, "the comparison to end", seen=changed.count)
    workbench.focus_editor()
    workbench.undo()


def test_it_opens_beside_the_code_too(workbench: Workbench) -> None:
    workbench.focus_editor()
    workbench.run("PyModel: Open Graph to the Side")
    workbench.until(lambda: shown(workbench) == 2, "two graphs", seen=lambda: shown(workbench))


def open_model_file(workbench: Workbench, name: str) -> Frame:
    workbench.page.locator(".explorer-folders-view .monaco-list-row").filter(has_text=name).dblclick()
    workbench.until(lambda: workbench.active_file() == name, "the file to be open")
    workbench.run("View: Reopen Editor With...")
    row = workbench.page.locator(".quick-input-list .monaco-list-row").filter(has_text="Model Graph (Netron)")
    row.first.click()
    return workbench.webview(f".crumb.file:has-text('{name}')", seconds=60)


def await_nodes(workbench: Workbench, file: Frame, count: int) -> None:
    drawn = file.locator("#nodes > g.graph-node")
    workbench.until(lambda: drawn.count() == count, f"{count} nodes", seen=file.locator("#page").inner_text)


def test_a_model_file_opens_in_an_editor_of_its_own_when_it_is_asked_for(workbench: Workbench) -> None:
    for name, nodes in (("model.onnx", 3), ("model.pt2", 5), ("large.safetensors", 34)):
        await_nodes(workbench, open_model_file(workbench, name), nodes)


def test_a_model_file_is_drawn_anew_when_it_changes_and_a_broken_one_says_so(
    workbench: Workbench, folder: Path
) -> None:
    path = folder / "changing.safetensors"
    path.write_bytes(b"not a model")
    file = open_model_file(workbench, path.name)
    words = file.locator(".placeholder")
    workbench.until(lambda: "could not be drawn" in words.inner_text(), "the broken file to be told")
    write_safetensors(path, {"head.weight": (2, 3)})
    await_nodes(workbench, file, 1)


def shown(workbench: Workbench) -> int:
    """How many graphs there are to see."""
    count = 0
    for frame in workbench.page.frames:
        try:
            count += frame.locator("#nodes > g.node").first.is_visible()
        except Error:
            continue  # A frame may go away while it is looked at.
    return count
