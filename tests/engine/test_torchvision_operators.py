"""A torchvision whose compiled operators do not load, as PyPI's is beside the CPU build of torch."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

PACKAGE = """\
import torch


@torch.library.register_fake("torchvision::nms")
def nms(boxes, scores, threshold):
    return boxes.new_empty(0)
"""
USE = """\
import sys
import torch
from pymodel.trace.torchvision_operators import watch_for_torchvision

if "watched" in sys.argv:
    watch_for_torchvision()
import torchvision

images, rois = torch.empty(2, 8, 32, 32, device="meta"), torch.empty(5, 5, device="meta")
print(tuple(torch.ops.torchvision.roi_align(images, rois, 1.0, 7, 7, 2, True).shape))
print(tuple(torch.ops.torchvision.deform_conv2d(
    images, torch.empty(4, 8, 3, 3, device="meta"), torch.empty(2, 18, 30, 30, device="meta"),
    torch.empty(2, 9, 30, 30, device="meta"), torch.empty(4, device="meta"),
    1, 1, 0, 0, 1, 1, 1, 1, True).shape))
"""
MODEL = """\
import torchvision
from torch import nn


class Net(nn.Module):  # pymodel: Net(), x=(B, 3)
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(3, 2)

    def forward(self, x):
        return self.fc(x)
"""
SHOW = """\
import sys
from pymodel.schema import Analyse
from pymodel.worker.analyse import analyse

end = analyse(Analyse(1, sys.argv[1]), lambda event: None)
print(*[(each.code, each.severity, each.start.line) for each in end.diagnostics])
"""


def run(tmp_path: Path, script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    package = tmp_path / "site-packages" / "torchvision"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(PACKAGE)
    environment = {**os.environ, "PYTHONPATH": str(package.parent)}
    command = [sys.executable, "-c", script, *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_it_does_not_import_without_help(tmp_path: Path) -> None:
    assert "torchvision::nms does not exist" in run(tmp_path, USE).stderr


def test_it_imports_and_tells_shapes_where_its_operators_are_declared(tmp_path: Path) -> None:
    done = run(tmp_path, USE, "watched")
    assert done.stdout.split("\n")[:2] == ["(5, 8, 7, 7)", "(2, 4, 30, 30)"], done.stderr


def test_the_file_that_imports_it_is_told(tmp_path: Path) -> None:
    path = tmp_path / "model.py"
    path.write_text(MODEL)
    done = run(tmp_path, SHOW, str(path))
    assert done.stdout.strip() == "('broken-package', 'hint', 1)", done.stderr
