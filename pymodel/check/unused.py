"""`unused-module`, `unused-parameter`: set up in `__init__`, and named nowhere else."""

from __future__ import annotations

from torch import nn

from ..schema import Diagnostic, Trace
from .attributes import ClassText


def find_unused(model: nn.Module, text: ClassText, trace: Trace) -> list[Diagnostic]:
    """Witness: `forward` ran to its end without it, and no code of the file reads it."""
    if not text.is_plain:
        return []
    called = {
        operation.id.partition("@")[0].partition(".")[0] for operation in trace.operations if operation.kind == "module"
    }
    owned: dict[str, nn.Module | nn.Parameter] = {
        **dict(model.named_children()),
        **dict(model.named_parameters(recurse=False)),
    }
    found = []
    for name, value in owned.items():
        place = text.place(name)
        if place is None or name in text.names_read or name in called:
            continue
        count = sum(each.numel() for each in value.parameters()) if isinstance(value, nn.Module) else value.numel()
        if not count:
            continue
        words = (
            f"`self.{name}` is never used: its {count:,} parameters get no gradient, but are kept, saved, and stop "
            "distributed training."
        )
        code = "unused-module" if isinstance(value, nn.Module) else "unused-parameter"
        found.append(Diagnostic(code, "warning", words, place.path, place.start, place.end))
    return found
