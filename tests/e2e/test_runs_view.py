"""The runs of a workspace in a real VS Code: named, noted, their log followed, and one after the other."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from playwright.sync_api import expect

from pymodel import runs
from pymodel.schema import RunState

from ..server.test_runs import RECIPE, TRAINING
from .conftest import Open

PICTURES = os.environ.get("PYMODEL_SCREENSHOTS")
SECONDS = 60.0


def test_runs_are_named_followed_and_queued(open_folder: Open, tmp_path: Path) -> None:
    for name in ("net.py", "data.py"):
        shutil.copyfile(TRAINING / name, tmp_path / name)
    (tmp_path / "net.recipe.toml").write_text(RECIPE)
    root = runs.find_runs_root(str(tmp_path))

    def states() -> list[RunState]:
        return [run.state for _, run in reversed(runs.list_runs(root))]

    with open_folder(tmp_path) as workbench:
        try:
            workbench.open_file("net.recipe.toml")
            workbench.run("PyModel: Train Model")
            page = workbench.webview(".state.running", seconds=SECONDS)
            workbench.run_and_pick("PyModel: Rename Run…", "Net")
            workbench.answer("slow and steady")
            expect(page.locator("h1")).to_have_text("slow and steady", timeout=SECONDS * 1000)
            workbench.run_and_pick("PyModel: Write Note on Run…", "slow and steady")
            workbench.answer("a hundred thousand epochs of three classes")
            expect(page.locator(".note")).to_have_text("a hundred thousand epochs of three classes")
            page.get_by_role("button", name="Pause").click(timeout=SECONDS * 1000)
            expect(page.locator(".state.paused")).to_be_visible(timeout=SECONDS * 1000)
            assert states() == ["paused"]
            page.get_by_role("button", name="Continue").click()
            expect(page.locator(".state.running")).to_be_visible(timeout=SECONDS * 1000)
            page.locator(".log summary").click()
            expect(page.locator(".log pre")).to_contain_text("epoch", timeout=SECONDS * 1000)
            if PICTURES:
                workbench.close_notifications()
                workbench.screenshot(Path(PICTURES) / "run-named-and-log.png")

            workbench.open_file("net.recipe.toml")
            workbench.run("PyModel: Train Model")
            workbench.until(lambda: "After It" in " ".join(workbench.quick_picks()), "the question of its turn")
            workbench.pick("After It")
            workbench.until(lambda: states() == ["running", "queued"], "the second run in the queue")
            page = workbench.webview(".state.queued", seconds=SECONDS)
            if PICTURES:
                workbench.close_notifications()
                workbench.screenshot(Path(PICTURES) / "run-queued.png")
            (first, _), (second, _) = reversed(runs.list_runs(root))
            runs.stop_run(first)
            workbench.until(lambda: states() == ["stopped", "running"], "the second run to start", seconds=SECONDS)
            assert runs.read_run(second).name == ""
        finally:
            for folder, run in runs.list_runs(root):
                if run.state in ("running", "queued"):
                    runs.stop_run(folder)
