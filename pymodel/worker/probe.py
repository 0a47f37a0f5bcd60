"""What this interpreter has to offer: printed as one line of JSON, for the editor's status."""

from __future__ import annotations

import sys


def probe_interpreter() -> dict[str, str | None]:
    """Versions of Python and torch, and the device that training would use."""
    found: dict[str, str | None] = {
        "python": sys.version.split()[0],
        "torch": None,
        "device": None,
        "device_name": None,
        "error": None,
    }
    try:
        import torch
    except ImportError as error:
        return {**found, "error": f"torch cannot be imported: {error}. Install it with `pip install torch`."}
    accelerator = torch.accelerator.current_accelerator() if torch.accelerator.is_available() else None
    device = accelerator.type if accelerator else "cpu"
    name = torch.cuda.get_device_name() if device == "cuda" else device.upper()
    return {**found, "torch": torch.__version__, "device": device, "device_name": name}
