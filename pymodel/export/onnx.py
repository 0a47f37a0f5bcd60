"""ONNX: written by torch's own exporter, checked by onnx, run by onnxruntime beside the model."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from .inputs import Inputs
from .packages import require
from .verify import OutputError, verify


def write_onnx(
    model: nn.Module, inputs: Inputs, samples: Sequence[tuple[Any, ...]], path: Path, metadata: dict[str, str]
) -> tuple[list[OutputError], bool]:
    """Write the model to `path`, then check the file and compare it with the model at each of the `samples`.

    Raises:
        PackageMissing: onnx, onnxscript or onnxruntime is not installed.
        Exception: what the exporter, the checker or the model's own code raises.
    """
    require("onnx", "onnxscript", "onnxruntime")
    import onnx
    import onnxruntime  # type: ignore[import-untyped, unused-ignore]

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the exporter's own inside
        program = torch.onnx.export(
            model,
            samples[0],
            dynamo=True,
            dynamic_shapes=inputs.dynamic_shapes(named=True),
            input_names=[each.name for each in inputs.specs],
            external_data=False,
            verbose=False,
        )
    if program is None:
        raise RuntimeError("torch.onnx.export gave no program")
    proto = program.model_proto
    onnx.helper.set_model_props(proto, metadata)
    onnx.save_model(proto, str(path))
    onnx.checker.check_model(str(path), full_check=True)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    fed = [each.name for each in session.get_inputs()]
    outputs = session.get_outputs()

    def run(given: Sequence[Any]) -> list[Tensor]:
        tensors = [leaf for leaf in torch.utils._pytree.tree_leaves(given) if isinstance(leaf, Tensor)]
        values = {name: tensor.numpy() for name, tensor in zip(fed, tensors, strict=False)}
        return [torch.as_tensor(value) for value in session.run(None, values)]

    names = [each.name for each in outputs]
    return verify(model, run, samples, names, [tuple(each.shape) for each in outputs])
