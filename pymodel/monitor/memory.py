"""What the process holds: read from the system, and from the allocator's own counters, which wait for no device."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def read_memory(*, has_torch: bool) -> dict[str, float]:
    """Bytes on the host, and on the device of a process that uses CUDA; how busy that is, where its driver tells."""
    values: dict[str, float] = {}
    statm = Path("/proc/self/statm")
    if statm.exists():
        values["memory_bytes"] = int(statm.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    torch = sys.modules.get("torch") if has_torch else None
    if torch is not None and torch.cuda.is_initialized():
        values["gpu_memory_bytes"] = torch.cuda.memory_allocated()
        if "pynvml" in sys.modules:
            values["gpu_percent"] = torch.cuda.utilization()
    return values
