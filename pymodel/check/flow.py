"""What flows into what, over the operations of a trace: the ground that traps stand on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from ..schema import Diagnostic, Dims, Operation, Related, Tensor
from ..schema.diagnostic import Severity

SHAPING = frozenset(
    (
        *("view", "reshape", "flatten", "squeeze", "unsqueeze", "ravel", "transpose", "permute", "contiguous"),
        *("__getitem__", "clone", "expand", "to", "float", "double", "half", "type", "type_as"),
    )
)
"""Functions that hand the values of their first operand on, in another shape or dtype."""


class Flow:
    """The operations of a trace by the tensors that they make. Calls of submodules are left out: what they hold is
    there."""

    def __init__(self, operations: Sequence[Operation]) -> None:
        self.operations = tuple(each for each in operations if each.kind != "module")
        self.modules = {each.id: each for each in operations if each.kind == "module"}
        self.tensors: dict[str, Tensor] = {}
        self._makers: dict[str, Operation] = {}
        for operation in self.operations:
            for tensor in operation.outputs:
                self.tensors[tensor.id] = tensor
                self._makers[tensor.id] = operation

    def dims(self, tensor: str) -> Dims | None:
        found = self.tensors.get(tensor)
        return found.dims if found else None

    def maker(self, tensor: str) -> Operation | None:
        """What made a tensor; None for a parameter or buffer."""
        return self._makers.get(tensor)

    def origin(self, tensor: str, through: Iterable[str] = SHAPING) -> Operation | None:
        """What made the values of a tensor: its maker, or that one's first operand's where it only hands them on."""
        passing = frozenset(through)
        maker = self.maker(tensor)
        while maker is not None and maker.name in passing and maker.inputs:
            maker = self.maker(maker.inputs[0])
        return maker

    def named(self, names: Iterable[str]) -> Iterator[Operation]:
        """The operations of these functions that stand somewhere in the user's text."""
        wanted = frozenset(names)
        return (each for each in self.operations if each.kind == "op" and each.name in wanted and each.start)


def finding(
    code: str,
    severity: Severity,
    message: str,
    operation: Operation,
    related: Iterable[tuple[Operation | None, str]] = (),
) -> Diagnostic:
    """A diagnostic on an operation; `related` are further ones with what to say of them."""
    assert operation.path is not None
    assert operation.start is not None
    assert operation.end is not None
    places = tuple(
        Related(each.path, each.start, each.end, words)
        for each, words in related
        if each is not None and each.path and each.start and each.end
    )
    return Diagnostic(code, severity, message, operation.path, operation.start, operation.end, places)
