"""Where tensors are to live: on the machine's accelerator, if it has one."""

from __future__ import annotations

import torch

from ..schema import PyModelError


class DeviceNotFound(PyModelError):
    """The machine has no device of that name."""


def pick_device(name: str = "auto") -> torch.device:
    """The device of that name; for `auto` the machine's accelerator, else its processor.

    Raises:
        DeviceNotFound: there is no such device here.
    """
    if name == "auto":
        found = torch.accelerator.current_accelerator() if torch.accelerator.is_available() else None
        return found or torch.device("cpu")
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        words = f"There is no device `{name}` here: {str(error).splitlines()[0]}"
        raise DeviceNotFound(words, advice="Choose auto or cpu.") from error
    return device
