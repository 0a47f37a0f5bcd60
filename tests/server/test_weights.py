"""What a node's card asks of a file of weights: statistics of its tensors, and some of their values."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch

from .client import Client


def test_tensors_are_described_by_name_and_their_values_read(start: Callable[..., Client], model_file: Path) -> None:
    path = model_file.parent / "w.pt"
    torch.save({"fc2.weight": torch.arange(100.0).view(10, 10), "other": torch.zeros(3)}, path)
    client = start(model_file.parent)
    asked = {"source": str(path), "names": ["fc2.weight", "fc2.bias"]}
    [tensor] = client.request("pymodel/weights", asked)["tensors"]
    assert (tensor["name"], tensor["dims"]) == ("fc2.weight", [10, 10])
    assert (tensor["statistics"]["min"], tensor["statistics"]["max"]) == (0, 99)
    assert sum(tensor["statistics"]["histogram"]["counts"]) == 100
    values = client.request("pymodel/tensorValues", {"source": str(path), "name": "fc2.weight", "start": 90})
    assert values["tensor"]["values"] == list(range(90, 100))
