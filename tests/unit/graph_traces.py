"""Hand-made traces for the graph's tests: what a run of small models would have noted."""

from __future__ import annotations

from typing import Literal

from pymodel.schema import Dims, ModuleSummary, Operation, Position, Read, Tensor, Trace

FILE = "/project/model.py"
SHAPE: Dims = ("B", 64)
Kind = Literal["input", "module", "op", "output"]


def operation(
    id: str,
    inputs: str = "",
    outputs: str = "",
    *,
    parent: str = "",
    kind: Kind | None = None,
    at: tuple[int, int, int] | None = None,
    dims: Dims = SHAPE,
    type: str | None = None,
    parameters: int = 0,
    error: str | None = None,
) -> Operation:
    """An operation on tensors named in space-separated text; `at` is its line, start and end column in FILE."""
    guessed: Kind = "op" if "#" in id else "input" if id.startswith("input:") else "module"
    name = id.rpartition("#")[2].rpartition(".")[2].removeprefix("input:").removeprefix("output:")
    return Operation(
        id=id,
        kind=kind or guessed,
        name=name,
        type=type or name,
        parent=parent,
        path=FILE if at else None,
        start=Position(at[0], at[1]) if at else None,
        end=Position(at[0], at[2]) if at else None,
        inputs=tuple(inputs.split()),
        outputs=tuple(Tensor(each, dims, "float32") for each in outputs.split()),
        parameters=parameters,
        error=error,
    )


def trace(*operations: Operation, modules: tuple[ModuleSummary, ...] = (), reads: tuple[Read, ...] = ()) -> Trace:
    return Trace(
        target=f"{FILE}::Net",
        mode="eval",
        status="complete",
        construction=None,
        inputs=(),
        symbols={},
        values=(),
        modules=modules,
        diagnostics=(),
        totals=None,
        reads=reads,
        operations=operations,
    )


def residual_net() -> Trace:
    """`x = self.conv1(x)`, then a block that adds its input to what `fc` makes of it, then `relu`."""
    return trace(
        operation("input:x", "", "t1", dims=("B", 3)),
        operation("conv1", "t1", "t2", type="Conv2d", parameters=1792, at=(10, 12, 25)),
        operation("conv1#conv2d", "t1 weight", "t2", parent="conv1", at=(10, 12, 25)),
        operation("block", "t2", "t4", type="Block", parameters=10, at=(11, 12, 25)),
        operation("block.fc", "t2", "t3", parent="block", type="Linear", parameters=10, at=(20, 12, 22)),
        operation("block.fc#linear", "t2 weight", "t3", parent="block.fc", at=(20, 12, 22)),
        operation("block#add", "t2 t3", "t4", parent="block", at=(21, 15, 20)),
        operation("#relu", "t4", "t5", at=(12, 15, 36)),
        operation("output:output", "t5", kind="output"),
        modules=(ModuleSummary("conv1", "Conv2d", 1792, 1792, 0, (SHAPE,), arguments="3, 64, kernel_size=(3, 3)"),),
    )


def chain_of_blocks(count: int, *, failing: int | None = None) -> Trace:
    """`count` equal blocks of two operations each, one after the other."""
    operations = [operation("input:x", "", "t0")]
    for i in range(count):
        block = f"layers.{i}"
        error = "does not fit" if i == failing else None
        operations += [
            operation(block, f"t{2 * i}", f"t{2 * i + 2}", type="Block", parameters=7, at=(10, 8, 20), error=error),
            operation(f"{block}#mul", f"t{2 * i}", f"t{2 * i + 1}", parent=block, at=(30, 8, 13)),
            operation(f"{block}#add", f"t{2 * i} t{2 * i + 1}", f"t{2 * i + 2}", parent=block, at=(31, 8, 13)),
        ]
    operations.append(operation("output:output", f"t{2 * count}", kind="output"))
    return trace(*operations)


def chain_of_operations(count: int) -> Trace:
    steps = [operation(f"#add-{i}", f"t{i}", f"t{i + 1}", at=(i + 1, 0, 9)) for i in range(count)]
    return trace(operation("input:x", "", "t0"), *steps, operation("output:output", f"t{count}", kind="output"))
