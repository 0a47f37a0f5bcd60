"""Weights as safetensors: no pickle, nothing that could run."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from .packages import require


def write_safetensors(model: nn.Module, path: Path, metadata: dict[str, str]) -> bool:
    """Write the model's weights, and read them back. Gives whether they are the same, bit for bit."""
    require("safetensors")
    from safetensors.torch import save_model  # type: ignore[import-not-found, unused-ignore]

    save_model(model, str(path), metadata)
    mine = model.state_dict()
    return all(torch.equal(value, mine[name].cpu()) for name, value in read_safetensors(path).items())


def read_safetensors(path: Path) -> dict[str, Tensor]:
    require("safetensors")
    from safetensors.torch import load_file  # type: ignore[import-not-found, unused-ignore]

    return dict(load_file(str(path)))
