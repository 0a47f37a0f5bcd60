"""An ONNX file is sent to the graph page without its weights, and stays the same model otherwise."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import onnx
import pytest
from onnx import TensorProto, helper

ROOT = Path(__file__).resolve().parents[2]


def run(source: Path, result: Path) -> subprocess.CompletedProcess[str]:
    script = (
        "import { build } from 'esbuild';"
        "import { writeFileSync } from 'node:fs'; import { open } from 'node:fs/promises';"
        "const { outputFiles } = await build({ entryPoints: ['extension/src/views/onnxOutline.ts'], bundle: true,"
        " format: 'esm', write: false, platform: 'node' });"
        "const { withoutWeights } = await import('data:text/javascript,' + encodeURIComponent(outputFiles[0].text));"
        f"const file = await open({json.dumps(str(source))});"
        "let read = 0;"
        "const part = async (offset, length) => {"
        "  read += length;"
        "  return (await file.read(new Uint8Array(length), 0, length, offset)).buffer;"
        "};"
        f"writeFileSync({json.dumps(str(result))}, await withoutWeights(part, (await file.stat()).size));"
        "console.log(read);"
    )
    arguments = ["node", "--input-type=module", "--eval", script]
    return subprocess.run(arguments, cwd=ROOT, timeout=60, capture_output=True, text=True)


def model(width: int) -> onnx.ModelProto:
    graph = helper.make_graph(
        [helper.make_node("Gemm", ["x", "weight", "bias"], ["y"], name="fc", transB=1)],
        "net",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 300])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", width])],
        [
            helper.make_tensor("weight", TensorProto.FLOAT, [width, 300], bytes(4 * 300 * width), raw=True),
            helper.make_tensor("bias", TensorProto.FLOAT, [width], [0.25] * width),
        ],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)


def test_only_the_data_of_large_initializers_goes(tmp_path: Path) -> None:
    whole = model(width=40)
    onnx.save(whole, tmp_path / "whole.onnx")
    assert run(tmp_path / "whole.onnx", tmp_path / "outline.onnx").returncode == 0
    outline = onnx.load(tmp_path / "outline.onnx")
    assert (tmp_path / "outline.onnx").stat().st_size < 1000
    weight, bias = outline.graph.initializer
    assert (weight.name, list(weight.dims), weight.raw_data) == ("weight", [40, 300], b"")
    assert bias == whole.graph.initializer[1]
    for proto in (whole, outline):
        del proto.graph.initializer[:]
    assert outline == whole


def test_the_data_of_large_initializers_is_not_read(tmp_path: Path) -> None:
    onnx.save(model(width=40_000), tmp_path / "whole.onnx")
    done = run(tmp_path / "whole.onnx", tmp_path / "outline.onnx")
    assert (tmp_path / "whole.onnx").stat().st_size > 40_000_000
    assert int(done.stdout) < 1_000_000


@pytest.mark.parametrize("content", [b"\xff\xff\xff", b"\x08\x0a\x3a\x7f", b"\x0f", b"\x08"])
def test_what_is_no_onnx_file_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "broken.onnx").write_bytes(content)
    done = run(tmp_path / "broken.onnx", tmp_path / "outline.onnx")
    assert done.returncode != 0
    assert "MalformedFile" in done.stderr
