"""TorchScript turned off: a scripted function, method or class is traced as the Python that it is."""

from __future__ import annotations

from typing import Any

import torch
import torch.jit
from torch import nn


class UnscriptedModule(nn.Module):
    """What `torch.jit.ScriptModule` is where scripting is off, as torch makes it under `PYTORCH_JIT=0`."""

    def __init__(self, arg: Any = None) -> None:
        super().__init__()


def turn_off_scripting() -> None:
    """For the whole process: as does `PYTORCH_JIT=0`, which only counts before torch is imported."""
    torch.jit._state.disable()
    torch.jit.ScriptModule = UnscriptedModule  # type: ignore[misc, assignment]
