"""The ejected script imports nothing of PyModel, and gives the same losses bit for bit."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from pymodel import runs
from pymodel.schema import PyModelError
from pymodel.train.eject import eject
from pymodel.train.prepare import find_loss

from .trainings import losses_of, net_request, train


@pytest.mark.parametrize(
    "settings",
    [
        {
            "schedule__name": "cosine",
            "schedule__warmup_steps": 3,
            "schedule__minimum": 1e-4,
            "optimizer__clip_norm": 0.5,
        },
        {"schedule__name": "one-cycle", "loss__label_smoothing": 0.1, "regularisation__dropout": 0.2},
        {"schedule__name": "step", "schedule__step_epochs": 1, "regularisation__l1": 1e-4, "run__steps": 17},
        {"compute__accumulation": 3, "compute__precision": "bfloat16", "fine_tuning__freeze": ["first", "norm.*"]},
        {"optimizer__name": "SGD", "optimizer__arguments": {"momentum": 0.9}, "loss__name": "net.py::squared_distance"},
    ],
    ids=str,
)
def test_the_same_losses(tmp_path: Path, settings: dict[str, object]) -> None:
    request = net_request(**settings)
    folder = runs.create_run(tmp_path / "runs", request)
    assert train(folder).state == "completed"
    script = tmp_path / "train.py"
    script.write_text(eject(request, find_loss(request), tmp_path))
    assert "pymodel" not in re.sub(r'""".*?"""', "", script.read_text().lower(), flags=re.DOTALL)
    command = [sys.executable, "-P", str(script)]
    environment = {"PATH": os.environ["PATH"], "OMP_NUM_THREADS": str(torch.get_num_threads())}
    output = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=tmp_path, check=False)
    assert output.returncode == 0, output.stderr
    found = [float(each) for each in re.findall(r"^step \d+ loss (\S+)$", output.stdout, re.MULTILINE)]
    assert found == losses_of(folder)
    assert output.stdout.count("validation loss") == runs.read_run(folder).epoch
    tested = re.search(r"^test loss \S+, accuracy (\S+)", output.stdout, re.MULTILINE)
    assert tested is not None or "loss__name" in settings
    assert (tmp_path / "best.pt").is_file()


def test_what_is_not_written_is_said(tmp_path: Path) -> None:
    request = net_request(regularisation__ema=0.9, data__workers=2)
    with pytest.raises(PyModelError, match="data of worker processes and a moving average"):
        eject(request, "cross_entropy", tmp_path)
    random = replace(request.recipe.data, source="random", workers=0)
    with pytest.raises(PyModelError, match="read from files"):
        eject(replace(request, recipe=replace(request.recipe, data=random)), "mse", tmp_path)
