"""What may be done to an ONNX file after the export. Each gives a new file, which is proven like the first."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from .compare import QUANTISED, Tolerance
from .onnx import LINE
from .packages import require


def simplify(source: Path, result: Path) -> None:
    """Fold, fuse and remove nodes with onnxslim.

    Raises:
        PackageMissing: it is not installed.
    """
    require("onnxslim")
    import onnx
    import onnxslim  # type: ignore[import-not-found, import-untyped, unused-ignore]

    before = onnx.load(str(source))
    _write(before, onnxslim.slim(onnx.load(str(source))), result)


def quantise(source: Path, result: Path) -> None:
    """Weights of 8 bits, activations scaled as they come: onnxruntime's dynamic quantisation."""
    import onnx
    from onnxruntime.quantization import quantize_dynamic  # type: ignore[import-untyped, unused-ignore]

    quantize_dynamic(str(source), str(result))
    _write(onnx.load(str(source)), onnx.load(str(result)), result)


def _write(before: Any, after: Any, path: Path) -> None:
    """Write what a tool made, with the metadata and the lines that it dropped."""
    import onnx

    lines = {
        name: each
        for node in before.graph.node
        for each in node.metadata_props
        if each.key == LINE
        for name in node.output
    }
    producers = {name: node for node in after.graph.node for name in node.output}
    for name, line in lines.items():
        node = producers.get(name)
        if node is not None and all(each.key != LINE for each in node.metadata_props):
            node.metadata_props.append(line)
    del after.metadata_props[:]
    after.metadata_props.extend(before.metadata_props)
    onnx.save_model(after, str(path))


STEPS: dict[str, tuple[Callable[[Path, Path], None], Tolerance | None]] = {
    "simplified": (simplify, None),
    "quantised": (quantise, QUANTISED),
}
"""Each with the tolerance that its result is proven with; None is by dtype."""
