"""A pytest file that holds the shapes that were seen."""

from __future__ import annotations

import re
from pathlib import Path

from ..discover.imports import module_name
from ..schema import Dims, Trace

BATCHES = (2, 5)


def test_path(path: str, name: str) -> str:
    """Where the test of a model goes: beside the file, or in the `tests` folder next to it."""
    folder = Path(path).parent
    tests = folder / "tests"
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
    return str((tests if tests.is_dir() else folder) / f"test_{snake}_shapes.py")


def write_shape_test(path: str, name: str, trace: Trace) -> str | None:
    """The text of a test that makes the model, feeds it two batch sizes and compares what comes out; None where the
    trace does not tell all of it."""
    outputs = trace.modules[0].outputs if trace.modules else ()
    batch = next((symbol for symbol, known in trace.symbols.items() if known.meaning == "batch"), None)
    inputs = [(each.name, each.by, each.expression) for each in trace.inputs]
    if trace.status != "complete" or trace.construction is None or batch is None or not inputs or not outputs:
        return None
    sizes = {symbol: known.probed[0] for symbol, known in trace.symbols.items() if symbol != batch}
    if any(isinstance(dim, str) and dim.startswith("u") and dim[1:].isdigit() for dims in outputs for dim in dims):
        return None
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
    arguments = ", ".join(text if by == "position" else f"{each}={text}" for each, by, text in inputs)
    lines = [
        f'"""The shapes of {name}, as PyModel saw them."""',
        "",
        "import pytest",
        "import torch",
        "",
        f"from {module_name(path)} import *  # noqa: F403",
        f"from {module_name(path)} import {name}",
        *dict.fromkeys(trace.construction.prelude),
        "",
        "",
        f'@pytest.mark.parametrize("{batch}", {list(BATCHES)})',
        f"def test_{snake}_shapes({batch}):",
        *(f"    {symbol} = {size}" for symbol, size in sizes.items()),
        f"    model = {trace.construction.expression}.eval()",
        "    with torch.no_grad():",
        f"        output = model({arguments})",
    ]
    if len(outputs) == 1:
        lines.append(f"    assert output.shape == {_tuple(outputs[0])}")
    else:
        lines.append(f"    assert [tuple(each.shape) for each in output] == [{', '.join(map(_tuple, outputs))}]")
    return "\n".join(lines) + "\n"


def _tuple(dims: Dims) -> str:
    inner = ", ".join(map(str, dims))
    return f"({inner},)" if len(dims) == 1 else f"({inner})"
