"""Two runs of one model in a real VS Code: what the curves of one say, and the other drawn over it."""

from __future__ import annotations

import math
import os
from dataclasses import replace
from pathlib import Path

from playwright.sync_api import expect

from pymodel import runs

from ..engine.trainings import net_request
from .conftest import Open

PICTURES = os.environ.get("PYMODEL_SCREENSHOTS")
SECONDS = 60.0
STEPS = 300


def finished_run(root: Path, *, rate: float, begun: float, over_fits: bool) -> Path:
    """A run as a training leaves it: the loss falls, that of what was held out rises again where it over-fits."""
    folder = runs.create_run(root, net_request(optimizer__learning_rate=rate))
    writer = runs.MetricWriter(folder)
    for step in range(1, STEPS + 1):
        values = {"train/loss": 2 * math.exp(-step * rate * 2) + 0.02 * math.sin(7 * step) + 0.05}
        if step % 30 == 0:
            values["validation/loss"] = 0.4 + (abs(step - 90) / 300 if over_fits else math.exp(-step / 60))
        writer.append(step, step // 30, values, at=begun + step / 10)
    writer.close()
    run = replace(
        runs.read_run(folder),
        state="completed",
        started=begun,
        updated=begun + STEPS / 10,
        epoch=10,
        epochs=10,
        last_step=STEPS,
        total_steps=STEPS,
        metrics={"best": {"validation/loss": 0.4 if over_fits else 0.41}},
    )
    runs.write_run(folder, run)
    return folder


def test_what_a_run_s_curves_say_and_another_run_beside_it(open_folder: Open, tmp_path: Path) -> None:
    root = runs.find_runs_root(str(tmp_path))
    earlier = finished_run(root, rate=0.01, begun=1_795_480_000.0, over_fits=False)
    finished_run(root, rate=0.02, begun=1_795_490_000.0, over_fits=True)
    with open_folder(tmp_path) as workbench:
        workbench.run("PyModel: Show Training Runs")
        page = workbench.webview(".advice strong", seconds=SECONDS)
        expect(page.locator(".advice strong")).to_have_text("over-fitting")
        expect(page.locator(".advice code").first).to_have_text("regularisation.early_stopping = 3")
        page.get_by_label("Smooth").check()
        page.get_by_label("Compare with").select_option(str(earlier))
        difference = page.get_by_role("row", name="optimizer.learning_rate")
        expect(difference.locator("td")).to_have_text(["0.02", "0.01"], timeout=SECONDS * 1000)
        if PICTURES:
            workbench.close_notifications()
            workbench.screenshot(Path(PICTURES) / "run-comparison.png")
        page.get_by_role("button", name="Open Recipe").click()
        workbench.until(lambda: workbench.active_file() == "recipe.toml", "the recipe in an editor")
