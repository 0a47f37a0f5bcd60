"""`dtype-mix`: one tensor of float64 makes float64 of all that it meets, at half the speed and twice the memory."""

from __future__ import annotations

from ..schema import Diagnostic
from .broadcasts import ELEMENTWISE
from .flow import Flow, finding
from .words import show

MIXING = ELEMENTWISE | {"cat", "concat", "stack"}
FLOATING = frozenset(("float16", "bfloat16", "float32"))


def find_dtype_mix(flow: Flow) -> list[Diagnostic]:
    """Witness: float32 goes in, float64 comes out. Told where it begins, not where it spreads."""
    found = []
    spread: set[str] = set()
    for operation in flow.operations:
        is_spread = not spread.isdisjoint(operation.inputs)
        tensors = [flow.tensors[each] for each in operation.inputs if each in flow.tensors]
        doubles = [each for each in tensors if each.dtype == "float64" and each.dims]
        others = [each for each in tensors if each.dtype in FLOATING and each.dims]
        mixes = operation.name in MIXING and doubles and others and operation.outputs[0].dtype == "float64"
        if is_spread or mixes:
            spread.update(each.id for each in operation.outputs)
        if is_spread or not mixes or operation.start is None:
            continue
        double, other = doubles[0], others[0]
        words = (
            f"float64 spreads from here: {show(other.dims)} of {other.dtype} meets {show(double.dims)} of float64, and "
            "all that follows is float64. "
            f"`dtype=torch.{other.dtype}` where it is made keeps {other.dtype}."
        )
        related = [(flow.origin(double.id), f"{show(double.dims)} of float64 is made here")]
        found.append(finding("dtype-mix", "warning", words, operation, related))
    return found
