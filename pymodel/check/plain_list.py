"""`plain-list`: modules in a Python list or dict, where neither optimizer nor checkpoint nor `.to()` finds them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any

from torch import nn

from ..schema import Diagnostic
from .attributes import ClassText


def find_plain_lists(model: nn.Module, text: ClassText) -> list[Diagnostic]:
    """Witness: parameters of the instance that was built which `model.parameters()` does not give."""
    registered = set(map(id, model.modules()))
    found = []
    for name, value in vars(model).items():
        place = text.place(name)
        if place is None or name.startswith("_") or _hides_on_purpose(text, name):
            continue
        hidden = [each for each in _modules_in(value) if id(each) not in registered]
        count = sum(parameter.numel() for each in hidden for parameter in each.parameters())
        if not count:
            continue
        kind, fitting = ("dict", "ModuleDict") if isinstance(value, dict) else (type(value).__name__, "ModuleList")
        words = (
            f"`self.{name}` is a plain {kind}: its {len(hidden)} modules with {count:,} parameters are not part of the "
            f"model. The optimizer does not train them, checkpoints lack them, and `.to()` leaves them behind. "
            f"`nn.{fitting}` registers them."
        )
        found.append(Diagnostic("plain-list", "warning", words, place.path, place.start, place.end))
    return found


def _modules_in(value: Any) -> Iterator[nn.Module]:
    items = value.values() if isinstance(value, dict) else value if isinstance(value, (list, tuple)) else ()
    for item in items:
        if isinstance(item, nn.Module):
            yield item
        elif isinstance(item, (list, tuple, dict)):
            yield from _modules_in(item)


def _hides_on_purpose(text: ClassText, name: str) -> bool:
    """`self.teacher = [teacher]`: a list of one name keeps a module out of the model."""
    value = text.assigned[name].value
    return isinstance(value, (ast.List, ast.Tuple)) and len(value.elts) == 1 and isinstance(value.elts[0], ast.Name)
