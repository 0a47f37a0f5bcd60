"""A file of TorchScript, also in a process where an analysis has turned scripting off."""

from __future__ import annotations

from pathlib import Path

import torch.jit
from torch import nn


def save_scripted(module: nn.Module, path: Path) -> None:
    was_enabled = torch.jit._state._enabled.enabled
    torch.jit._state.enable()
    try:
        torch.jit.save(torch.jit.script(module), path)
    finally:
        if not was_enabled:
            torch.jit._state.disable()
