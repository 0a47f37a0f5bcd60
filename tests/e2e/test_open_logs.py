"""Another tool's log in a real VS Code: opened from its folder, and followed while it grows."""

from __future__ import annotations

import os
from pathlib import Path

from playwright.sync_api import expect
from torch.utils.tensorboard import SummaryWriter

from .conftest import Open
from .vscode.workbench import Workbench

PICTURES = os.environ.get("PYMODEL_SCREENSHOTS")
SECONDS = 60.0


def accepts(workbench: Workbench) -> bool:
    """Whether the dialog of folders has closed; one that was still looking for the folder is asked once more."""
    if workbench.asks():
        workbench.keyboard.press("Enter")
    return not workbench.asks()


def test_a_tensorboard_log_is_shown_and_followed(open_folder: Open, tmp_path: Path) -> None:
    logs = tmp_path / "logs" / "night-run"
    with SummaryWriter(str(logs)) as writer, open_folder(tmp_path) as workbench:  # type: ignore[no-untyped-call]
        for step in range(1, 41):
            writer.add_scalar("train/loss", 2 / step, step)  # type: ignore[no-untyped-call]
        writer.flush()  # type: ignore[no-untyped-call]
        workbench.run("PyModel: Open Log Folder…")
        workbench.answer(str(tmp_path / "logs") + "/")
        workbench.until(lambda: accepts(workbench), "the folder to be taken", every=1.0)
        page = workbench.webview("figure canvas", seconds=SECONDS)
        expect(page.locator("h1")).to_have_text("night-run")
        value = page.locator("tr", has_text="train/loss").locator("td").first
        expect(value).to_have_text("0.05", timeout=SECONDS * 1000)
        writer.add_scalar("train/loss", 0.025, 80)  # type: ignore[no-untyped-call]
        writer.flush()  # type: ignore[no-untyped-call]
        expect(value).to_have_text("0.025", timeout=SECONDS * 1000)
        expect(page.get_by_role("button", name="Stop")).not_to_be_visible()
        if PICTURES:
            workbench.close_notifications()
            workbench.screenshot(Path(PICTURES) / "open-logs.png")
