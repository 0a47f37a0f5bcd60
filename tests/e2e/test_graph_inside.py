"""What a model has learned, in its graph in a real VS Code: colours of a run step by step, weights, a sample's maps."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Frame, Locator, expect

from pymodel import runs
from pymodel.discover.roots import find_import_roots
from pymodel.samples import create_sample_project
from pymodel.schema import DataSettings, ModelSettings, Recipe, RunSettings, TrainRequest

from ..engine.jobs import run_job
from .conftest import Open
from .vscode.workbench import Workbench

PICTURES = os.environ.get("PYMODEL_SCREENSHOTS")
SECONDS = 60


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample project, and a training of its model that was long enough for two samples of the layers."""
    folder = tmp_path_factory.mktemp("learned")
    create_sample_project(folder)
    model = ModelSettings("image_classifier/model.py::MyModel", "MyModel()")
    recipe = Recipe(model, DataSettings("image_classifier/data.py::make_datasets"), run=RunSettings(epochs=4))
    roots = find_import_roots(str(folder / "image_classifier" / "model.py"), (str(folder),))
    request = TrainRequest(recipe, str(folder), roots=roots)
    path, run = run_job(runs.find_runs_root(str(folder)), request)
    assert run.state == "completed", (path / "log.txt").read_text()
    assert len(runs.SampledSteps(path).steps) >= 2
    return folder


@pytest.fixture(scope="module")
def graph(open_folder: Open, folder: Path) -> Iterator[tuple[Workbench, Frame]]:
    with open_folder(folder) as workbench:
        workbench.open_file("image_classifier/model.py")
        workbench.run("PyModel: Show Model Graph")
        yield workbench, workbench.webview("#nodes > g.node", seconds=SECONDS)


def picture(workbench: Workbench, name: str) -> None:
    if PICTURES:
        workbench.close_notifications()
        workbench.screenshot(Path(PICTURES) / f"{name}.png")


def node(page: Frame, text: str) -> Locator:
    return page.locator("#nodes > g.node").filter(has_text=text).first


def test_a_run_colours_the_graph_at_any_of_its_sampled_steps(graph: tuple[Workbench, Frame]) -> None:
    workbench, page = graph
    page.get_by_label("Colour by").select_option("grad_norm")
    workbench.pick("MyModel")
    note, slider = page.locator(".legend .note"), page.locator(".legend .steps")
    expect(note).to_contain_text("step", timeout=SECONDS * 1000)
    expect(page.locator(".legend .swatch")).to_have_count(2)
    last = note.inner_text()
    slider.focus()
    slider.press("Home")
    expect(note).not_to_have_text(last)
    picture(workbench, "graph-run-overlay")
    page.get_by_label("Colour by").select_option("health")
    expect(page.locator(".legend .key").first).to_have_text("learns")


def test_a_node_shows_how_its_weights_are_spread(graph: tuple[Workbench, Frame]) -> None:
    workbench, page = graph
    node(page, "conv1").click()
    tensors = page.locator(".inside [data-tensor]")
    expect(tensors).to_have_count(2, timeout=SECONDS * 1000)
    weight = page.locator('.inside [data-tensor="conv1.weight"]')
    expect(weight.locator("svg.histogram rect")).to_have_count(48)
    expect(weight).to_contain_text("1,728 values")
    weight.get_by_role("button", name="Show values").click()
    expect(weight.locator(".values code")).not_to_be_empty(timeout=SECONDS * 1000)
    weight.get_by_role("button", name="Next values").click()
    expect(weight.locator(".values")).to_contain_text("[2, 1, 0, 1]", timeout=SECONDS * 1000)
    picture(workbench, "graph-weights")


def test_a_sample_shows_its_maps_in_the_graph(graph: tuple[Workbench, Frame]) -> None:
    workbench, page = graph
    page.get_by_label("Look inside: weights").select_option("sample")
    workbench.pick("A Row of the Data")
    workbench.answer("0")
    expect(page.locator(".strip")).to_contain_text("→", timeout=SECONDS * 1000)
    node(page, "conv1").click()
    tiles = page.locator(".inside .tile")
    expect(tiles).to_have_count(32, timeout=SECONDS * 1000)
    drawn = "tile => new Set(tile.querySelector('canvas').getContext('2d').getImageData(0, 0, 8, 8).data).size"
    workbench.until(lambda: tiles.first.evaluate(drawn) > 2, "a map to be drawn")
    picture(workbench, "graph-activations")
    tiles.first.click()
    expect(tiles.first).to_have_attribute("aria-pressed", "true")
    picture(workbench, "graph-activation-large")


def test_all_is_as_before_when_it_is_ended(graph: tuple[Workbench, Frame]) -> None:
    _, page = graph
    page.get_by_role("button", name="Look inside no longer").click()
    expect(page.locator(".inside")).to_be_hidden()
    expect(page.locator(".strip")).to_be_hidden()
