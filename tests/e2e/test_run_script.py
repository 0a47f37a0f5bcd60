"""A training script in a real VS Code: run from its lens in a terminal, its values beside the code, its curves drawn;
stopped, and found again when the window comes back."""

from __future__ import annotations

import os
import re
from pathlib import Path

from pymodel.runs import read_run

from .conftest import Open
from .vscode.workbench import Workbench

PICTURES = os.environ.get("PYMODEL_SCREENSHOTS")
SECONDS = 60.0
SCRIPT = '''"""Trains for as long as it is let."""

import time

import torch
from torch import nn

net = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 1))


def main():
    optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
    for step in range(100_000):
        x = torch.randn(32, 4)
        loss = (net(x) - x.sum(dim=1, keepdim=True)).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        time.sleep(0.02)


if __name__ == "__main__":
    main()
'''


def tells(workbench: Workbench, pattern: str) -> None:
    workbench.until(
        lambda: bool(re.search(pattern, workbench.inlay_hints())), f"{pattern} beside the code", seconds=SECONDS
    )


def test_a_script_runs_beside_its_values_and_is_found_again(open_folder: Open, tmp_path: Path) -> None:
    (tmp_path / "fit.py").write_text(SCRIPT)
    with open_folder(tmp_path) as workbench:
        workbench.open_file("fit.py")
        lens = workbench.page.locator(".codelens-decoration a", has_text="Run with Monitor")
        lens.first.click(timeout=SECONDS * 1000)
        for pattern in (r"loss \d", r"rate 0\.05", r"\d of 100000"):
            tells(workbench, pattern)
        (run,) = (tmp_path / ".pymodel" / "runs").iterdir()
        workbench.run("PyModel: Show Training Runs")
        workbench.webview("canvas", seconds=SECONDS)
        if PICTURES:
            workbench.screenshot(Path(PICTURES) / "run-script.png")

        workbench.reload()
        workbench.open_file("fit.py")
        tells(workbench, r"loss \d")
        before = read_run(run).last_step
        workbench.until(
            lambda: read_run(run).last_step > before, "the script to go on behind the reload", seconds=SECONDS
        )
        workbench.run("PyModel: Stop Training")
        workbench.until(lambda: read_run(run).state == "stopped", "the script to be stopped", seconds=SECONDS)
        tells(workbench, r"loss \d")
