"""What is missing between two operations: a flatten, permute, unsqueeze, pooling, or another dtype."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from math import prod

from ..schema import Diagnostic, Dim, Dims, Fix
from ..trace.assemble import Failure
from .constants import CONVOLUTIONS, TAKES, take
from .evidence import Evidence
from .source import Source, argument, operand

NORMS = ("batch_norm", "instance_norm", "group_norm")
PERMUTES = {3: ".transpose(1, 2)", 4: ".permute(0, 3, 1, 2)", 5: ".permute(0, 4, 1, 2, 3)"}
"""By rank, what puts the last dimension second."""
PERMUTES_BACK = {3: ".transpose(1, 2)", 4: ".permute(0, 2, 3, 1)", 5: ".permute(0, 2, 3, 4, 1)"}
"""By rank, what puts the second dimension last."""


def shape_fixes(found: Diagnostic, failure: Failure, evidence: Evidence) -> Iterator[Fix]:
    """Edits at the failing expression, the likeliest first. Those that do not help are sorted out by the proof."""
    source = evidence.source(found.path)
    node = source.at(found.start, found.end) if source is not None else None
    if source is None or node is None:
        return
    for index, suffix in _suffixes(failure):
        given = operand(node, index, failure.function)
        if given is not None:
            yield Fix(f"Insert `{suffix}`", (source.append(given, suffix),))
    yield from _views(source, node, failure, found, evidence)
    yield from _joins(source, node, failure)


def _suffixes(failure: Failure) -> Iterator[tuple[int, str]]:
    """What to call on which operand."""
    name, operands = failure.function, failure.operands
    if "operands of the same dtype" in failure.message:
        given, wanted = failure.message.rpartition("got: ")[2].split(" != ")
        short = {"float32": ".float()", "float64": ".double()", "int64": ".long()"}
        yield 0, short.get(wanted, f".to(torch.{wanted})")
        yield 1, short.get(given, f".to(torch.{given})")
    if not operands:
        return
    source = operands[0]
    if name == "embedding":
        yield 0, ".long()"
    if name in TAKES and len(operands) > 1:
        wants = operands[1][-1] if name == "linear" else operands[1][1 if name in CONVOLUTIONS else 0]
        yield from ((0, suffix) for suffix in _for_layer(name, source, wants))
    if name in ("LSTM", "GRU", "RNN"):
        yield 0, ".transpose(1, 2)"
    if name in ("matmul", "__matmul__", "bmm", "mm"):
        yield 1, ".transpose(-2, -1)"
        yield 0, ".transpose(-2, -1)"
    if name.strip("_") in ("add", "radd", "sub", "mul", "rmul", "truediv", "div", "iadd", "imul") and len(operands) > 1:
        yield from _for_elementwise(source, operands[1])
    if name in ("cross_entropy", "nll_loss"):
        yield 1, ".long()"
        yield 1, ".squeeze(1)"
        yield 0, ".transpose(1, 2)"
    if name.startswith("binary_cross_entropy") and len(operands) > 1:
        yield 1, ".float()"
        yield (0, ".squeeze(1)") if len(source) > len(operands[1]) else (1, ".squeeze(1)")
        yield 1, ".unsqueeze(1)"
    if name == "backward":
        yield 0, ".mean()"


def _for_layer(name: str, source: Dims, wants: Dim) -> Iterator[str]:
    rank = len(source)
    if name == "linear":
        if rank > 2 and _count(source[1:]) == wants:
            yield ".flatten(1)"
        if rank in PERMUTES_BACK and source[1] == wants:
            if rank == 4:
                yield ".mean(dim=(2, 3))"
            yield PERMUTES_BACK[rank]
    elif name == "layer_norm" and rank in PERMUTES_BACK and source[1] == wants:
        yield PERMUTES_BACK[rank]
    elif name in (*CONVOLUTIONS, *NORMS):
        if rank in PERMUTES and source[-1] == wants:
            yield PERMUTES[rank]
        if name in CONVOLUTIONS and rank == int(name[-2]) + 1 and wants == 1:
            yield ".unsqueeze(1)"


def _for_elementwise(left: Dims, right: Dims) -> Iterator[tuple[int, str]]:
    for index, (short, long) in enumerate(((left, right), (right, left))):
        if len(short) < len(long):
            missing = len(long) - len(short)
            if short == long[: len(short)]:
                yield index, ".unsqueeze(-1)" * missing
            if missing == 1:
                yield from ((index, f".unsqueeze({n})") for n in range(1, len(short) + 1))
        elif len(short) == len(long) == 3 and (short[2], short[1]) == (long[1], long[2]):
            yield index, ".transpose(1, 2)"
        elif len(short) == len(long) and sorted(map(str, short)) == sorted(map(str, long)) and len(short) == 4:
            yield index, PERMUTES[4]
            yield index, PERMUTES_BACK[4]


def _views(source: Source, node: ast.expr, failure: Failure, found: Diagnostic, evidence: Evidence) -> Iterator[Fix]:
    """A `view` whose numbers do not fit: flattened, with the layer behind it made for that, or with one number free."""
    if failure.function not in ("view", "reshape") or not isinstance(node, ast.Call) or not failure.operands:
        return
    operation = evidence.failed_operation(found, failure)
    yield from flatten_fixes(source, node, failure.operands[0], operation.outputs[0].id if operation else "", evidence)
    sizes = argument(node, 0)
    given = sizes.elts if isinstance(sizes, (ast.Tuple, ast.List)) else node.args
    if not any(ast.unparse(each) == "-1" for each in given):
        for each in reversed(given[1:]):
            yield Fix(f"Leave `{source.text(each)}` to `{failure.function}`", (source.replace(each, "-1"),))


def flatten_fixes(source: Source, node: ast.Call, dims: Dims, output: str, evidence: Evidence) -> Iterator[Fix]:
    """`x.view(-1, 6400)` as `x.flatten(1)`, the linear layer behind it made for what a sample holds."""
    count = _count(dims[1:])
    given = operand(node, 0, node.func.attr if isinstance(node.func, ast.Attribute) else "")
    if count is None or given is None:
        return
    flattened = source.replace(node, f"{source.text(given)}.flatten(1)")
    consumer = next((each for each in evidence.flow.operations if output and each.inputs[:1] == (output,)), None)
    path = evidence.module_of(consumer) if consumer is not None and consumer.name == "linear" else None
    edit = take(path, count, evidence) if path is not None else None
    if edit is not None:
        yield Fix(f"Flatten each sample, and let `{path}` take its {count:,} values", (flattened, edit))
    yield Fix("Flatten each sample with `.flatten(1)`", (flattened,))


def _joins(source: Source, node: ast.expr, failure: Failure) -> Iterator[Fix]:
    """`cat` along another dimension."""
    if failure.function not in ("cat", "concat") or not isinstance(node, ast.Call) or not failure.operands:
        return
    given = argument(node, 1, "dim", "axis")
    for dim in (1, -1, *range(len(failure.operands[0]))):
        if given is not None:
            yield Fix(f"Join along dimension {dim}", (source.replace(given, str(dim)),))
        else:
            yield Fix(f"Join along dimension {dim}", (source.replace(node, f"{source.text(node)[:-1]}, dim={dim})"),))


def _count(dims: tuple[Dim, ...]) -> int | None:
    numbers = [dim for dim in dims if isinstance(dim, int)]
    return prod(numbers) if len(numbers) == len(dims) else None
