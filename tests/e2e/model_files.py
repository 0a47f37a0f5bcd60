"""Model files of the formats that the graph page opens, made by their own library or to the letter of the format."""

from __future__ import annotations

import io
import json
import math
import os
import pickle
import struct
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

GGUF_STRING, GGUF_UINT32 = 8, 4
GGUF_ALIGNMENT = 32


def write_safetensors(path: Path, shapes: Mapping[str, tuple[int, ...]]) -> None:
    """Zeros in float32, in a file that takes no room on the disk however large it is."""
    header: dict[str, Any] = {}
    end = 0
    for name, shape in shapes.items():
        start, end = end, end + 4 * math.prod(shape)
        header[name] = {"dtype": "F32", "shape": list(shape), "data_offsets": [start, end]}
    text = json.dumps(header).encode()
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        file.truncate(8 + len(text) + end)


class _Weights:
    """Pickled as torch pickles a tensor whose storage is the archive's entry `key`."""

    def __init__(self, key: str, shape: tuple[int, ...]) -> None:
        self.key = key
        self.shape = shape

    def __reduce__(self) -> tuple[Any, ...]:
        from torch._utils import _rebuild_tensor_v2

        strides = tuple(math.prod(self.shape[axis + 1 :]) for axis in range(len(self.shape)))
        return _rebuild_tensor_v2, (_Storage(self.key, math.prod(self.shape)), 0, self.shape, strides, False, {})


@dataclass(frozen=True)
class _Storage:
    key: str
    count: int


class _Pickler(pickle.Pickler):
    def persistent_id(self, value: Any) -> Any:
        import torch

        return ("storage", torch.FloatStorage, value.key, "cpu", value.count) if isinstance(value, _Storage) else None


def write_checkpoint(path: Path, shapes: Mapping[str, tuple[int, ...]]) -> None:
    """What `torch.save` makes of zeros in float32, in a file that takes no room on the disk however large it is."""
    text = io.BytesIO()
    _Pickler(text, 2).dump({name: _Weights(str(key), shape) for key, (name, shape) in enumerate(shapes.items())})
    with path.open("wb") as file, zipfile.ZipFile(file, "w") as archive:
        archive.writestr("archive/data.pkl", text.getvalue())
        archive.writestr("archive/version", "3\n")
        for key, shape in enumerate(shapes.values()):
            _write_hole(archive, f"archive/data/{key}", 4 * math.prod(shape))


def _write_hole(archive: zipfile.ZipFile, name: str, size: int) -> None:
    """An entry of zeros that are not written; its checksum is not theirs, and is not looked at."""
    info = zipfile.ZipInfo(name)
    info.CRC = 0
    info.file_size = info.compress_size = size
    file = archive.fp
    assert file is not None
    info.header_offset = file.tell()
    file.write(info.FileHeader())
    file.seek(size, os.SEEK_CUR)
    archive.start_dir = file.tell()  # type: ignore[attr-defined]
    archive.filelist.append(info)
    archive.NameToInfo[name] = info


def write_gguf(path: Path, architecture: str, tokens: int, shapes: Mapping[str, tuple[int, ...]]) -> None:
    """A GGUF of version 3: an architecture, a vocabulary of so many tokens, and zeros in float32."""
    metadata = [
        _text("general.architecture") + struct.pack("<I", GGUF_STRING) + _text(architecture),
        _text("tokenizer.ggml.tokens")
        + struct.pack("<IIQ", 9, GGUF_STRING, tokens)
        + b"".join(_text(f"token {number}") for number in range(tokens)),
    ]
    tensors = b""
    end = 0
    for name, shape in shapes.items():
        dims = struct.pack(f"<I{len(shape)}Q", len(shape), *shape)
        tensors += _text(name) + dims + struct.pack("<IQ", 0, end)
        end += _aligned(4 * math.prod(shape))
    head = b"GGUF" + struct.pack("<IQQ", 3, len(shapes), len(metadata)) + b"".join(metadata) + tensors
    with path.open("wb") as file:
        file.write(head)
        file.truncate(_aligned(len(head)) + end)


def write_tflite(path: Path) -> None:
    """One operation, a ReLU from `x` to `y`."""
    import flatbuffers

    builder = flatbuffers.Builder()

    def table(*fields: tuple[int, Any, Any]) -> int:
        builder.StartObject(8)
        for slot, value, prepend in fields:
            prepend(slot, value, 0)
        return int(builder.EndObject())

    def vector(offsets: list[int]) -> int:
        builder.StartVector(4, len(offsets), 4)
        for each in reversed(offsets):
            builder.PrependUOffsetTRelative(each)
        return int(builder.EndVector())

    def numbers(values: list[int]) -> int:
        builder.StartVector(4, len(values), 4)
        for each in reversed(values):
            builder.PrependInt32(each)
        return int(builder.EndVector())

    offset, byte, number = (
        builder.PrependUOffsetTRelativeSlot,
        builder.PrependInt8Slot,
        builder.PrependInt32Slot,
    )
    relu = 19
    code = table((0, relu, byte), (2, 1, number), (3, relu, number))
    tensors = [
        table((0, shape, offset), (3, name, offset))
        for name, shape in [(builder.CreateString(name), numbers([1, 8])) for name in ("x", "y")]
    ]
    ins, outs = numbers([0]), numbers([1])
    operator = table((1, ins, offset), (2, outs, offset))
    all_tensors, ins, outs, operators = vector(tensors), numbers([0]), numbers([1]), vector([operator])
    graph = table((0, all_tensors, offset), (1, ins, offset), (2, outs, offset), (3, operators, offset))
    codes, graphs, buffers = vector([code]), vector([graph]), vector([table()])
    model = table((0, 3, number), (1, codes, offset), (2, graphs, offset), (4, buffers, offset))
    builder.Finish(model, file_identifier=b"TFL3")
    path.write_bytes(bytes(builder.Output()))


def write_keras(path: Path) -> None:
    """A Sequential of two Dense layers, as Keras writes it into HDF5: its configuration and its weights."""
    import h5py
    import numpy

    layers = [("hidden", 8, 4), ("head", 4, 2)]
    configs = [
        {"class_name": "Dense", "config": {"name": name, "units": units, "activation": "relu"}}
        for name, _, units in layers
    ]
    with h5py.File(path, "w") as file:
        file.attrs["keras_version"] = "2.15.0"
        file.attrs["backend"] = "tensorflow"
        file.attrs["model_config"] = json.dumps(
            {"class_name": "Sequential", "config": {"name": "net", "layers": configs}}
        )
        weights = file.create_group("model_weights")
        weights.attrs["layer_names"] = [name.encode() for name, _, _ in layers]
        for name, width, units in layers:
            group = weights.create_group(name)
            group.attrs["weight_names"] = [f"{name}/kernel:0".encode(), f"{name}/bias:0".encode()]
            group.create_dataset(f"{name}/kernel:0", data=numpy.zeros((width, units), "float32"))
            group.create_dataset(f"{name}/bias:0", data=numpy.zeros(units, "float32"))


def _aligned(size: int) -> int:
    return -(-size // GGUF_ALIGNMENT) * GGUF_ALIGNMENT


def _text(text: str) -> bytes:
    return struct.pack("<Q", len(text.encode())) + text.encode()
