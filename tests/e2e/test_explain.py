"""Explanations in a real VS Code, on both of the sample's models: asked for by the palette, shown as pages."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from playwright.sync_api import Frame, expect
from torch import nn

from pymodel import runs
from pymodel.discover.roots import find_import_roots
from pymodel.resolve.own_modules import own_modules
from pymodel.samples import create_sample_project
from pymodel.schema import DataSettings, ModelSettings, Recipe, TrainRequest
from pymodel.train.checkpoint import save_checkpoint
from pymodel.train.user_code import build_model

from .conftest import Open
from .vscode.workbench import Workbench

PICTURES = os.environ.get("PYMODEL_SCREENSHOTS")
MODELS = {"MyModel": "image_classifier", "TextClassifier": "text_classifier"}
SECONDS = 60


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample project with a run of each model: as a training leaves it, with weights drawn at random."""
    folder = tmp_path_factory.mktemp("explained")
    create_sample_project(folder)
    for name, part in MODELS.items():
        settings = ModelSettings(f"{part}/model.py::{name}", f"{name}()")
        recipe = Recipe(settings, DataSettings(f"{part}/data.py::make_datasets"))
        roots = find_import_roots(str(folder / part / "model.py"), (str(folder),))
        run = runs.create_run(runs.find_runs_root(str(folder)), TrainRequest(recipe, str(folder), roots=roots))
        torch.manual_seed(0)
        with own_modules():  # both files are called `model`, as others' are in this process
            model, _ = build_model(settings, folder, roots)
        _save(run, model)
    return folder


def _save(run: Path, model: nn.Module) -> None:
    save_checkpoint(run, "best", model.state_dict(), {}, epoch=1, step=20, metrics={"validation/loss": 0.5})
    done = replace(runs.read_run(run), state="completed", last_step=20, total_steps=20)
    runs.write_run(run, replace(done, metrics={"best": {"validation/loss": 0.5}}))


@pytest.fixture(scope="module")
def workbench(open_folder: Open, folder: Path) -> Iterator[Workbench]:
    with open_folder(folder) as workbench:
        workbench.open_file("image_classifier/model.py")
        yield workbench


def picture(workbench: Workbench, name: str) -> None:
    if PICTURES:
        workbench.close_notifications()
        workbench.screenshot(Path(PICTURES) / f"{name}.png")


def ask(workbench: Workbench, command: str, model: str, row: int, selector: str) -> Frame:
    """Have a row of the data explained by the run of `model`; gives the page."""
    workbench.run_and_pick(command, model)
    workbench.pick("A Row of the Data")
    workbench.answer(str(row))
    return workbench.webview(selector, seconds=SECONDS)


def test_weights_are_a_table_that_can_be_sorted(workbench: Workbench) -> None:
    workbench.run_and_pick("PyModel: Explain Weights…", "MyModel")
    page = workbench.webview("table.sortable", seconds=SECONDS)
    names = page.locator("table.sortable tbody tr td:first-child")
    assert names.all_inner_texts() == [
        f"{layer}.{kind}" for layer in ("conv1", "fc1", "fc2") for kind in ("weight", "bias")
    ]
    page.get_by_role("button", name="Bytes").click()
    expect(names.first).to_have_text("fc1.weight")
    page.get_by_role("button", name="Bytes").click()
    expect(names.first).to_have_text("fc2.bias")
    assert page.locator("svg.histogram path").count() == 6
    picture(workbench, "weights")


def test_activations_are_maps_that_open(workbench: Workbench) -> None:
    page = ask(workbench, "PyModel: Explain Activations…", "MyModel", 3, ".tiles details")
    assert page.locator("h2 code").all_inner_texts() == ["conv1", "relu1", "fc1", "relu2", "fc2"]
    tile = page.locator(".tiles img.small").first
    assert tile.evaluate("image => image.width") == 48
    page.locator(".tiles summary").first.click()
    assert tile.evaluate("image => image.width") > 300
    assert tile.evaluate("image => image.naturalWidth") == 10, "the policy lets it in"
    picture(workbench, "activations")


@pytest.mark.parametrize(("model", "selector"), [("MyModel", ".methods img"), ("TextClassifier", ".rows .heat")])
def test_an_answer_is_attributed_by_all_methods(workbench: Workbench, model: str, selector: str) -> None:
    page = ask(workbench, "PyModel: Explain Prediction…", model, 3, selector)
    captions = page.locator("figcaption").all_inner_texts()
    for method in ("Integrated gradients", "Saliency", "Occlusion", "LIME", "Kernel SHAP"):
        assert any(caption.startswith(method) for caption in captions), captions
    assert any("completeness error" in caption for caption in captions)
    picture(workbench, f"prediction-{model}")


def test_a_run_s_page_leads_to_its_weights_and_its_graph(workbench: Workbench) -> None:
    def click(model: str, button: str) -> None:
        workbench.run("PyModel: Show Training Runs")
        page = workbench.webview(".actions select", seconds=SECONDS)
        page.locator(".actions select").select_option(index=[model in each for each in options(page)].index(True))
        expect(page.locator("h1")).to_have_text(model)
        page.get_by_role("button", name=button).click()

    workbench.run("View: Close All Editors")
    click("MyModel", "Explain…")
    workbench.pick("Weights")
    names = workbench.webview("table.sortable", seconds=SECONDS).locator("table.sortable tbody tr td:first-child")
    expect(names).to_have_count(6)
    click("TextClassifier", "Show in Graph")
    nodes = workbench.webview("#nodes > g.node", seconds=SECONDS)
    expect(nodes.locator("[aria-current]").first).to_have_text("TextClassifier", timeout=SECONDS * 1000)
    assert workbench.active_file() == "model.py"
    picture(workbench, "run-to-graph")


def options(page: Frame) -> list[str]:
    return page.locator(".actions select option").all_inner_texts()
