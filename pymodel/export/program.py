"""`.pt2`: torch's own ExportedProgram, loaded again and run beside the model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from .inputs import Inputs
from .verify import OutputError, flatten_tensors, verify


def write_program(
    model: nn.Module, inputs: Inputs, samples: Sequence[tuple[Any, ...]], path: Path, metadata: dict[str, str]
) -> tuple[list[OutputError], bool]:
    """Write the model to `path`, then load the file and compare it with the model at each of the `samples`."""
    program = torch.export.export(model, samples[0], dynamic_shapes=inputs.dynamic_shapes(named=False))
    extra = {f"{name}.txt": value for name, value in metadata.items()}
    torch.export.save(program, str(path), extra_files=extra)
    loaded = torch.export.load(str(path)).module()
    with torch.no_grad():
        first = flatten_tensors(loaded(*samples[0]))
    names = [f"output_{index}" for index in range(len(first))]
    values = [node.meta.get("val") for node in program.graph.output_node().args[0] if hasattr(node, "meta")]
    shapes = [value.shape for value in values if isinstance(value, torch.Tensor)][-len(first) :]
    dims = [tuple(dim if isinstance(dim, int) else str(dim) for dim in shape) for shape in shapes]
    return verify(model, lambda given: flatten_tensors(loaded(*given)), samples, names, dims)
